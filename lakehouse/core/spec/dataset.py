"""Datasets as people declare them."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from lakehouse.core.spec.demand import Demand
from lakehouse.core.spec.evaluation import Pilot, Repair, Screen
from lakehouse.core.spec.rows_kept import YieldBounds
from lakehouse.core.spec.words import Call, Level, Model, Name, Owner


class Augmentation(Model):
    """Variants of rows of the train split, made by steps that change values; each stays linked to the row it was made from."""

    steps: list[Call] = Field(min_length=1, description="Steps that change values, in order, such as `typos` or `generate`.")
    copies: int = Field(default=1, ge=1, le=1000, description="Variants of each chosen row; with `even`, at most so many.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of the rows that are chosen, by a hash of their ids.")
    where: dict[str, list[str | int | float | bool | None]] = Field(
        default_factory=dict, description="Only rows with one of these values in each of these columns."
    )
    even: str | None = Field(default=None, description="Column whose values get as many rows each as the most frequent one has.")
    seed: int = Field(default=0, description="Another seed gives other variants.")

    @model_validator(mode="after")
    def _check(self) -> Augmentation:
        if any(not values for values in self.where.values()):
            raise ValueError("`where` needs at least one value a column")
        if self.even is not None and self.share < 1:
            raise ValueError("`even` sets how many rows are chosen; remove `share`")
        return self

    @property
    def name(self) -> str:
        """The names of its steps, which are part of the ids of its variants."""
        return "+".join(step.name for step in self.steps)


class OnViolation(Model):
    """The action for rows that break the contract."""

    action: Literal["quarantine", "fail"] = Field(
        default="quarantine",
        description="`quarantine` keeps them aside with every rule they break; with `fail`, one such row stops the run.",
    )
    max_rate: float = Field(default=0.02, ge=0, le=1, description="A greater share of such rows stops the run; gold stays as it was.")


class Splits(Model):
    """How gold is divided, and what is not: near-duplicates and children of one parent stay together, except by row, time or column."""

    by: Literal["cluster", "group", "pair", "time", "row", "column"] = Field(
        default="cluster",
        description="What stays together: near-copies and parts of one row (`cluster`), also rows equal in all `columns` (`group`), or "
        "with a side in common (`pair`); `time`: the latest rows are test; `row`: nothing; `column`: as a column says.",
    )
    column: str | None = Field(
        default=None,
        description="With `by: column`, the column whose values are the names of the splits; with `by: time`, that of the time.",
    )
    columns: list[str] | None = Field(
        default=None, min_length=1, description="With `by: group`, the columns that make a group; with `by: pair`, the two sides."
    )
    train: float = Field(default=0.0, ge=0, le=1, description="Share of the rows that are trained on.")
    validation: float = Field(default=0.0, ge=0, le=1, description="Share of the rows by which settings are chosen.")
    test: float = Field(default=0.0, ge=0, le=1, description="Share of the rows on which a model is scored; the three add up to 1.")
    seed: int = Field(default=0, description="Another seed gives another division.")

    @model_validator(mode="after")
    def _check(self) -> Splits:
        if (self.by in ("column", "time")) != bool(self.column):
            raise ValueError(f"`by: {self.by}` " + ("takes no `column`" if self.column else "needs `column: NAME`"))
        if (self.by in ("group", "pair")) != bool(self.columns):
            raise ValueError(f"`by: {self.by}` " + ("takes no `columns`" if self.columns else "needs `columns: [NAME, ...]`"))
        if self.by == "pair" and len(set(self.columns or ())) != 2:
            raise ValueError("`by: pair` needs the two columns of a pair: `columns: [LEFT, RIGHT]`")
        if self.by == "column":
            if self.train or self.validation or self.test:
                raise ValueError("`by: column` takes the split from the column; remove the shares")
        elif not math.isclose(self.train + self.validation + self.test, 1.0, abs_tol=1e-9):
            raise ValueError("the shares of train, validation and test must add up to 1")
        return self

    @property
    def named(self) -> list[str]:
        """The columns it speaks of."""
        return [*([self.column] if self.column else []), *(self.columns or [])]

    def identity(self) -> dict[str, Any]:
        """Itself as a plan holds it. `columns` came later: plans without it stay what they were."""
        return self.model_dump(exclude=None if self.columns else {"columns"})

    @property
    def shares(self) -> dict[str, float]:
        """Split names with their shares, those above zero."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: share for name, share in named.items() if share > 0}


class Regrade(Model):
    """A lower sensitivity of a column than that of what it is made from, since a step takes out what made it sensitive."""

    to: Level = Field(description="The sensitivity that the column has after the step.")
    reason: str = Field(min_length=1, description="Why that is so; it stands in the card.")


