"""Labels that are tags of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.label_type import LabelType
from lakehouse.pilot.diagnosis.tags.out_of_fold import OutOfFoldTags, out_of_fold
from lakehouse.pilot.models.learner import Learner

OUTSIDE = "O"
_SHOWN = 5


class TagLabels(LabelType):
    """Tags of tokens; the distance of predicted tags from those given is the share of tokens tagged otherwise."""

    name = "tags"

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def labelled(self, rows: pl.DataFrame, label: str) -> pl.DataFrame:
        return self._learner.labelled(rows)

    def learnable(self, rows: pl.DataFrame, label: str) -> bool:
        return rows.height >= 2

    def out_of_fold(self, rows: pl.DataFrame, learner: Learner, label: str, folds: int) -> OutOfFoldTags:
        return out_of_fold(rows, learner, label, folds)

    def compare(self, labels: pl.Series, predicted: pl.Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
        pairs = pl.DataFrame({"row": range(len(labels)), "given": labels, "predicted": predicted.str.split(" ")}).explode(
            "given", "predicted"
        )
        shares = pairs.group_by("row").agg((pl.col("given") != pl.col("predicted")).mean().alias("error")).sort("row")
        return predicted.to_numpy().astype(str), shares["error"].cast(pl.Float64).to_numpy()

    def error_summary(self, error: NDArray[np.float64]) -> dict[str, Any]:
        return {"error": round(float(error.mean()), 4)} if len(error) else {}

    def label_summary(self, labels: pl.Series) -> Mapping[str, Any]:
        tags = labels.list.explode()
        return dict(tags.filter(tags != OUTSIDE).value_counts(sort=True).head(_SHOWN).iter_rows())

    def plain_labels(self, labels: pl.Series) -> list[Any]:
        return labels.list.join(" ").to_list()
