"""Sources and datasets as people declare them: frozen, strict, no unknown keys."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
PII = ("email", "phone", "url", "ip", "cn_id", "bank_card")
"""Privacy classes that the word `pii` stands for. Others are declared by their own word: `name`, or `cn_uscc`, `iban` and `key`, which
`redact` finds as well."""


def _name(value: str) -> str:
    if not NAME.match(value):
        raise ValueError("a name is lower-case letters, digits and `_`, starting with a letter")
    return value


def _owner(value: str) -> str:
    if not re.match(r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+)$", value):
        raise ValueError("an owner is `team:NAME` or an e-mail address")
    return value


Name = Annotated[str, AfterValidator(_name)]
Owner = Annotated[str, AfterValidator(_owner)]
Level = Literal["general", "important", "core"]
LEVELS: tuple[Level, ...] = ("general", "important", "core")
"""Sensitivity, lowest first: 一般, 重要, 核心, in the form of GB/T 43697-2024."""
ColumnType = Literal["string", "int", "float", "bool", "binary", "json"]


class Model(BaseModel):
    """Base of all declarations."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, str_strip_whitespace=False)


class Call(Model):
    """A named function with its parameters, written `{name: {parameter: value}}` or just `name`."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value, "params": {}}
        if isinstance(value, dict) and len(value) == 1:
            name, params = next(iter(value.items()))
            if params is None or isinstance(params, dict):
                return {"name": name, "params": params or {}}
        raise ValueError("write it as `name: {parameter: value}`")


class Detection(Model):
    """A detector with its parameters, and what is done with rows that it flags: `{detector: {parameter: value}, action: warn}`."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)
    action: Literal["quarantine", "warn"] | None = Field(
        default=None, description="`quarantine` keeps flagged rows out of silver, `warn` only tells; without it, the detector's own."
    )
    max_rate: float = Field(default=0.0, ge=0, le=1, description="Share of the rows that may be flagged before the check fails.")
    blocking: bool = Field(default=False, description="Datasets refuse the source while the check fails.")

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and not isinstance(value.get("name"), str):
            own = {key: item for key, item in value.items() if key in ("action", "max_rate", "blocking")}
            calls = [(key, item) for key, item in value.items() if key not in own]
            if len(calls) == 1 and (calls[0][1] is None or isinstance(calls[0][1], dict)):
                return {"name": calls[0][0], "params": calls[0][1] or {}, **own}
        raise ValueError("write it as `detector: {parameter: value}`, beside it `action`, `max_rate`, `blocking`")

    @property
    def call(self) -> Call:
        """The detector and its parameters alone."""
        return Call.model_validate({self.name: self.params})


class Source(Model):
    """Raw material, shared by datasets: `assets/sources/<source>.yaml`."""

    source: Name
    description: str
    owner: Owner
    license: str = Field(description="SPDX identifier or the terms in words; carried to every row.")
    connector: Call
    key: Literal["position", "content"] | list[str] = Field(
        default="position",
        description="What identifies an item: its place in its file, its content (n-th copy of it), or columns.",
    )
    columns: dict[str, ColumnType] | None = Field(default=None, description="Expected columns; without it, those of the first collection.")
    privacy: dict[str, list[str]] = Field(default_factory=dict, description="Privacy classes a column may hold, e.g. {text: [pii]}.")
    sensitivity: dict[str, Level] = Field(
        default_factory=dict,
        description="How sensitive a column is, `*` for all others; without it, that of its standard, or by `privacy`.",
    )
    standards: dict[str, Name] = Field(default_factory=dict, description="The field of assets/standards that a column is, by column.")
    screening: list[Detection] = Field(
        default_factory=list, description="Detectors that look at rows when they arrive; what they find keeps rows out, or warns."
    )
    schedule: str | None = Field(default=None, description="Cron expression of the collection.")
    fresh_within_hours: float | None = Field(default=None, gt=0)
    max_item_bytes: int = Field(default=32 * 1024 * 1024, gt=0, description="A larger item is set aside in blobs/ and quarantined.")
    encrypt: bool = Field(default=False, description="What lands and what is set aside is encrypted, under a key of the source.")
    max_vanished: float = Field(default=0.5, ge=0, le=1, description="Above this share of vanished items a collection is refused.")

    @model_validator(mode="after")
    def _check(self) -> Source:
        if self.columns is not None and isinstance(self.key, list):
            for column in self.key:
                if column not in self.columns:
                    raise ValueError(f"key column `{column}` is not among columns {sorted(self.columns)}")
        for column in self.columns or ():
            if column.startswith("_"):
                raise ValueError(f"column `{column}`: names with a leading `_` belong to the system")
        return self


