"""Probabilities of classes by models that have seen neither a row nor anything of its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.groups import groups
from lakehouse.pilot.models.learner import Learner


@dataclass(frozen=True, kw_only=True)
class OutOfFoldClasses:
    """Predictions of models that have not seen the row.

    Attributes:
        classes: sorted; column j of `probabilities` is `classes[j]`.
        given: the index of each row's label in `classes`, shape (rows,).
        probabilities: shape (rows, classes); each row sums to 1.
        folds: how many models there were.
    """

    classes: tuple[str, ...]
    given: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    folds: int

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Whether the likeliest class is another than the given one, shape (rows,)."""
        return np.asarray(self.probabilities.argmax(axis=1) != self.given)

    @property
    def error(self) -> NDArray[np.float64]:
        """1 where it is wrong, else 0."""
        return self.wrong.astype(np.float64)

    def label(self, at: int) -> str:
        """The label of a row."""
        return self.classes[int(self.given[at])]

    def summary(self) -> dict[str, Any]:
        """The classes, and how many rows are told wrong."""
        return {"classes": list(self.classes), "errors": int(self.wrong.sum())}

    def plain(self, label: Any) -> str:
        """A label, or a prediction, as plain data."""
        return str(label)

    def metrics(self) -> dict[str, float]:
        """The share of the rows told wrong."""
        return {"error_rate": float(self.wrong.mean())}


def out_of_fold(rows: pl.DataFrame, learner: Learner, label: str, folds: int = 5, seed: int = 1) -> OutOfFoldClasses:
    """The probability of every class for every row, by models that saw neither the row nor anything of its group.

    Args:
        rows: the columns of the learner, text `label` without null, `_row_id`, and `_root` and `_cluster` where known.
        learner: of classes, whose models give probabilities.
        folds: at most so many; fewer where a class has fewer groups.

    Raises:
        RecipeError: fewer than two classes, a class within a single group, or nothing to learn from.
    """
    classes, given = np.unique(rows[label].to_numpy(), return_inverse=True)
    if len(classes) < 2:
        raise RecipeError(f"{rows.height} rows hold {len(classes)} class of `{label}`; a classifier needs two", fix="look at the recipe")
    group = groups(rows)
    of_class = pl.DataFrame({"class": given, "group": group}).group_by("class").agg(pl.col("group").n_unique()).sort("class", "group")
    for at, number in of_class.iter_rows():
        if number < 2:
            raise RecipeError(
                f"all rows of `{label}` {classes[at]!r} are of one group: no model could learn it without having seen them",
                fix="collect more of that class, or leave it out with a recipe step",
            )
    folds = min(folds, int(of_class["group"].min()))  # type: ignore[arg-type]
    probabilities = np.zeros((rows.height, len(classes)))
    for train, test in _split(given, group, folds, seed):
        missing = np.setdiff1d(np.arange(len(classes)), given[train])
        if len(missing):
            raise RecipeError(
                f"too few groups of `{label}` {classes[missing[0]]!r} to keep some apart from the others",
                fix="collect more of that class, or leave it out with a recipe step",
            )
        seen = learner.labelled(rows[train])
        learnt, features = learner.learn_features(seen)
        probabilities[test] = learner.fit(features, seen, seed).predict_proba(learner.features(learnt, rows[test]))
    return OutOfFoldClasses(classes=tuple(map(str, classes)), given=given.astype(np.int64), probabilities=probabilities, folds=folds)


def _split(given: NDArray[np.int64], group: NDArray[np.int64], folds: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(given)), given, group))
