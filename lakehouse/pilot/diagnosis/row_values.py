"""What each train row is worth: the exact Shapley value of a nearest-neighbour classifier.

Jia, Dao, Wang, Hubis, Gurel, Li, Zhang, Spanos, Song: Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms
(PVLDB 12, 2019), theorem 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.baseline import OutOfFold
from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material
from lakehouse.pilot.diagnosis.pictures import values_picture

_LOWEST = 0.05
"""Share of the train rows that may be findings for their value."""
_BYTES = 64 * 1024 * 1024
"""What one chunk of similarities may take."""


def row_values(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    test: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    k: int = 10,
) -> NDArray[np.float64]:
    """The Shapley value of each train row for the test rows, shape (train rows,).

    The game: a coalition of train rows is worth the mean over test rows of the share, out of `k`, of its `k` nearest members that have
    the test row's label. Values sum to the worth of all train rows together; a negative one makes the classifier worse. Rows
    equally near count in the order given. Time is O(test * train * log train), memory bounded by chunks of test rows.

    Args:
        train, test: vectors of length 1 (or 0), shape (rows, dimensions); near is the cosine.
        k: at least 1.
    """
    n = len(train)
    values = np.zeros(n)
    if n == 0 or len(test) == 0:
        return values
    # From the farthest inwards: s[n] = hit * min(k, n) / (n * k), s[i] = s[i + 1] + (hit[i] - hit[i + 1]) / k * min(k, i) / i.
    place = np.arange(1, n)
    weight = np.minimum(k, place) / place / k
    chunk = max(1, _BYTES // (n * 8))
    for start in range(0, len(test), chunk):
        similar = test[start : start + chunk] @ train.T
        order = np.argsort(-similar, axis=1, kind="stable")
        hit = (train_labels[order] == test_labels[start : start + chunk, None]).astype(np.float64)
        sorted_values = np.empty_like(hit)
        sorted_values[:, -1] = hit[:, -1] * min(k, n) / (n * k)
        steps = (hit[:, :-1] - hit[:, 1:]) * weight
        sorted_values[:, :-1] = sorted_values[:, -1:] + np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        values += np.bincount(order.ravel(), weights=sorted_values.ravel(), minlength=n)
    return values / len(test)


def value_findings(m: Material[OutOfFold]) -> Found:
    """The train rows of least value below zero, the worst first."""
    given = m.judged.given
    values = row_values(m.vectors[m.learnt], given[m.learnt], m.vectors[m.scored], given[m.scored], NEIGHBOURS)
    order = np.argsort(values, kind="stable")[: int(np.ceil(len(values) * _LOWEST))]
    order = order[values[order] < 0]
    evidence = [{"given": m.given(at), "value": float(value)} for at, value in zip(m.learnt[order], values[order], strict=True)]
    pictures = {}
    if len(m.learnt) and len(m.scored):
        title = f"{m.name}: worth of {len(m.learnt):,} train rows for {len(m.scored):,} others"
        pictures["row_values.png"] = values_picture(values, title)
    return Found(findings("low_value", [m.ids[at] for at in m.learnt[order]], values[order].tolist(), evidence), pictures)