class Augmentation(Model):
    """Variants of rows of the train split, made by steps that change values; each stays linked to the row it was made from."""

    steps: list[Call] = Field(min_length=1, description="Steps that change values, in order, such as `typos` or `generate`.")
    copies: int = Field(default=1, ge=1, le=1000, description="Variants of each chosen row; with `even`, at most so many.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of the rows that are chosen, by a hash of their ids.")
    where: dict[str, list[str | int | float | bool | None]] = Field(
        default_factory=dict, description="Only rows with one of these values in each of these columns."
    )
    even: str | None = Field(default=None, description="Column whose values get as many rows each as the most frequent one has.")
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Augmentation:
        if any(not values for values in self.where.values()):
            raise ValueError("`where` needs at least one value a column")
        if self.even is not None and self.share < 1:
            raise ValueError("`even` says how many rows are chosen; remove `share`")
        return self

    @property
    def name(self) -> str:
        """The names of its steps, which stand in the ids of its variants."""
        return "+".join(step.name for step in self.steps)


class OnViolation(Model):
    """What happens to rows that break the contract."""

    action: Literal["quarantine", "fail"] = "quarantine"
    max_rate: float = Field(default=0.02, ge=0, le=1)


class Splits(Model):
    """How gold is divided. `cluster` keeps near-duplicates and children of one parent together; `row` does not."""

    by: Literal["cluster", "row", "column"] = "cluster"
    column: str | None = None
    train: float = Field(default=0.0, ge=0, le=1)
    validation: float = Field(default=0.0, ge=0, le=1)
    test: float = Field(default=0.0, ge=0, le=1)
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> Splits:
        if self.by == "column":
            if not self.column:
                raise ValueError("`by: column` needs `column: NAME`")
            if self.train or self.validation or self.test:
                raise ValueError("`by: column` takes the split from the column; remove the shares")
        elif not math.isclose(self.train + self.validation + self.test, 1.0, abs_tol=1e-9):
            raise ValueError("the shares of train, validation and test must add up to 1")
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Split names with their shares, those above zero."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: share for name, share in named.items() if share > 0}


class HeldOut(Model):
    """A frozen evaluation set: another dataset, pinned by content."""

    dataset: Name
    content: str | None = Field(default=None, description="Leading digits (12 or more) of its content id; without it, its latest version.")


class Gate(Model):
    """A condition a version must meet: absolute (`at_least`, `at_most`) or against the last release (`versus`)."""

    metric: str
    evaluation: str | None = None
    on: Literal["held_out", "test", "also"] | None = None
    at_least: float | None = None
    at_most: float | None = None
    versus: Literal["released"] | None = None
    margin: float = Field(default=0.01, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Gate:
        absolute = self.at_least is not None or self.at_most is not None
        if absolute == (self.versus is not None):
            raise ValueError("a gate has either `at_least`/`at_most` or `versus: released`")
        return self

    def in_words(self, on: str) -> str:
        """The gate on a set in words: `macro_f1 on held_out >= 0.8`."""
        if self.versus:
            return f"{self.metric} on {on} not worse than released by {self.margin:g}"
        bounds = ((">=", self.at_least), ("<=", self.at_most))
        return f"{self.metric} on {on} " + " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


class Pilot(Model):
    """The evaluations of each version and the gates it must pass."""

    held_out: HeldOut | None = None
    evaluations: list[Call] = Field(default_factory=list)
    gates: list[Gate] = Field(default_factory=list)
    self_test: bool = Field(
        default=False, description="A metric gates only after known-bad controls made from the train rows scored worse."
    )

    @model_validator(mode="after")
    def _check(self) -> Pilot:
        if self.gates and not self.evaluations:
            raise ValueError("gates need at least one evaluation")
        for gate in self.gates:
            if gate.versus and (self.held_out is None or gate.on in ("test", "also")):
                raise ValueError(
                    f"the gate on {gate.metric} against the release needs `held_out`: versions compare only on the same frozen rows"
                )
            if gate.on == "held_out" and self.held_out is None:
                raise ValueError(f"the gate on {gate.metric} speaks of `held_out`, which is not declared")
        return self

    def set_of(self, gate: Gate) -> Literal["held_out", "test", "also"]:
        """The set a gate speaks of: as declared, else the frozen set where there is one."""
        return gate.on or ("held_out" if self.held_out else "test")

    def in_words(self, gate: Gate) -> str:
        """A gate of this pilot in words."""
        return gate.in_words(self.set_of(gate))


class RepairPolicy(Model):
    """What is done with the rows of one kind of ticket."""

    on: Literal["contradiction", "label_error", "neighbours", "low_value", "influence", "slice", "coverage", "drift", "leak", "report"]
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
                f"`{self.on}` says that rows are missing or differ, not that those it names are wrong: recollect, queue or propose"
            )
        return self


