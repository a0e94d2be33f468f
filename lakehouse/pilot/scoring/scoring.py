"""What scoring a task means: numbers of each row that add up, and metrics that are functions of their weighted sums.

So a summary takes every row once, and a bootstrap takes the same numbers under other weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""A metric: sums of statistics, shape (weightings, k), to values, shape (weightings,); nan where it is not defined."""


@dataclass(frozen=True)
class Scoring:
    """How predictions of one task are scored.

    Attributes:
        kinds: what the metrics of a frame of predictions speak of: its classes or types of entities, none for numbers and texts.
        statistics: rows of one seed and the kinds to the numbers of each row, shape (rows, k).
        metrics: the kinds to all metrics by name.
        main: the metric of learning curves.
        headline: the metrics that a short report shows, and that are logged for each seed.
    """

    kinds: Callable[[pl.DataFrame], set[str]]
    statistics: Callable[[pl.DataFrame, Sequence[str]], Floats]
    metrics: Callable[[Sequence[str]], dict[str, Measure]]
    main: str
    headline: tuple[str, ...]


LESS_IS_BETTER = frozenset({"mae", "rmse", "bits_per_byte", "perplexity", "ece", "brier", "log_loss"})


def less_is_better(metric: str) -> bool:
    """Whether a fall of the metric is a gain. The name before the first point says it: what follows names a class or a share."""
    return metric.removeprefix("curve.").split(".")[0] in LESS_IS_BETTER


def ratio(above: Floats, below: Floats) -> Floats:
    """above / below, 0 where nothing is below: the convention for precision and recall of nothing."""
    out: Floats = np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)
    return out


def no_kinds(predictions: pl.DataFrame) -> set[str]:
    """For tasks whose metrics speak of no classes."""
    return set()


def macro_f1(truth: Floats, predicted: Floats, hits: Floats) -> Floats:
    """Unweighted mean of the F1 of the kinds that occur as truth or prediction, as scikit-learn has it; shapes (weightings, kinds)."""
    present = truth + predicted > 0
    mean: Floats = (ratio(2 * hits, truth + predicted) * present).sum(1) / np.maximum(present.sum(1), 1)
    return mean
