"""95 % intervals of shares, of sums over groups of rows, and of entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Z = 1.959963984540054
"""97.5 % quantile of the normal distribution."""
_RESAMPLES = 1000


def wilson(hits: float, of: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of the share `hits / of`; inside [0, 1] and around the share, also for 0 and for all.

    Raises:
        ValueError: nothing was counted, or more hits than counted.
    """
    if of <= 0 or not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    share = hits / of
    middle = share + _Z * _Z / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + _Z * _Z / (4 * of * of))
    scale = 1 + _Z * _Z / of
    # Rounding must not put a bound on the wrong side of the share.
    return max(0.0, min(share, (middle - spread) / scale)), min(1.0, max(share, (middle + spread) / scale))


def ratio_of_groups(numerators: Sequence[float], denominators: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Interval of sum(numerators) / sum(denominators), both within [0, 1]: groups of rows are resampled (percentile bootstrap).

    One group shows no spread: its interval is [0, 1].
    """
    above, below = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if len(above) < 2:
        return 0.0, 1.0
    drawn = np.random.default_rng(seed).integers(0, len(above), size=(_RESAMPLES, len(above)))
    return _quantiles(above[drawn].sum(1) / below[drawn].sum(1), float(above.sum() / below.sum()))


def entropy(counts: Sequence[int]) -> float:
    """Shannon entropy of counts in bits."""
    shares = np.asarray([n for n in counts if n > 0], dtype=np.float64) / sum(counts)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def evenness(counts: Sequence[int], seed: int = 0) -> tuple[float, float]:
    """Interval of entropy over its maximum log2(classes), by redrawing the counts (multinomial bootstrap)."""
    total = sum(counts)
    drawn = np.random.default_rng(seed).multinomial(total, np.asarray(counts) / total, size=_RESAMPLES)
    shares = drawn / total
    bits = -(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(1)
    most = math.log2(len(counts))
    return _quantiles(bits / most, entropy(counts) / most)


def _quantiles(drawn: NDArray[np.float64], point: float) -> tuple[float, float]:
    """The middle 95 % of what was drawn, widened to the point where the draw is biased away from it."""
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    return max(0.0, min(low, point)), min(1.0, max(high, point))