class RepairLimits(Model):
    """How far a repair may go without a person."""

    rounds: int = Field(default=3, ge=1, le=20, description="Tickets that one run applies and judges.")
    rows: float = Field(default=0.1, gt=0, le=1, description="Share of the labelled rows that all rounds together may change or drop.")
    gain: float = Field(default=0.0, ge=0, description="A round that gains less than this in the metric is the last.")


class Repair(Model):
    """What is done about findings without a person, and how it is judged."""

    metric: str = "macro_f1"
    evaluation: str | None = None
    margin: float = Field(default=0.01, ge=0)
    close_on: list[Literal["better", "equal", "inconclusive"]] = Field(
        default=["better", "equal"], min_length=1, description="Verdicts of the new version over the old one that close a ticket."
    )
    policies: list[RepairPolicy] = Field(min_length=1)
    limits: RepairLimits = RepairLimits()

    @model_validator(mode="after")
    def _check(self) -> Repair:
        kinds = [policy.on for policy in self.policies]
        if len(kinds) != len(set(kinds)):
            raise ValueError("one policy a kind of ticket")
        return self


class Screen(Model):
    """What a release may hold at most of what its diagnosis and its users find; each bound that is declared has to have been measured."""

    contradiction: float | None = Field(default=None, ge=0, le=1, description="Share of the rows whose duplicates have other labels.")
    label_error: float | None = Field(default=None, ge=0, le=1, description="Share of the rows whose label is likely wrong.")
    slice: float | None = Field(default=None, ge=0, le=1, description="Error rate of the worst slice.")
    report: float | None = Field(default=None, ge=0, le=1, description="Share of the rows that open tickets of reports name.")

    @property
    def bounds(self) -> dict[str, float]:
        """The declared bounds by kind of finding."""
        return {kind: bound for kind, bound in self.model_dump().items() if bound is not None}


class Regrade(Model):
    """A lower sensitivity of a column than that of what it is made from, since a step takes out what made it sensitive."""

    to: Level
    reason: str = Field(min_length=1)


class Release(Model):
    """Terms and targets of a release."""

    license: str
    forbid: list[str] = Field(default_factory=list, description="Privacy classes that no released column may still carry.")
    allow: list[str] | None = Field(default=None, description="Licences that sources may have, as they state them; without it, any.")
    grade: Literal["A", "B", "C", "D"] | None = Field(default=None, description="The least grade of a release.")
    screen: Screen = Screen()
    max_sensitivity: Level | None = Field(default=None, description="No released column may be more sensitive.")
    hub: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$", description="Hub repository, `organisation/name`.")
    private: bool = True
    language: list[str] = Field(default_factory=list, description="ISO 639 codes for the card.")
    tasks: list[str] = Field(default_factory=list, description="Hub task categories for the card.")


class Annotation(Model):
    """What people do with the rows that are kept."""

    minutes: float = Field(gt=0, description="Of one person for one row.")
    passes: int = Field(default=1, ge=1, description="How many people see each row.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of the rows that people see.")
    people: int = Field(default=1, ge=1)
    hours_a_day: float = Field(default=6.0, gt=0, le=24)


