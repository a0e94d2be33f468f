"""Labels that are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.label_type import LabelType
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers, out_of_fold
from lakehouse.pilot.models.learner import Learner


class NumberLabels(LabelType):
    """Numbers; the distance of a prediction from a label is in units of the label."""

    name = "numbers"

    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        return rows.filter(pl.col(label).cast(pl.Float64).is_finite())

    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        return rows.height >= 2

    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> OutOfFoldNumbers:
        return out_of_fold(rows, learner, label, folds)

    def compare(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        numbers = predicted.cast(pl.Float64).to_numpy()
        return numbers, np.abs(numbers - labels.cast(pl.Float64).to_numpy())

    def error_summary(self, error: NDArray[np.float64]) -> dict[str, Any]:
        return {"error": float(f"{error.mean():.4g}")} if len(error) else {}

    def label_summary(self, labels: pl.Series) -> Mapping[str, Any]:
        numbers = labels.cast(pl.Float64)
        return {"lowest": numbers.min(), "median": numbers.median(), "highest": numbers.max()}
