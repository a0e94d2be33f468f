"""Labels that are classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses, out_of_fold
from lakehouse.pilot.diagnosis.label_type import LabelType
from lakehouse.pilot.models.learner import Learner
from lakehouse.pilot.models.linear_classifier import labelled

_SHOWN = 5


class ClassLabels(LabelType):
    """Classes, as text; the distance of a prediction from a label is 1, or 0 where both are the same."""

    name = "classes"

    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        return labelled(rows, label)

    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        return rows[label].n_unique() >= 2

    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> OutOfFoldClasses:
        return out_of_fold(rows, learner, label, folds)

    def compare(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        classes = predicted.to_numpy().astype(str)
        return classes, (classes != labels.to_numpy().astype(str)).astype(np.float64)

    def error_summary(self, error: NDArray[np.float64]) -> dict[str, Any]:
        return {"errors": int(error.sum()), "rate": round(float(error.mean()), 4)} if len(error) else {}

    def label_summary(self, labels: pl.Series) -> Mapping[str, Any]:
        return dict(labels.value_counts(sort=True).head(_SHOWN).iter_rows())
