"""Labels that are classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot import baseline
from lakehouse.pilot.baseline import OutOfFold
from lakehouse.pilot.diagnosis.truth import Truth
from lakehouse.pilot.models import text_classification
from lakehouse.pilot.models.learner import Learner

_SHOWN = 5


class Classes(Truth):
    """Classes, as text; a row is as far from its label as another class is: 1, or 0 where the model says the same."""

    name = "classes"

    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        return text_classification.labelled(rows, label)

    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        return rows[label].n_unique() >= 2

    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> OutOfFold:
        return baseline.out_of_fold(rows, learner, label, folds)

    def told(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        said = predicted.to_numpy().astype(str)
        return said, (said != labels.to_numpy().astype(str)).astype(np.float64)

    def measured(self, error: NDArray[np.float64]) -> dict[str, Any]:
        return {"errors": int(error.sum()), "rate": round(float(error.mean()), 4)} if len(error) else {}

    def described(self, labels: pl.Series) -> Mapping[str, Any]:
        return dict(labels.value_counts(sort=True).head(_SHOWN).iter_rows())
