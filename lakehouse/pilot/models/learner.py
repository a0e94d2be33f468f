"""A model that is learnt from rows and predicts others: the columns it needs, and its steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.models.packaged_model import PackagedModel

Kind = Literal["text", "number", "tokens", "bytes", "feature", "label"]
_WORDS: dict[Kind, str] = {
    "text": "text",
    "number": "a number",
    "tokens": "a list of texts",
    "bytes": "bytes",
    "feature": "a number, a text or a truth value",
    "label": "a text, a number or a truth value",
}
TRUTH = "_truth"
"""Column of labelled rows: what the predictions table keeps as `label`."""


@dataclass(frozen=True)
class Losses:
    """Mean loss of each epoch on the train rows and on each set."""

    name: str
    by_set: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Explanation:
    """The report of a model: numbers by name, pictures and tables by path."""

    notes: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class Learner(ABC):
    """The model of a task of `train`. Features are learnt once for all seeds; a model once for each seed.

    Attributes:
        needs: the columns by name with what each must hold.
        label: the column of the truth; None where the input is the truth.
        random: whether the seed changes the model; where not, one seed is trained.
    """

    needs: Mapping[str, Kind]
    label: str | None
    random: bool = True

    def check(self, name: str, rows: pl.DataFrame) -> None:
        """Refuse rows that do not have the columns of the model.

        Raises:
            RecipeError: a column is missing or of another type.
        """
        for column, kind in self.needs.items():
            if column not in rows.columns:
                known = ", ".join(c for c in rows.columns if c[0] != "_")
                raise RecipeError(f"train: the {name} rows have no column `{column}`", fix=f"columns: {known}")
            if not _is(rows.schema[column], kind):
                have = rows.schema[column]
                raise RecipeError(
                    f"train: column `{column}` of the {name} rows is {have}, not {_WORDS[kind]}",
                    fix=f"name a column that is {_WORDS[kind]}",
                )

    @abstractmethod
    def labelled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that can be learnt from and scored, with TRUTH as text."""

    def check_train(self, rows: pl.DataFrame) -> None:
        """Refuse labelled rows that no model can be learnt from; called for the train rows and every share of them."""
        if rows.is_empty():
            raise RecipeError(f"no train row has a `{self.label or next(iter(self.needs))}` to learn from", fix="look at the splits")

    @abstractmethod
    def learn_features(self, rows: pl.DataFrame) -> tuple[Any, Any]:
        """What turns rows into features, learnt from `rows`, and the features of `rows`."""

    @abstractmethod
    def features(self, learnt: Any, rows: pl.DataFrame) -> Any:
        """The features of other rows."""

    @abstractmethod
    def fit(self, features: Any, rows: pl.DataFrame, seed: int) -> Any:
        """A model of labelled rows and their features."""

    @abstractmethod
    def predict(self, model: Any, features: Any, rows: pl.DataFrame) -> pl.Series:
        """The predictions of the model for rows, as text: `predicted` of the predictions table."""

    def notes(self, features: Any) -> dict[str, float]:
        """Numbers about the features of the train rows worth keeping."""
        return {}

    def losses(self, learnt: Any, features: Any, rows: pl.DataFrame, sets: Mapping[str, pl.DataFrame], seed: int) -> Losses | None:
        """The loss after each epoch of one training; None where the model is not learnt in epochs (`has_losses`)."""
        return None

    def has_losses(self) -> bool:
        """Whether the model is learnt epoch by epoch."""
        return type(self).losses is not Learner.losses

    def explained(self, model: Any, learnt: Any, sets: Mapping[str, pl.DataFrame], seed: int) -> Explanation:
        """The report of one model."""
        return Explanation()

    def fitted(self, learnt: Any, model: Any, rows: pl.DataFrame) -> PackagedModel | None:
        """Features and model as one scikit-learn pipeline with an example; None where it is none."""
        return None


def _is(dtype: pl.DataType, kind: Kind) -> bool:
    number = dtype.is_numeric()
    match kind:
        case "text":
            return dtype == pl.String
        case "number":
            return number
        case "tokens":
            return dtype == pl.List(pl.String)
        case "bytes":
            return dtype == pl.Binary
        case "feature" | "label":
            return number or dtype in (pl.String, pl.Boolean) or isinstance(dtype, pl.Categorical | pl.Enum)


def with_classes(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows that have a label, with the label as text as TRUTH."""
    return rows.filter(pl.col(label).is_not_null()).with_columns(pl.col(label).cast(pl.String).alias(TRUTH))


def with_numbers(rows: pl.DataFrame, label: str) -> pl.DataFrame:
    """The rows whose label is a finite number, with TRUTH as text that gives the same number back."""
    kept = rows.filter(pl.col(label).cast(pl.Float64).is_finite())
    return kept.with_columns(as_text(kept[label].cast(pl.Float64)).alias(TRUTH))


def as_text(numbers: pl.Series) -> pl.Series:
    """Floats as the shortest text that gives the same float back; never infinite, never nan."""
    out = numbers.cast(pl.String)
    back = out.cast(pl.Float64)
    if not (back == numbers).all():
        out = pl.Series([repr(float(x)) for x in numbers], dtype=pl.String)  # only where Polars writes fewer digits
    return out


def two_classes(rows: pl.DataFrame, label: str) -> None:
    """Refuse rows of one class.

    Raises:
        RecipeError: fewer than two classes.
    """
    classes = rows[TRUTH].n_unique()
    if classes < 2:
        raise RecipeError(
            f"the train split holds {classes} class of `{label}`; a classifier needs two", fix="look at the splits and the recipe"
        )


def mean_log_loss(probabilities: Any, classes: Sequence[str], truth: Sequence[str]) -> float:
    """Mean negative logarithm of the probability of the truth, rows of classes that the model does not know left out; nan of none."""
    at = {name: i for i, name in enumerate(classes)}
    known = [(row, at[name]) for row, name in enumerate(truth) if name in at]
    return sum(-math.log(max(float(probabilities[row, column]), 1e-15)) for row, column in known) / len(known) if known else math.nan
