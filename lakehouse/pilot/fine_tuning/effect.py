"""What fine-tuning adds to frozen vectors, how much a model loses on other rows, and how much of it is the seed's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lakehouse.pilot.metrics import compare, summary
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Floats

METRICS = ("accuracy", "macro_f1")
_RESAMPLES = 2000


@dataclass(frozen=True)
class ScoreDifference:
    """Values over seeds, and the 95 % interval of their mean (bootstrap over rows)."""

    values: list[float]
    low: float
    high: float

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.values))

    def as_metrics(self, name: str) -> dict[str, list[float]]:
        """`name`, `name_low` and `name_high`."""
        return {name: self.values, f"{name}_low": [self.low], f"{name}_high": [self.high]}


def values_of(predictions: pl.DataFrame, metric: str) -> list[float]:
    """The metric of each seed."""
    found: list[float] = summary(predictions)[metric]["values"]  # type: ignore[assignment]
    return found


def gain(tuned: pl.DataFrame, frozen: pl.DataFrame, metric: str) -> ScoreDifference:
    """Fine-tuned minus frozen on the same rows: paired bootstrap, as versions are compared.

    Args:
        tuned, frozen: predictions of one set; the frozen model has one seed.
    """
    (reference,) = values_of(frozen, metric)
    found = compare(tuned, frozen, metric, 0.0, resamples=_RESAMPLES)
    return ScoreDifference([value - reference for value in values_of(tuned, metric)], found.low, found.high)


def gap(own: pl.DataFrame, other: pl.DataFrame, metric: str) -> ScoreDifference:
    """The score on the own rows minus the score on other ones: both are resampled, each by itself, for no row is in both."""
    values = [a - b for a, b in zip(values_of(own, metric), values_of(other, metric), strict=True)]
    drawn = _drawn(own, metric, 1) - _drawn(other, metric, 2)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    return ScoreDifference(values, low, high)


def stability(predictions: pl.DataFrame) -> dict[str, list[float]]:
    """`range.<metric>`, largest minus smallest over seeds, and `agreement`, the share of rows that all seeds predict alike.

    Nothing of one seed: it agrees with itself. The standard deviation over seeds stands beside each metric's mean.
    """
    if predictions["seed"].n_unique() < 2:
        return {}
    alike = predictions.group_by("_row_id").agg(pl.col("predicted").n_unique() == 1)["predicted"].mean()
    ranges = {f"range.{metric}": [float(np.ptp(values_of(predictions, metric)))] for metric in METRICS}
    return {**ranges, "agreement": [float(alike)]}  # type: ignore[arg-type]


def _drawn(predictions: pl.DataFrame, metric: str, seed: int) -> Floats:
    """The metric, averaged over seeds, of resampled rows, shape (resamples,)."""
    scoring = CLASSIFICATION
    kinds = sorted(scoring.kinds(predictions))
    measure = scoring.metrics(kinds)[metric]
    seeds = [scoring.statistics(rows.sort("_row_id"), kinds) for (_seed,), rows in predictions.group_by(["seed"], maintain_order=True)]
    n = len(seeds[0])
    generator = np.random.default_rng(seed)
    parts = []
    for start in range(0, _RESAMPLES, 200):
        weights = generator.multinomial(n, np.full(n, 1 / n), size=min(200, _RESAMPLES - start)).astype(np.float64)
        parts.append(sum((np.nan_to_num(measure(weights @ statistics)) for statistics in seeds), np.zeros(len(weights))) / len(seeds))
    return np.concatenate(parts)
