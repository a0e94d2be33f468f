"""Scores of predictions, and the paired bootstrap that compares two models on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
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


def classes_of(predictions: pl.DataFrame) -> list[str]:
    """Labels that occur as truth or prediction, sorted."""
    return sorted(set(predictions["label"].unique()) | set(predictions["predicted"].unique()))


def summary(predictions: pl.DataFrame) -> dict[str, dict[str, object]]:
    """Per metric mean, standard deviation and values over seeds: accuracy, macro_f1, `recall.<class>`.

    Args:
        predictions: of one set: `seed`, `label`, `predicted`.
    """
    names = classes_of(predictions)
    found: dict[str, list[float]] = {}
    for (_seed,), rows in predictions.group_by(["seed"], maintain_order=True):
        counts = _counts(rows, names)
        truth, predicted, hits = counts[:, 0, :].sum(0), counts[:, 1, :].sum(0), counts[:, 2, :].sum(0)
        found.setdefault("accuracy", []).append(float(hits.sum() / max(rows.height, 1)))
        found.setdefault("macro_f1", []).append(float(_macro_f1(truth[None], predicted[None], hits[None])[0]))
        for i, name in enumerate(names):
            if truth[i]:
                found.setdefault(f"recall.{name}", []).append(float(hits[i] / truth[i]))
    return {m: over_seeds(v) for m, v in found.items()}


def over_seeds(values: Sequence[float]) -> dict[str, object]:
    """Mean, standard deviation and the values themselves of a metric over seeds."""
    return {"mean": float(np.mean(values)), "std": float(np.std(values)), "values": list(values)}


def confusion(predictions: pl.DataFrame) -> tuple[list[str], NDArray[np.int64]]:
    """Class names, and rows by truth and prediction summed over seeds, shape (classes, classes)."""
    names = classes_of(predictions)
    at = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(names), len(names)), dtype=np.int64)
    for truth, predicted, n in predictions.group_by("label", "predicted").len().iter_rows():
        out[at[truth], at[predicted]] = n
    return names, out


def compare(new: pl.DataFrame, old: pl.DataFrame, metric: str, margin: float, *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Paired bootstrap over rows (Efron and Tibshirani 1993): both models are resampled on the same rows, seeds averaged.

    The verdict: `equal` when the 95 % interval of the difference lies within plus or minus `margin`; else `better` when it lies above
    zero, `worse` when below, `inconclusive` otherwise.

    Args:
        new, old: predictions of both versions on the same set: `seed`, `_row_id`, `label`, `predicted`.

    Raises:
        ValueError: the two were not scored on the same rows, or an unknown metric.
    """
    rows = sorted(new["_row_id"].unique())
    if rows != sorted(old["_row_id"].unique()):
        raise ValueError("the two versions were not scored on the same rows")
    names = sorted(set(classes_of(new)) | set(classes_of(old)))
    a, b = _per_seed(new, names), _per_seed(old, names)
    generator = np.random.default_rng(seed)
    n = len(rows)
    ones = np.ones((1, n))
    point_new, point_old = float(_scores(a, ones, metric, names).mean()), float(_scores(b, ones, metric, names).mean())
    differences = []
    for start in range(0, resamples, 200):
        weights = generator.multinomial(n, np.full(n, 1 / n), size=min(200, resamples - start)).astype(np.float64)
        differences.append(_scores(a, weights, metric, names) - _scores(b, weights, metric, names))
    drawn = np.concatenate(differences)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    # Counting the observed sample as one more keeps p above zero (Davison and Hinkley 1997, 4.2).
    p = min(1.0, 2 * (1 + min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))) / (resamples + 1))
    if -margin <= low and high <= margin:
        verdict = "equal"
    elif low > 0:
        verdict = "better"
    elif high < 0:
        verdict = "worse"
    else:
        verdict = "inconclusive"
    return Comparison(metric, point_new, point_old, point_new - point_old, low, high, verdict, n, p)


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


def _per_seed(predictions: pl.DataFrame, names: list[str]) -> list[_Floats]:
    return [_counts(rows.sort("_row_id"), names) for (_seed,), rows in predictions.group_by(["seed"], maintain_order=True)]


def _counts(rows: pl.DataFrame, names: list[str]) -> _Floats:
    """Per row indicators of truth, prediction and hit by class, shape (rows, 3, classes)."""
    at: Mapping[str, int] = {name: i for i, name in enumerate(names)}
    truth = rows["label"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
    predicted = rows["predicted"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
    out = np.zeros((rows.height, 3, len(names)))
    index = np.arange(rows.height)
    out[index, 0, truth] = 1
    out[index, 1, predicted] = 1
    out[index[truth == predicted], 2, truth[truth == predicted]] = 1
    return out


def _scores(seeds: list[_Floats], weights: _Floats, metric: str, names: list[str]) -> _Floats:
    """The metric under each weighting of the rows, averaged over seeds, shape (weightings,)."""
    total = np.zeros(len(weights))
    for counts in seeds:
        n, _, k = counts.shape
        sums = (weights @ counts.reshape(n, 3 * k)).reshape(-1, 3, k)
        truth, predicted, hits = sums[:, 0], sums[:, 1], sums[:, 2]
        if metric == "accuracy":
            total += hits.sum(1) / weights.sum(1)
        elif metric == "macro_f1":
            total += _macro_f1(truth, predicted, hits)
        elif metric.startswith("recall.") and metric.removeprefix("recall.") in names:
            i = names.index(metric.removeprefix("recall."))
            total += hits[:, i] / np.maximum(truth[:, i], 1)
        else:
            raise ValueError(f"metric `{metric}` cannot be compared row by row")
    return total / len(seeds)


def _macro_f1(truth: _Floats, predicted: _Floats, hits: _Floats) -> _Floats:
    """Unweighted mean of the F1 of the classes that occur as truth or prediction, as scikit-learn has it; shape (weightings, classes)."""
    f1 = np.where(truth + predicted > 0, 2 * hits / np.maximum(truth + predicted, 1), 0.0)
    present = truth + predicted > 0
    mean: _Floats = (f1 * present).sum(1) / np.maximum(present.sum(1), 1)
    return mean
