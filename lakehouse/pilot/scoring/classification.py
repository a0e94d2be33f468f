"""Classes: `label` and `predicted` are their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.scoring.pictures import confusion_picture, recall_picture
from lakehouse.pilot.scoring.scoring import Floats, Measure, Scoring, macro_f1


def _kinds(predictions: pl.DataFrame) -> set[str]:
    return set(predictions["label"].unique()) | set(predictions["predicted"].unique())


def _statistics(rows: pl.DataFrame, kinds: Sequence[str]) -> Floats:
    """Indicators of truth, prediction and hit by class, shape (rows, 3 x classes)."""
    at: Mapping[str, int] = {name: i for i, name in enumerate(kinds)}
    truth = rows["label"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
    predicted = rows["predicted"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
    out = np.zeros((rows.height, 3, len(kinds)))
    index = np.arange(rows.height)
    out[index, 0, truth] = 1
    out[index, 1, predicted] = 1
    out[index[truth == predicted], 2, truth[truth == predicted]] = 1
    return out.reshape(rows.height, 3 * len(kinds))


def _metrics(kinds: Sequence[str]) -> dict[str, Measure]:
    k = len(kinds)

    def recall(at: int) -> Measure:
        def measure(sums: Floats) -> Floats:
            truth = sums[:, at]
            out: Floats = np.where(truth > 0, sums[:, 2 * k + at] / np.maximum(truth, 1), np.nan)
            return out

        return measure

    def accuracy(sums: Floats) -> Floats:
        out: Floats = sums[:, 2 * k :].sum(1) / np.maximum(sums[:, :k].sum(1), 1)
        return out

    return {
        "accuracy": accuracy,
        "macro_f1": lambda sums: macro_f1(sums[:, :k], sums[:, k : 2 * k], sums[:, 2 * k :]),
        **{f"recall.{name}": recall(at) for at, name in enumerate(kinds)},
    }


def classes_of(predictions: pl.DataFrame) -> list[str]:
    """Labels that occur as truth or prediction, sorted."""
    return sorted(set(predictions["label"].unique()) | set(predictions["predicted"].unique()))


def confusion(predictions: pl.DataFrame) -> tuple[list[str], NDArray[np.int64]]:
    """Class names, and rows by truth and prediction summed over seeds, shape (classes, classes)."""
    names = classes_of(predictions)
    at = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(names), len(names)), dtype=np.int64)
    for truth, predicted, n in predictions.group_by("label", "predicted").len().iter_rows():
        out[at[truth], at[predicted]] = n
    return names, out


CLASSIFICATION = Scoring(
    name="classification",
    kinds=_kinds,
    statistics=_statistics,
    metrics=_metrics,
    main="macro_f1",
    headline=("accuracy", "macro_f1"),
    pictures=lambda predictions, metrics, title: {
        "confusion.png": confusion_picture(*confusion(predictions), title),
        "recall.png": recall_picture(metrics, title),
    },
)
"""accuracy, macro_f1, and `recall.<class>` of every class that is the truth of a row."""
