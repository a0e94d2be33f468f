"""What an evaluation is: a function from parameters to a job that scores one version, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.registry import Registry

EVALUATIONS = Registry("evaluation", "lakehouse.pilot.evaluations")
"""All evaluations by name.

At registration: `files`, parameters that name files of the project; `reads`, the parameter that names another dataset, whose gold rows are
the set `also`; `identities`, by parameter a function of its value and the project folder: a digest of what the value stands for.
"""


@dataclass(frozen=True)
class Data:
    """The rows an evaluation sees: `_row_id` and the contract's columns.

    Attributes:
        train: what a model may learn from.
        sets: what it is scored on: `test` (the version's own split), `held_out` (the frozen set) and `also` (the dataset that
            a parameter names), those that exist.
    """

    train: pl.DataFrame
    sets: Mapping[str, pl.DataFrame]


def check_columns(name: str, data: Data, input: str, label: str) -> None:
    """Refuse rows without the columns that evaluation `name` reads.

    Raises:
        RecipeError: of the train rows or of a set, a column is missing, or `input` is no text.
    """
    for of, rows in {"train": data.train, **data.sets}.items():
        for column in (input, label):
            if column not in rows.columns:
                known = ", ".join(c for c in rows.columns if c[0] != "_")
                raise RecipeError(f"{name}: the {of} rows have no column `{column}`", fix=f"columns: {known}")
        if rows.schema[input] != pl.String:
            raise RecipeError(f"{name}: column `{input}` of the {of} rows is {rows.schema[input]}, not text", fix="name a text column")


@dataclass(frozen=True)
class Fitted:
    """A trained model: a pickled scikit-learn estimator, and rows as an example of its input."""

    pickled: bytes
    example: pl.DataFrame


@dataclass(frozen=True)
class Scores:
    """What an evaluation found.

    Attributes:
        predictions: `set`, `seed`, `_row_id`, `label`, `predicted`, one row per scored row and seed. All but the seed is text, in the
            form that the scoring of the task says.
        seconds: wall seconds of training and prediction per seed.
        notes: numbers worth keeping, such as the number of features.
        metrics: by set and name, the values over seeds of what the evaluation measured itself, beside the scores of its predictions;
            such a metric has no interval against a release.
        files: pictures and tables for the run in MLflow, by path.
        task: how the predictions are scored, a name of `lakehouse.pilot.scoring.tasks.SCORINGS`.
        steps: by name, values epoch by epoch: a curve of its own in MLflow.
        said: findings in sentences.
        model: the model of the first seed, for MLflow.
    """

    predictions: pl.DataFrame
    seconds: Mapping[int, float]
    notes: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    task: str = "classification"
    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    said: Sequence[str] = ()
    model: Fitted | None = None


Job = Callable[[Data], Scores]
