"""Slices of the rows where models err on more classes than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.slices import SliceSearch, features_of, fisher


def class_slices(m: Material[OutOfFoldClasses]) -> SliceSearch:
    """Slices by the label among others, tested on errors that are 1 or 0."""
    predicted = m.out_of_fold
    wrong, likeliest = predicted.wrong, predicted.probabilities.argmax(axis=1)

    def members(rows: NDArray[np.int64]) -> Mapping[str, Any]:
        return {
            "suggested": [predicted.classes[other] if wrong[at] else None for at, other in zip(rows, likeliest[rows], strict=True)],
            "p_given": [round(float(predicted.probabilities[at, predicted.given[at]]), 4) for at in rows],
        }

    return SliceSearch(
        features=features_of(m.rows, m.view, m.rows[m.label]),
        test=fisher,
        error_name="rate",
        members=members,
        title="slices with more errors",
        axis="share of rows that the model gets wrong",
    )