class QualityPlan(Model):
    """How good a version has to be for the demand to be met."""

    grade: Literal["A", "B", "C", "D"] | None = Field(default=None, description="The least grade of the newest version.")
    gates: bool = Field(default=True, description="Whether its gates have to pass, where it declares any.")


class Demand(Model):
    """What the dataset is for and how much it shall hold: what `lakehouse plan` estimates the work from."""

    purpose: str
    rows: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1, description="Of the text: words, each Han character and kana as one.")
    classes: dict[str, dict[str, Annotated[int, Field(ge=1)]]] = Field(
        default_factory=dict, description="Rows by value, by column, e.g. {label: {positive: 8000}}."
    )
    languages: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, description="Rows by ISO 639-1 code, e.g. {zh: 20000}.")
    quality: QualityPlan = QualityPlan()
    annotation: Annotation | None = None
    deadline: str | None = Field(default=None, description="A date, e.g. 2027-03-31.")
    expected_yield: float | None = Field(
        default=None, gt=0, description="Rows kept of each row collected, until a version shows it; more than 1 where rows are cut."
    )

    @model_validator(mode="after")
    def _check(self) -> Demand:
        if not (self.rows or self.tokens or self.classes or self.languages):
            raise ValueError("a demand says how much: `rows`, `tokens`, `classes` or `languages`")
        if self.deadline is not None:
            try:
                date.fromisoformat(self.deadline)
            except ValueError:
                raise ValueError(f"`{self.deadline}` is no date: write it as 2027-03-31") from None
        return self


class ArchiveRule(Model):
    """Which versions are archived: those that no one needs or has used for long, and that are not among the last."""

    unused_days: int = Field(default=180, ge=1)
    keep_last: int = Field(default=3, ge=1, description="So many of the newest versions stay, whether they are used or not.")


class DowngradeRule(Model):
    """Which versions are lowered: those that users complain about."""

    reported: float = Field(gt=0, le=1, description="Share of the rows that open reports may name.")
    to: Literal["B", "C", "D"] = "D"


class RetireRule(Model):
    """Which versions are retired: those never released that are surely worse than the standing one on the same held-out rows."""

    worse_by: float = Field(default=0.01, ge=0, description="Margin of the main metric; within it, two versions are equal.")


class Maintenance(Model):
    """What becomes of versions by their use and their worth; a rule that is not declared does nothing."""

    archive: ArchiveRule | None = None
    downgrade: DowngradeRule | None = None
    retire: RetireRule | None = None
    schedule: str | None = Field(default=None, description="Cron expression of the maintenance in Dagster.")


class Dataset(Model):
    """A dataset: `assets/datasets/<dataset>.yaml`."""

    dataset: Name
    description: str
    owner: Owner
    sources: list[Name] = Field(min_length=1)
    contract: str = Field(pattern=r"^[\w./-]+\.py:\w+$", description="`contracts/FILE.py:Model`, a Pandera model on Polars.")
    on_violation: OnViolation = OnViolation()
    recipe: list[Call] = Field(default_factory=list)
    augment: list[Augmentation] = Field(default_factory=list)
    splits: Splits = Splits(train=0.8, validation=0.1, test=0.1)
    regrade: dict[str, Regrade] = Field(
        default_factory=dict, description="Columns whose sensitivity a redacting step lowers, with the reason."
    )
    pilot: Pilot = Pilot()
    repair: Repair | None = None
    release: Release | None = None
    maintenance: Maintenance | None = None
    demand: Demand | None = None

    @model_validator(mode="after")
    def _check(self) -> Dataset:
        if self.repair and (self.pilot.held_out is None or not self.pilot.evaluations):
            raise ValueError("`repair` needs `pilot.held_out` and an evaluation: versions compare only on the same frozen rows")
        return self

    @property
    def decisions(self) -> str:
        """The file of decisions about its rows, in the project folder."""
        return f"repairs/{self.dataset}.jsonl"


def expand_privacy(classes: list[str]) -> frozenset[str]:
    """Privacy classes with `pii` spelled out."""
    return frozenset(c for given in classes for c in (PII if given == "pii" else (given,)))
