"""What each train row is worth: the exact Shapley value of a nearest-neighbour regressor.

Jia, Dao, Wang, Hubis, Gurel, Li, Zhang, Spanos, Song: Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms
(PVLDB 12, 2019), theorem 6: the same game; the sums are arranged anew so that each test row takes O(train rows) after sorting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers
from lakehouse.pilot.diagnosis.row_values import CHUNK_BYTES


def number_values(
    train: NDArray[np.float32], labels: NDArray[np.float64], test: NDArray[np.float32], truth: NDArray[np.float64], k: int = 10
) -> NDArray[np.float64]:
    """The Shapley value of each train row for the test rows, in squares of the label's unit, shape (train rows,).

    The game: a coalition of train rows says of a test row the sum of the labels of its `k` nearest members by `k`, and is worth minus
    the mean square by which it errs. Labels are best centred: then members that are missing speak for the mean. Values sum to the worth
    of all train rows less that of none. Rows equally near count in the order given. Time is O(test * train * log train), memory bounded by
    chunks of test rows.

    Args:
        train, test: vectors of length 1 (or 0), shape (rows, dimensions); near is the cosine.
        labels, truth: of the train rows and of the test rows.
        k: at least 1.
    """
    n = len(train)
    values = np.zeros(n)
    if n == 0 or len(test) == 0:
        return values
    chunk = max(1, CHUNK_BYTES // (n * 8))
    for start in range(0, len(test), chunk):
        similar = test[start : start + chunk] @ train.T
        order = np.argsort(-similar, axis=1, kind="stable")
        of = _values(labels[order], truth[start : start + chunk, None], k)
        values += np.bincount(order.ravel(), weights=of.ravel(), minlength=n)
    return values / len(test)


def _values(y: NDArray[np.float64], z: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The values of rows by nearness to one test row a line: labels of shape (test rows, n), the truth of shape (test rows, 1).

    In a coalition that each row joins with a probability drawn from [0, 1] once, the number of members among any m rows is uniform on
    0..m. Rows i and i + 1 (from 1) differ only in coalitions with fewer than k members nearer than both: probability min(k, i) / i.
    """
    n = y.shape[1]
    most = min(k, n)
    last = y[:, -1:]
    # The farthest counts where there are fewer than k others at all.
    both = most * (most - 1) / (2 * n * (n - 1)) if n > 1 else 0.0
    out = np.empty_like(y)
    out[:, -1:] = -last / k * (2 * both * y[:, :-1].sum(axis=1, keepdims=True) / k + most / n * (last / k - 2 * z))
    if n == 1:
        return out
    i = np.arange(1, n)
    fewer = np.minimum(k, i)
    # Another row counts beside them: a nearer one in fewer * (fewer - 1) / (2 i (i - 1)) of cases, one at place l > i + 1 in after[l].
    nearer = np.where(i > 1, fewer * (fewer - 1) / (2.0 * i * np.maximum(i - 1, 1)), 0.0)
    before = np.cumsum(y, axis=1)[:, :-1] - y[:, :-1]
    place = np.arange(1, n + 1)
    beside = np.minimum(k - 1, place - 2)
    after = np.where(place > 2, beside * (beside + 1) / (2.0 * np.maximum(place - 2, 1) * np.maximum(place - 1, 1)), 0.0)
    farther = np.cumsum((y * after)[:, ::-1], axis=1)[:, ::-1]
    beyond = np.concatenate([farther[:, 2:], np.zeros((len(y), 1))], axis=1)
    own = fewer / i * ((y[:, :-1] + y[:, 1:]) / k - 2 * z)
    steps = (y[:, 1:] - y[:, :-1]) / k * (own + 2 / k * (nearer * before + beyond))
    out[:, :-1] = out[:, -1:] + np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    return out


def values_for_numbers(m: Material[OutOfFoldNumbers]) -> NDArray[np.float64]:
    """The value of each train row for the rows scored, of labels less the mean of the train rows'."""
    given = m.out_of_fold.given
    middle = given[m.learnt].mean() if len(m.learnt) else 0.0
    return number_values(m.vectors[m.learnt], given[m.learnt] - middle, m.vectors[m.scored], given[m.scored] - middle, NEIGHBOURS)
