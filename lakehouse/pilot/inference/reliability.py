"""Numbers of predictions: accuracy, macro F1, and how far probabilities are to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
BINS = 15
_LEAST = 1e-15
"""The least probability that a log loss is taken of, so that it is a number."""
_TEMPERATURES = (0.05, 20.0)


def accuracy(truth: pl.Series, predicted: pl.Series) -> float:
    """Share of rows that are right."""
    return float((truth == predicted).mean())  # type: ignore[arg-type]


def macro_f1(truth: pl.Series, predicted: pl.Series) -> float:
    """Unweighted mean of the F1 of the classes that occur as truth or prediction."""
    counts = pl.DataFrame({"truth": truth, "predicted": predicted})
    names = pl.concat([truth, predicted]).unique()
    both = pl.DataFrame({"name": names})
    for column in ("truth", "predicted"):
        both = both.join(counts.group_by(pl.col(column).alias("name")).agg(pl.len().alias(column)), on="name", how="left")
    hits = counts.filter(pl.col("truth") == pl.col("predicted")).group_by(pl.col("truth").alias("name")).agg(hits=pl.len())
    f1 = 2 * pl.col("hits") / (pl.col("truth") + pl.col("predicted"))
    return float(both.join(hits, on="name", how="left").fill_null(0).select(f1.mean()).item())


@dataclass(frozen=True)
class Reliability:
    """Bins of equal mass over the confidence, low to high; each shape (bins,)."""

    confidence: _Floats
    accuracy: _Floats
    rows: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of confidence and accuracy, weighted by rows."""
        return float((np.abs(self.confidence - self.accuracy) * self.rows).sum() / self.rows.sum())


def reliability(confidence: _Floats, correct: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Confidence against accuracy.

    Expected calibration error (Naeini, Cooper and Hauskrecht 2015; with 15 bins Guo et al. 2017). These bins hold as many rows each, as
    Nguyen and O'Connor (2015) have them, not as wide a range each: most confidences of a good model lie in the last of equal width.
    Rows of one confidence count with their mean accuracy wherever the cut falls, so that the order of rows does not matter.

    Args:
        confidence: probability of the predicted class, shape (rows,), at least one row.
    """
    values, at, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    share = np.bincount(at, weights=correct.astype(np.float64), minlength=len(values)) / counts
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return Reliability(
        np.array([confidence[part].mean() for part in parts]),
        np.array([share[at[part]].mean() for part in parts]),
        np.array([len(part) for part in parts], dtype=np.int64),
    )


def error_by_chance(confidence: _Floats, *, draws: int = 200, seed: int = 0) -> float:
    """The mean calibration error of a calibrated model with these confidences: what so few rows a bin show though nothing is wrong.

    Whether each row is right is drawn with its confidence (Vaicenavicius et al. 2019 call it consistency resampling).
    """
    generator = np.random.default_rng(seed)
    return float(np.mean([reliability(confidence, generator.random(len(confidence)) < confidence).error for _ in range(draws)]))


def brier(probabilities: _Floats, truth: NDArray[np.int64]) -> float:
    """Mean squared distance to what was true, summed over classes (Brier 1950): 0 to 2.

    Args:
        truth: the column of the true class, -1 where the model does not know that class; shape (rows,).
    """
    at = _true(probabilities, truth)
    return float(((probabilities**2).sum(axis=1) - 2 * at + 1).mean())


def log_loss(probabilities: _Floats, truth: NDArray[np.int64]) -> float:
    """Mean negative natural logarithm of the true class's probability, which counts as at least 1e-15."""
    return float(-np.log(np.maximum(_true(probabilities, truth), _LEAST)).mean())


def tempered(probabilities: _Floats, temperature: float) -> _Floats:
    """Probabilities with their logarithms divided by a temperature (Guo et al. 2017): above 1 less sure, below 1 surer."""
    scaled = np.log(np.maximum(probabilities, _LEAST)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def best_temperature(probabilities: _Floats, truth: NDArray[np.int64]) -> float:
    """The temperature, within 0.05 to 20, of the least log loss on these rows."""
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        return log_loss(tempered(probabilities, float(np.exp(logarithm))), truth)

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def positions(truth: pl.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """The number of each label among `classes`; -1 where it is none of them."""
    at = {name: i for i, name in enumerate(classes)}
    return truth.replace_strict(at, default=-1, return_dtype=pl.Int64).to_numpy()


def _true(probabilities: _Floats, truth: NDArray[np.int64]) -> _Floats:
    return np.where(truth < 0, 0.0, probabilities[np.arange(len(truth)), np.maximum(truth, 0)])
