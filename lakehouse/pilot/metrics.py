"""Scores of predictions, and the paired bootstrap that compares two models on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.scoring import Floats, Measure, Scoring
from lakehouse.pilot.task import less_is_better


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A difference (new minus old) in a metric, its 95 % interval, the word for it, and `p`: two-sided, of no difference (bootstrap)."""

    metric: str
    new: float
    old: float
    difference: float
    low: float
    high: float
    verdict: str
    rows: int
    p: float

    @property
    def gain(self) -> tuple[float, float]:
        """The interval as a gain, least and most: the difference, turned round where less of the metric is better."""
        return (-self.high, -self.low) if less_is_better(self.metric) else (self.low, self.high)


def summary(predictions: pl.DataFrame, scoring: Scoring = CLASSIFICATION) -> dict[str, dict[str, object]]:
    """Mean, standard deviation and values over seeds of every metric of the scoring that is defined on the rows.

    Args:
        predictions: of one set: `seed`, `_row_id`, `label`, `predicted`.
    """
    kinds = sorted(scoring.kinds(predictions))
    metrics = scoring.metrics(kinds)
    found: dict[str, list[float]] = {}
    for (_seed,), rows in predictions.group_by(["seed"], maintain_order=True):
        sums = scoring.statistics(rows, kinds).sum(0)[None]
        for name, measure in metrics.items():
            value = float(measure(sums)[0])
            if not math.isnan(value):
                found.setdefault(name, []).append(value)
    return {m: over_seeds(v) for m, v in found.items()}


def over_seeds(values: Sequence[float]) -> dict[str, object]:
    """Mean, standard deviation and the values themselves of a metric over seeds."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values)), "values": list(values)}


def compare(
    new: pl.DataFrame,
    old: pl.DataFrame,
    metric: str,
    margin: float,
    *,
    resamples: int = 2000,
    seed: int = 0,
    scoring: Scoring = CLASSIFICATION,
) -> Comparison:
    """Paired bootstrap over rows (Efron and Tibshirani 1993): both models are resampled on the same rows, seeds averaged.

    The verdict: `equal` when the 95 % interval of the difference lies within plus or minus `margin`; else `better` when all of it is a
    gain, `worse` when all of it is a loss, `inconclusive` otherwise. Of a metric such as `rmse` a fall is the gain.

    Args:
        new, old: predictions of both versions on the same set: `seed`, `_row_id`, `label`, `predicted`.

    Raises:
        ValueError: the two were not scored on the same rows, or an unknown metric.
    """
    rows = sorted(new["_row_id"].unique())
    if rows != sorted(old["_row_id"].unique()):
        raise ValueError("the two versions were not scored on the same rows")
    kinds = sorted(scoring.kinds(new) | scoring.kinds(old))
    measure = scoring.metrics(kinds).get(metric)
    if measure is None:
        raise ValueError(f"metric `{metric}` cannot be compared row by row")
    a, b = _per_seed(new, scoring, kinds), _per_seed(old, scoring, kinds)
    generator = np.random.default_rng(seed)
    n = len(rows)
    ones = np.ones((1, n))
    point_new, point_old = float(_scores(a, ones, measure)[0]), float(_scores(b, ones, measure)[0])
    differences = []
    for start in range(0, resamples, 200):
        weights = generator.multinomial(n, np.full(n, 1 / n), size=min(200, resamples - start)).astype(np.float64)
        differences.append(_scores(a, weights, measure) - _scores(b, weights, measure))
    drawn = np.concatenate(differences)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    # Counting the observed sample as one more keeps p above zero (Davison and Hinkley 1997, 4.2).
    p = min(1.0, 2 * (1 + min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))) / (resamples + 1))
    found = Comparison(
        metric=metric,
        new=point_new,
        old=point_old,
        difference=point_new - point_old,
        low=low,
        high=high,
        verdict="inconclusive",
        rows=n,
        p=p,
    )
    least, most = found.gain
    if -margin <= low and high <= margin:
        return replace(found, verdict="equal")
    return replace(found, verdict="better" if least > 0 else "worse" if most < 0 else "inconclusive")


def mcnemar(new: pl.DataFrame, old: pl.DataFrame) -> float:
    """p of McNemar's exact test (1947; binomial, two-sided) that both models are right equally often on the same rows.

    Only rows count where exactly one of them is right. One seed of each: seeds of one row are no independent trials.

    Raises:
        ValueError: the two were not scored on the same rows, or hold several seeds.
    """
    if max(new["seed"].n_unique(), old["seed"].n_unique()) > 1:
        raise ValueError("McNemar's test compares one seed of each version")
    if sorted(new["_row_id"]) != sorted(old["_row_id"]):
        raise ValueError("the two versions were not scored on the same rows")
    hit = (pl.col("label") == pl.col("predicted")).alias("hit")
    both = new.select("_row_id", hit).join(old.select("_row_id", hit), on="_row_id", suffix="_old")
    gained = both.filter(pl.col("hit") & ~pl.col("hit_old")).height
    lost = both.filter(~pl.col("hit") & pl.col("hit_old")).height
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / (1 << n)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979) of p values of one family, in their order; it bounds the chance of any false finding."""
    m = len(p_values)
    adjusted, running = [0.0] * m, 0.0
    for rank, at in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (m - rank) * p_values[at]))
        adjusted[at] = running
    return adjusted


def _per_seed(predictions: pl.DataFrame, scoring: Scoring, kinds: list[str]) -> list[Floats]:
    return [scoring.statistics(rows.sort("_row_id"), kinds) for (_seed,), rows in predictions.group_by(["seed"], maintain_order=True)]


def _scores(seeds: list[Floats], weights: Floats, measure: Measure) -> Floats:
    """The metric under each weighting of the rows, averaged over seeds, shape (weightings,); 0 where it is not defined."""
    total = np.zeros(len(weights))
    for statistics in seeds:
        total += np.nan_to_num(measure(weights @ statistics), nan=0.0)
    return total / len(seeds)
