"""The demand on a dataset: its purpose and its size."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lakehouse.core.spec.words import Model


class Annotation(Model):
    """The work of people on the rows that are kept."""

    minutes: float = Field(gt=0, description="Of one person for one row.")
    passes: int = Field(default=1, ge=1, description="How many people see each row.")
    share: float = Field(default=1.0, gt=0, le=1, description="Share of the rows that people see.")
    people: int = Field(default=1, ge=1, description="How many work at the same time.")
    hours_a_day: float = Field(default=6.0, gt=0, le=24, description="Of work, of one person.")


class QualityPlan(Model):
    """The quality that a version needs to meet the demand."""

    grade: Literal["A", "B", "C", "D"] | None = Field(default=None, description="The least grade of the newest version.")
    gates: bool = Field(default=True, description="Whether its gates have to pass, where it declares any.")


class Demand(Model):
    """The purpose and the size of a dataset, from which `lakehouse plan` estimates the work."""

    purpose: str = Field(description="What the dataset is for, in a sentence.")
    rows: int | None = Field(default=None, ge=1, description="Rows of gold that are needed.")
    tokens: int | None = Field(default=None, ge=1, description="Of the text: words, each Han character and kana as one.")
    classes: dict[str, dict[str, Annotated[int, Field(ge=1)]]] = Field(
        default_factory=dict, description="Rows by value, by column, e.g. {label: {positive: 8000}}."
    )
    languages: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, description="Rows by ISO 639-1 code, e.g. {zh: 20000}.")
    quality: QualityPlan = Field(default=QualityPlan(), description="The quality that is needed.")
    annotation: Annotation | None = Field(default=None, description="The work of people on the rows.")
    deadline: str | None = Field(default=None, description="A date, e.g. 2027-03-31.")
    expected_yield: float | None = Field(
        default=None, gt=0, description="Rows kept of each row collected, until a version shows it; more than 1 where rows are cut."
    )

    @model_validator(mode="after")
    def _check(self) -> Demand:
        if not (self.rows or self.tokens or self.classes or self.languages):
            raise ValueError("a demand needs an amount: `rows`, `tokens`, `classes` or `languages`")
        if self.deadline is not None:
            try:
                date.fromisoformat(self.deadline)
            except ValueError:
                raise ValueError(f"`{self.deadline}` is no date: write it as 2027-03-31") from None
        return self
