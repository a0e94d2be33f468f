"""How predictions are scored: numbers of each row that add up, and metrics that are functions of their weighted sums.

So a summary takes every row once, and a bootstrap takes the same numbers under other weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""A metric: sums of statistics, shape (weightings, k), to values, shape (weightings,); nan where it is not defined."""
Summary = Mapping[str, Mapping[str, Any]]
"""Metrics of one set by name: `mean`, `std` and `values` over seeds."""
Pictures = Callable[[pl.DataFrame, Summary, str], dict[str, bytes]]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How predictions of a task are scored and drawn.

    Attributes:
        name: as it stands beside results in the register and in MLflow.
        kinds: what the metrics of a frame of predictions speak of: its classes or types of entities, none for numbers and texts.
        statistics: rows of one seed and the kinds to the numbers of each row, shape (rows, k).
        metrics: the kinds to all metrics by name.
        main: the metric of learning curves.
        headline: the metrics that a short report shows, and that are logged for each seed.
        pictures: predictions of one set, their summary and a title to PNG by file name.
        less_is_better: the metrics of which a fall is a gain.
    """

    name: str
    kinds: Callable[[pl.DataFrame], set[str]]
    statistics: Callable[[pl.DataFrame, Sequence[str]], Floats]
    metrics: Callable[[Sequence[str]], dict[str, Measure]]
    main: str
    headline: tuple[str, ...]
    pictures: Pictures
    less_is_better: frozenset[str] = frozenset()


LESS_IS_BETTER = frozenset({"ece", "brier", "log_loss"})
"""The metrics that evaluations measure themselves, beside scores of predictions, of which a fall is a gain."""


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
