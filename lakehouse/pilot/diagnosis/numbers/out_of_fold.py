"""Predictions of numbers, with their uncertainty, by models that have seen neither a row nor anything of its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.groups import groups
from lakehouse.pilot.models.learner import Learner

_REDRAWN = 5
"""Models of a fold that are learnt from redrawn rows."""
_SEED = 1
_FEW = 10_000
"""Rows below which the threads of a model wait for each other longer than they work: seven models a fold are learnt one thread each."""


@dataclass(frozen=True, kw_only=True)
class OutOfFoldNumbers:
    """Predictions of models that have not seen the row.

    Attributes:
        given: the labels, shape (rows,); `whole` where they are integers.
        predicted: shape (rows,).
        spread: the standard deviation of the predictions of models learnt from redrawn rows, shape (rows,): what the models do not know
            (epistemic).
        noise: the error that another model expects of the row, shape (rows,): what rows like it vary by (aleatoric).
        folds: how many models there were.
    """

    given: NDArray[np.float64]
    whole: bool
    predicted: NDArray[np.float64]
    spread: NDArray[np.float64]
    noise: NDArray[np.float64]
    folds: int

    @property
    def error(self) -> NDArray[np.float64]:
        """How far each prediction is from the label, in units of the label."""
        return np.abs(self.given - self.predicted)

    def number(self, value: float) -> float:
        """A value as labels are written: an integer where they are integers, else six digits."""
        return round(float(value)) if self.whole else float(f"{value:.6g}")

    def plain(self, label: Any) -> float:
        """A label, or a prediction, as labels are written."""
        return self.number(float(label))

    def label(self, at: int) -> float:
        """The label of a row."""
        return int(self.given[at]) if self.whole else float(self.given[at])

    def summary(self) -> dict[str, Any]:
        """How far the predictions are from the labels, and the labels' standard deviation."""
        return {**{name: float(f"{value:.6g}") for name, value in self.metrics().items()}, "label_std": float(f"{self.given.std():.6g}")}

    def metrics(self) -> dict[str, float]:
        """Mean absolute error, root of the mean squared error, and coefficient of determination."""
        squares = (self.given - self.predicted) ** 2
        total = float(((self.given - self.given.mean()) ** 2).sum())
        return {
            "mae": float(self.error.mean()),
            "rmse": float(np.sqrt(squares.mean())),
            "r2": 1 - float(squares.sum()) / total if total else 0.0,
        }


def out_of_fold(rows: pl.DataFrame, learner: Learner, label: str, folds: int = 5, redrawn: int = _REDRAWN) -> OutOfFoldNumbers:
    """The prediction for every row by models that saw neither the row nor anything of its group, and how sure it is.

    Zhou, Mueller, Kumar, Wang, Lei: Detecting Errors in a Numerical Response via any Regression Model (2023, arXiv 2305.16583): the
    epistemic uncertainty is the spread of models learnt from bootstrap samples (here of groups), the aleatoric one is what the same kind
    of model, learnt from the sizes of the errors, expects. Both are of models that have not seen the row.

    Args:
        rows: the columns of the learner, the label a finite number, `_row_id`, and `_root` and `_cluster` where known.
        learner: of numbers.

    Raises:
        RecipeError: all rows are of one group.
    """
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    group = groups(rows)
    parts = np.unique(group, return_inverse=True)[1]
    folds = min(folds, int(parts.max(initial=-1)) + 1)
    if folds < 2:
        raise RecipeError(
            f"{rows.height} labelled rows are of {folds} group: no model can be asked about rows that it has not seen",
            fix="collect more rows",
        )
    given = rows[label].cast(pl.Float64).to_numpy()
    split = list(GroupKFold(folds, shuffle=True, random_state=_SEED).split(given, groups=group))
    chance = np.random.default_rng(_SEED)
    predicted, noise, again = np.zeros(len(given)), np.zeros(len(given)), np.zeros((redrawn, len(given)))
    with threadpool_limits(1 if rows.height < _FEW else None):
        for train, test in split:
            predicted[test] = _predicted(rows[train], rows[test], learner)
            for at in range(redrawn):
                again[at, test] = _predicted(rows[_redrawn(train, parts, chance)], rows[test], learner)
        sizes = rows.with_columns(pl.Series(label, np.abs(given - predicted)))
        for train, test in split:
            noise[test] = np.maximum(_predicted(sizes[train], sizes[test], learner), 0.0)
    return OutOfFoldNumbers(
        given=given, whole=rows.schema[label].is_integer(), predicted=predicted, spread=again.std(axis=0), noise=noise, folds=folds
    )


def _predicted(seen: pl.DataFrame, asked: pl.DataFrame, learner: Learner) -> NDArray[np.float64]:
    given = learner.labelled(seen)
    learnt, features = learner.learn_features(given)
    model = learner.fit(features, given, _SEED)
    return learner.predict(model, learner.features(learnt, asked), asked).cast(pl.Float64).to_numpy()


def _redrawn(train: NDArray[np.int64], parts: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """As many groups of the rows, drawn with replacement, with all their rows."""
    own, at = np.unique(parts[train], return_inverse=True)
    times = np.bincount(chance.integers(0, len(own), len(own)), minlength=len(own))
    return np.repeat(train, times[at])
