"""Linear classifiers over tf-idf of single words, compiled: scikit-learn's TfidfVectorizer and calibrated LinearSVC, over Arrow buffers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.characters import ALPHANUMERIC, code_point_at, flags_of
from lakehouse.core.text.kernels.spans import find_word


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A linear model of texts.

    Attributes:
        table, words, offsets: the vocabulary as of `spans.word_table`.
        idf: inverse document frequency of each word.
        weights: shape (words, k), of k classifiers whose probabilities are averaged; intercepts: shape (k,).
        slopes, shifts: shape (k,), Platt's sigmoid of each: 1 / (1 + exp(slope * decision + shift)).
    """

    table: NDArray[np.int64]
    words: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    idf: NDArray[np.float64]
    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    slopes: NDArray[np.float64]
    shifts: NDArray[np.float64]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arguments of the compiled function."""
        return self.table, self.words, self.offsets, self.idf, self.weights, self.intercepts, self.slopes, self.shifts


@numba.njit(nogil=True, cache=True)
def probabilities(data, offsets, flags, table, words, word_offsets, idf, weights, intercepts, slopes, shifts):  # type: ignore[no-untyped-def]
    """Per text the mean of the classifiers' probabilities. A word is a run of two letters, digits or `_` and more.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts in lower case.
        flags: `characters.table()`.
        table, words, word_offsets, idf, weights, intercepts, slopes, shifts: `Classifier.arrays`.
    """
    n, size = len(offsets) - 1, weights.shape[1]
    out = np.empty(n, dtype=np.float64)
    times, seen = np.zeros(len(idf), dtype=np.int64), np.empty(len(idf), dtype=np.int64)
    sums = np.empty(size, dtype=np.float64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        different = 0
        start, length = i, 0
        while i <= end:
            inside, after = False, end + 1
            if i < end:
                code_point, after = code_point_at(data, i)
                inside = code_point == 95 or flags_of(code_point, flags) & ALPHANUMERIC != 0
            if inside:
                length += 1
            else:
                if length > 1:
                    word = find_word(data, start, i, table, words, word_offsets)
                    if word >= 0:
                        if times[word] == 0:
                            seen[different] = word
                            different += 1
                        times[word] += 1
                start, length = after, 0
            i = after
        squares = 0.0
        sums[:] = 0.0
        for k in range(different):
            word = seen[k]
            value = times[word] * idf[word]
            times[word] = 0
            squares += value * value
            for c in range(size):
                sums[c] += value * weights[word, c]
        norm = np.sqrt(squares) if squares > 0 else 1.0
        total = 0.0
        for c in range(size):
            decision = sums[c] / norm + intercepts[c]
            total += 1.0 / (1.0 + np.exp(slopes[c] * decision + shifts[c]))
        out[row] = total / size
    return out