class Release(Model):
    """Terms and targets of a release."""

    license: str = Field(description="Licence of the release: an identifier of SPDX or of the Hub, `LicenseRef-NAME`, or `other`.")
    forbid: list[str] = Field(default_factory=list, description="Privacy classes that no released column may still carry.")
    allow: list[str] | None = Field(default=None, description="Licences that sources may have, as they state them; without it, any.")
    grade: Literal["A", "B", "C", "D"] | None = Field(default=None, description="The least grade of a release.")
    screen: Screen = Field(default=Screen(), description="Bounds on the findings about the version.")
    max_sensitivity: Level | None = Field(default=None, description="No released column may be more sensitive.")
    hub: str | None = Field(default=None, pattern=r"^[\w.-]+/[\w.-]+$", description="Hub repository, `organisation/name`.")
    private: bool = Field(default=True, description="Whether a new repository of the Hub is private.")
    language: list[str] = Field(default_factory=list, description="ISO 639 codes for the card.")
    tasks: list[str] = Field(default_factory=list, description="Hub task categories for the card.")
    citation: str | None = Field(default=None, description="BibTeX for the card; without it, one is made of name, version, owner and year.")
    contact: str | None = Field(default=None, description="Whom readers of the card may ask; default: the owner.")


class ArchiveRule(Model):
    """The rule for archiving versions: those that no one needs or has used for long, and that are not among the last."""

    unused_days: int = Field(default=180, ge=1, description="Days without any use.")
    keep_last: int = Field(default=3, ge=1, description="So many of the newest versions stay, whether they are used or not.")


class DowngradeRule(Model):
    """The rule for lowering versions: those that users complain about."""

    reported: float = Field(gt=0, le=1, description="Share of the rows that open reports may name.")
    to: Literal["B", "C", "D"] = Field(default="D", description="The grade that such a version gets.")


class RetireRule(Model):
    """The rule for retiring versions: those never released that are surely worse than the current one on the same held-out rows."""

    worse_by: float = Field(default=0.01, ge=0, description="Margin of the main metric; within it, two versions are equal.")


class Maintenance(Model):
    """The maintenance of versions by their use and their worth; a rule that is not declared does nothing."""

    archive: ArchiveRule | None = Field(default=None, description="When a version is moved to the archive.")
    downgrade: DowngradeRule | None = Field(default=None, description="When the grade of a version is lowered.")
    retire: RetireRule | None = Field(default=None, description="When a version is retired.")
    schedule: str | None = Field(default=None, description="Cron expression of the maintenance in Dagster.")


class Dataset(Model):
    """A dataset: `assets/datasets/<dataset>.yaml`."""

    dataset: Name = Field(description="Its name, which is that of the file.")
    description: str = Field(description="What a row is, in a sentence; it stands in the card.")
    owner: Owner = Field(description="Who answers for it: `team:NAME` or an e-mail address.")
    sources: list[Name] = Field(min_length=1, description="The sources that its rows come from.")
    contract: str = Field(pattern=r"^[\w./-]+\.py:\w+$", description="`contracts/FILE.py:Model`, a Pandera model on Polars.")
    on_violation: OnViolation = Field(default=OnViolation(), description="What becomes of rows that break the contract.")
    recipe: list[Call] = Field(default_factory=list, description="Steps in order, each an operator with its parameters.")
    yields: YieldBounds = Field(default=YieldBounds(), alias="yield", description="The least share of the rows that each step may keep.")
    augment: list[Augmentation] = Field(default_factory=list, description="Variants of rows of the train split.")
    splits: Splits = Field(default=Splits(train=0.8, validation=0.1, test=0.1), description="How gold is divided.")
    leave_out: list[str] = Field(
        default_factory=list,
        description="Columns that are left out of gold on purpose; others that the contract does not promise are named.",
    )
    regrade: dict[str, Regrade] = Field(
        default_factory=dict, description="Columns whose sensitivity a redacting step lowers, with the reason."
    )
    pilot: Pilot = Field(default=Pilot(), description="Evaluations of each version and the gates it must pass.")
    repair: Repair | None = Field(default=None, description="Repair of findings without a person.")
    release: Release | None = Field(default=None, description="Terms and targets of a release; without it, nothing is released.")
    maintenance: Maintenance | None = Field(default=None, description="When versions are archived, lowered and retired.")
    demand: Demand | None = Field(default=None, description="Purpose and size, from which `lakehouse plan` estimates the work.")

    @model_validator(mode="after")
    def _check(self) -> Dataset:
        if self.repair and (self.pilot.held_out is None or not self.pilot.evaluations):
            raise ValueError("`repair` needs `pilot.held_out` and an evaluation: versions compare only on the same frozen rows")
        return self

    @property
    def decisions(self) -> str:
        """The file of decisions about its rows, in the project folder."""
        return f"repairs/{self.dataset}.jsonl"
