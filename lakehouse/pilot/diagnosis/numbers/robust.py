"""Robust distance of a number from its like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FAR = 3.5
"""Modified z score from which a value is an outlier (Iglewicz and Hoaglin: How to Detect and Handle Outliers, 1993)."""
NORMAL = 1.4826
"""What the median absolute deviation is multiplied by to be the standard deviation of a normal distribution."""
_OF_MEAN = 1.2533
"""The same of the mean absolute deviation, which stands in where more than half of the deviations are 0 (same source)."""


def unit(sizes: NDArray[np.float64]) -> float:
    """The standard deviation that sizes of deviations, at least 0, speak of; 0 where all are."""
    if len(sizes) == 0:
        return 0.0
    return float(NORMAL * np.median(sizes)) or float(_OF_MEAN * sizes.mean())


def chance(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of a value that stands out so much or more, to either side, under a normal distribution."""
    from scipy.stats import norm

    out: NDArray[np.float64] = 2 * norm.sf(np.abs(z))
    return out
