"""Rates of groups, how far they are apart, and the interval of that by the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
RESAMPLES = 2000
SHUFFLES = 500


@dataclass(frozen=True)
class Rates:
    """Rates of each group for one class taken as the positive one; each shape (..., groups), NaN where no row says it.

    Attributes:
        selection: share of rows that are predicted positive.
        true_positive, false_positive: of the rows that are positive, and that are not.
    """

    selection: _Floats
    true_positive: _Floats
    false_positive: _Floats


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A difference between groups with its 95 % interval.

    Attributes:
        by_chance: what 95 % of random groupings of the same sizes stay under: a `value` below it is no sign of a difference.
    """

    value: float
    low: float
    high: float
    by_chance: float


def rates(cells: _Floats, positive: int) -> Rates:
    """Rates from counts of rows by group, truth and prediction, shape (..., groups, classes, classes)."""
    of = cells.sum(axis=(-1, -2))
    selected = cells[..., positive].sum(axis=-1)
    true = cells[..., positive, :].sum(axis=-1)
    hits = cells[..., positive, positive]
    with np.errstate(invalid="ignore", divide="ignore"):
        return Rates(selected / of, hits / true, (selected - hits) / (of - true))


def demographic_parity(cells: _Floats, positives: Sequence[int]) -> _Floats:
    """Largest difference between groups in the share that is predicted positive; the largest over `positives`; shape (...)."""
    return np.asarray(np.stack([_spread(rates(cells, positive).selection) for positive in positives]).max(axis=0))


def equalized_odds(cells: _Floats, positives: Sequence[int]) -> _Floats:
    """The larger of the differences in true and in false positive rate (Hardt, Price and Srebro 2016); the largest over `positives`.

    As fairlearn 0.15 has it, but for a group without any row of a truth: its rate is unknown here and left out, where fairlearn takes 0.
    """
    found = []
    for positive in positives:
        of = rates(cells, positive)
        found.append(np.maximum(_spread(of.true_positive), _spread(of.false_positive)))
    return np.asarray(np.stack(found).max(axis=0))


def gaps(
    group: NDArray[np.int64], truth: NDArray[np.int64], predicted: NDArray[np.int64], positives: Sequence[int], *, seed: int = 0
) -> tuple[Gap, Gap]:
    """Demographic parity difference and equalized odds difference of groups, each with its interval; means over seeds.

    The bootstrap draws rows (Efron and Tibshirani 1993; 2,000 times, 2.5 % and 97.5 % of what came): the same rows for all seeds.
    A difference of a largest and a smallest is never negative, so the interval does not reach below 0 where groups do not differ: what
    chance alone would show is found by shuffling the groups 500 times.

    Args:
        group, truth: numbers from 0, shape (rows,).
        predicted: shape (seeds, rows).
    """
    groups, classes = int(group.max()) + 1, int(max(truth.max(), predicted.max())) + 1
    kinds, counts = np.unique(np.vstack([group, truth, predicted]), axis=1, return_counts=True)

    def both(weights: _Floats) -> tuple[_Floats, _Floats]:
        parity, odds = np.zeros(len(weights)), np.zeros(len(weights))
        for of_seed in kinds[2:]:
            place = (kinds[0] * classes + kinds[1]) * classes + of_seed
            into = np.zeros((kinds.shape[1], groups * classes * classes))
            into[np.arange(kinds.shape[1]), place] = 1
            cells = (weights @ into).reshape(len(weights), groups, classes, classes)
            parity += demographic_parity(cells, positives)
            odds += equalized_odds(cells, positives)
        return parity / len(predicted), odds / len(predicted)

    # Rows alike in group, truth and all predictions are exchangeable: drawing how many of each kind is drawing rows.
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=RESAMPLES).astype(np.float64)
    shuffled = [_both(generator.permutation(group), truth, predicted, groups, classes, positives) for _ in range(SHUFFLES)]
    out = []
    for at, (value, samples) in enumerate(zip(both(counts[None].astype(np.float64)), both(drawn), strict=True)):
        low, high = np.quantile(samples, [0.025, 0.975])
        chance = np.quantile([pair[at] for pair in shuffled], 0.95)
        out.append(Gap(value=float(value[0]), low=float(low), high=float(high), by_chance=float(chance)))
    return out[0], out[1]


def _both(
    group: NDArray[np.int64],
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    groups: int,
    classes: int,
    positives: Sequence[int],
) -> tuple[float, float]:
    """Both differences, means over seeds."""
    shape = (groups, classes, classes)
    size = groups * classes * classes
    cells = np.stack([np.bincount((group * classes + truth) * classes + each, minlength=size).reshape(shape) for each in predicted])
    counted = cells.astype(np.float64)
    return float(demographic_parity(counted, positives).mean()), float(equalized_odds(counted, positives).mean())


def _spread(values: _Floats) -> _Floats:
    """Largest minus smallest over the last axis, unknown ones aside; 0 where fewer than two are known."""
    known = ~np.isnan(values)
    high = np.where(known, values, -np.inf).max(axis=-1)
    low = np.where(known, values, np.inf).min(axis=-1)
    return np.asarray(np.where(known.sum(axis=-1) > 1, high - low, 0.0))
