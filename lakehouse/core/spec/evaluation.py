"""Evaluation of a dataset as declared: frozen sets, gates, policies of repair, bounds of a release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lakehouse.core.spec.words import Call, Model, Name


class HeldOut(Model):
    """A frozen evaluation set: another dataset, pinned by content."""

    dataset: Name = Field(description="The dataset that is the frozen set.")
    content: str | None = Field(default=None, description="Leading digits (12 or more) of its content id; without it, its latest version.")


SPLIT_LEAK = "split_leak"
"""The metric of what more than one split holds; its parts are called `split_leak.NAME`. No evaluation measures it: gold does."""
SPLIT_LEAKS = (SPLIT_LEAK, *(f"{SPLIT_LEAK}.{part}" for part in ("groups", "rows", "near", "equal_features")))


class Gate(Model):
    """A condition a version must meet: absolute (`at_least`, `at_most`), or against the last release or a constant answer (`versus`)."""

    metric: str = Field(
        description="The metric, as its evaluation names it: `macro_f1`, `mae`, ...; `split_leak` is what more than one split holds."
    )
    evaluation: str | None = Field(default=None, description="The evaluation that measures it; without it, the first declared.")
    on: Literal["held_out", "test", "also"] | None = Field(
        default=None,
        description="The rows, `also` those of an evaluation that reads another set; without it, `held_out` if declared, else `test`.",
    )
    at_least: float | None = Field(default=None, description="The least value.")
    at_most: float | None = Field(default=None, description="The greatest value.")
    versus: Literal["released", "baseline"] | None = Field(
        default=None,
        description="`released`: the last release; `baseline`: the most frequent label of the train rows, of numbers their mean.",
    )
    margin: float = Field(
        default=0.01, ge=0, description="With `released`, the loss that is borne; with `baseline`, the gain that is asked."
    )

    @model_validator(mode="after")
    def _check(self) -> Gate:
        absolute = self.at_least is not None or self.at_most is not None
        if absolute == (self.versus is not None):
            raise ValueError("a gate has either `at_least`/`at_most` or `versus: released` or `versus: baseline`")
        if self.of_splits and (self.metric not in SPLIT_LEAKS or self.versus or self.evaluation or self.on):
            raise ValueError(f"a gate on splits is such as {{metric: split_leak, at_most: 0}}, of one of {', '.join(SPLIT_LEAKS)}")
        return self

    @property
    def of_splits(self) -> bool:
        """Whether it speaks of what more than one split holds, which no evaluation measures."""
        return self.metric.partition(".")[0] == SPLIT_LEAK

    def in_words(self, on: str) -> str:
        """The gate on a set in words: `macro_f1 on held_out >= 0.8`."""
        if self.versus == "baseline":
            return f"{self.metric} on {on} better than baseline by more than {self.margin:g}"
        if self.versus:
            return f"{self.metric} on {on} not worse than released by {self.margin:g}"
        bounds = ((">=", self.at_least), ("<=", self.at_most))
        of = self.metric if self.of_splits else f"{self.metric} on {on}"
        return f"{of} " + " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


class Pilot(Model):
    """The evaluations of each version and the gates it must pass."""

    held_out: HeldOut | None = Field(default=None, description="The frozen set on which versions are compared.")
    evaluations: list[Call] = Field(default_factory=list, description="Evaluations with their parameters, of the page of evaluations.")
    gates: list[Gate] = Field(default_factory=list, description="Conditions of a release.")
    self_test: bool = Field(
        default=False, description="A metric gates only after known-bad controls made from the train rows scored worse."
    )

    @model_validator(mode="after")
    def _check(self) -> Pilot:
        if any(not gate.of_splits for gate in self.gates) and not self.evaluations:
            raise ValueError("gates need at least one evaluation")
        for gate in self.gates:
            if gate.versus == "released" and (self.held_out is None or gate.on in ("test", "also")):
                raise ValueError(
                    f"the gate on {gate.metric} against the release needs `held_out`: versions compare only on the same frozen rows"
                )
            if gate.on == "held_out" and self.held_out is None:
                raise ValueError(f"the gate on {gate.metric} speaks of `held_out`, which is not declared")
        return self

    @property
    def judges(self) -> bool:
        """Whether a version is evaluated or passes gates."""
        return bool(self.evaluations or self.gates)

    def set_of(self, gate: Gate) -> Literal["held_out", "test", "also"]:
        """The set a gate speaks of: as declared, else the frozen set where there is one."""
        return gate.on or ("held_out" if self.held_out else "test")

    def in_words(self, gate: Gate) -> str:
        """A gate of this pilot in words."""
        return gate.in_words(self.set_of(gate))


class RepairPolicy(Model):
    """The action for the rows of one kind of ticket."""

    on: Literal["contradiction", "label_error", "neighbours", "low_value", "influence", "slice", "coverage", "drift", "leak", "report"] = (
        Field(description="The kind of finding.")
    )
    action: Literal["relabel", "drop", "queue", "recollect", "propose"] = Field(
        description="`relabel` takes the suggested label, `drop` the row out; `queue` asks a person, `recollect` the source; "
        "`propose` looks for a threshold of the recipe that would take the rows out."
    )
    p_given_at_most: float = Field(default=0.15, ge=0, le=1, description="Only rows whose label has at most this probability.")
    agree: int = Field(default=1, ge=1, le=3, description="Only rows that so many kinds of finding name.")

    @model_validator(mode="after")
    def _check(self) -> RepairPolicy:
        if self.action == "relabel" and self.on in ("low_value", "influence"):
            raise ValueError(f"`{self.on}` suggests no other label: drop, queue or propose")
        if self.action in ("relabel", "drop") and self.on in ("coverage", "drift", "leak"):
            raise ValueError(
                f"`{self.on}` means that rows are missing or differ, not that the named ones are wrong: recollect, queue or propose"
            )
        return self


class RepairLimits(Model):
    """Limits of a repair without a person."""

    rounds: int = Field(default=3, ge=1, le=20, description="Tickets that one run applies and judges.")
    rows: float = Field(default=0.1, gt=0, le=1, description="Share of the labelled rows that all rounds together may change or drop.")
    gain: float = Field(default=0.0, ge=0, description="A round that gains less than this in the metric is the last.")


class Repair(Model):
    """Repair of findings without a person, and its verdict."""

    metric: str = Field(default="macro_f1", description="The metric by which the versions before and after are compared.")
    evaluation: str | None = Field(default=None, description="The evaluation that measures it; without it, the first declared.")
    margin: float = Field(default=0.01, ge=0, description="Within it, two versions are equal.")
    close_on: list[Literal["better", "equal", "inconclusive"]] = Field(
        default=["better", "equal"], min_length=1, description="Verdicts of the new version over the old one that close a ticket."
    )
    policies: list[RepairPolicy] = Field(min_length=1, description="What is done, one policy a kind of finding.")
    limits: RepairLimits = Field(default=RepairLimits(), description="How far a run may go.")

    @model_validator(mode="after")
    def _check(self) -> Repair:
        kinds = [policy.on for policy in self.policies]
        if len(kinds) != len(set(kinds)):
            raise ValueError("one policy a kind of ticket")
        return self


class Screen(Model):
    """Bounds on the findings of a release, of its diagnosis and of its users; each bound that is declared has to have been measured."""

    contradiction: float | None = Field(default=None, ge=0, le=1, description="Share of the rows whose duplicates have other labels.")
    label_error: float | None = Field(default=None, ge=0, le=1, description="Share of the rows whose label is likely wrong.")
    slice: float | None = Field(default=None, ge=0, le=1, description="Error rate of the worst slice.")
    report: float | None = Field(default=None, ge=0, le=1, description="Share of the rows that open tickets of reports name.")

    @property
    def bounds(self) -> dict[str, float]:
        """The declared bounds by kind of finding."""
        return {kind: bound for kind, bound in self.model_dump().items() if bound is not None}
