"""What each train row is worth: the exact Shapley value of a nearest-neighbour classifier.

Jia, Dao, Wang, Hubis, Gurel, Li, Zhang, Spanos, Song: Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms
(PVLDB 12, 2019), theorem 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses
from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material
from lakehouse.pilot.diagnosis.row_values import CHUNK_BYTES


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
    chunk = max(1, CHUNK_BYTES // (n * 8))
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


def class_values(m: Material[OutOfFoldClasses]) -> NDArray[np.float64]:
    """The value of each train row for the rows scored."""
    given = m.out_of_fold.given
    return row_values(m.vectors[m.learnt], given[m.learnt], m.vectors[m.scored], given[m.scored], NEIGHBOURS)
