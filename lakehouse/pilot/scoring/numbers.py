"""Numbers: `label` and `predicted` hold them as text that gives the same number back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from lakehouse.pilot.scoring.pictures import truth_picture
from lakehouse.pilot.scoring.scoring import Floats, Measure, Scoring, no_kinds


def _statistics(rows: pl.DataFrame, kinds: Sequence[str]) -> Floats:
    """One; the truth less the mean of the frame and its square; the absolute error and its square. Shape (rows, 5)."""
    truth = rows["label"].cast(pl.Float64).to_numpy()
    error = rows["predicted"].cast(pl.Float64).to_numpy() - truth
    # The spread does not depend on where zero lies; near the mean its sum of squares loses no digits.
    centred = truth - (truth.mean() if len(truth) else 0.0)
    return np.column_stack([np.ones(len(truth)), centred, centred**2, np.abs(error), error**2])


def _metrics(kinds: Sequence[str]) -> dict[str, Measure]:
    def per_row(sums: Floats, column: int) -> Floats:
        out: Floats = sums[:, column] / np.maximum(sums[:, 0], 1)
        return out

    def r2(sums: Floats) -> Floats:
        spread = sums[:, 2] - sums[:, 1] ** 2 / np.maximum(sums[:, 0], 1)
        out: Floats = np.where(spread > 0, 1 - sums[:, 4] / np.where(spread > 0, spread, 1), np.nan)
        return out

    return {"rmse": lambda sums: np.sqrt(per_row(sums, 4)), "mae": lambda sums: per_row(sums, 3), "r2": r2}


NUMBERS = Scoring(
    name="regression",
    kinds=no_kinds,
    statistics=_statistics,
    metrics=_metrics,
    main="rmse",
    headline=("rmse", "mae", "r2"),
    pictures=lambda predictions, metrics, title: {"truth.png": truth_picture(predictions, title)},
    less_is_better=frozenset({"rmse", "mae"}),
)
"""rmse and mae, of which less is better, and r2, which is not defined where all truths are one number."""
