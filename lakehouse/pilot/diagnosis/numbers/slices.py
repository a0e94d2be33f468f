"""Slices of the rows where models are farther off than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.numbers.label_errors import standing_out
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers
from lakehouse.pilot.diagnosis.numbers.robust import FAR, chance
from lakehouse.pilot.diagnosis.slices import SliceSearch, features_of, rank_sum
from lakehouse.pilot.diagnosis.views import bins

PREDICTED = "predicted"


def number_slices(m: Material[OutOfFoldNumbers]) -> SliceSearch:
    """Slices by fifths of the prediction among others, tested on the ranks of absolute errors.

    Fifths are those of the prediction, not of the label: any model is farther off where labels are extreme (regression towards the mean).
    """
    predicted = m.out_of_fold
    z, _ = standing_out(predicted.error, predicted.spread, predicted.noise)

    def members(rows: NDArray[np.int64]) -> Mapping[str, Any]:
        return {
            "suggested": [predicted.number(predicted.predicted[at]) if z[at] > FAR else None for at in rows],
            "p_given": [float(f"{p:.3g}") for p in chance(z[rows])],
        }

    fifths = bins(pl.Series(PREDICTED, [predicted.number(value) for value in predicted.predicted]))
    return SliceSearch(
        features=features_of(m.rows, m.view, fifths),
        test=rank_sum,
        error_name="error",
        members=members,
        title="slices with larger errors",
        axis="mean absolute error",
    )
