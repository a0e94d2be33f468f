"""Repetition and words in the dialect of Data-Juicer (Chen et al. 2024), compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import SPECIAL, code_point_at, flags_of
from lakehouse.core.text.kernels.repetition import number_words
from lakehouse.core.text.kernels.spans import find_word, first_run_like, longest_span, mask_for


@numba.njit(nogil=True, cache=True)
def _run_times(table, stamp, numbers, count, n, prefix, times):  # type: ignore[no-untyped-def]
    """Write to `times` how often each run of n numbers comes, at its first place; 0 elsewhere. Returns the number of runs."""
    runs = count - n + 1
    if runs < 1:
        return 0
    mask = mask_for(runs)
    base = np.uint64(0x9E3779B97F4A7C15)
    power = np.uint64(1)
    for _ in range(n):
        power *= base
    prefix[0] = np.uint64(0)
    for i in range(count):
        prefix[i + 1] = prefix[i] * base + np.uint64(numbers[i]) + np.uint64(1)
    times[:runs] = 0
    for i in range(runs):
        first = first_run_like(table, mask, stamp, prefix[i + n] - prefix[i] * power, numbers, n, i)
        times[i if first < 0 else first] += 1
    return runs


@numba.njit(nogil=True, cache=True)
def character_runs(data, offsets, n):  # type: ignore[no-untyped-def]
    """Per text the runs of n code points, and those among them that are one of the most frequent: shape (n, 2).

    The most frequent ones are as many as the root of the number of different runs, rounded down, and come more than once.
    """
    rows = len(offsets) - 1
    out = np.zeros((rows, 2), dtype=np.int64)
    longest = longest_span(offsets)
    numbers = np.empty(longest + 1, dtype=np.int64)
    prefix, times = np.empty(longest + 2, dtype=np.uint64), np.empty(longest + 1, dtype=np.int64)
    table = np.zeros(mask_for(longest + 1) + 1, dtype=np.int64)
    for row in range(rows):
        i, end = offsets[row], offsets[row + 1]
        count = 0
        while i < end:
            numbers[count], i = code_point_at(data, i)
            count += 1
        runs = _run_times(table, row + 1, numbers, count, n, prefix, times)
        different, repeated = 0, 0
        for k in range(runs):
            different += times[k] > 0
            if times[k] > 1:
                times[repeated] = times[k]
                repeated += 1
        out[row, 0] = runs
        if repeated:
            most = min(int(np.sqrt(different)), repeated)
            out[row, 1] = np.sort(times[:repeated])[repeated - most :].sum()
    return out


@numba.njit(nogil=True, cache=True)
def _refined(data, start, end, flags, joined, bounds, tails):  # type: ignore[no-untyped-def]
    """Write the words of data[start:end], parted by spaces, line feeds and tabs, without SPECIAL characters at their ends, one after the
    other into `joined`; a word of nothing else is none. Returns their number; bounds and tails are those of `repetition.split_words`."""
    count, at = 0, 0
    bounds[0] = 0
    i = start
    while i < end:
        while i < end and (data[i] == 32 or data[i] == 10 or data[i] == 9):
            i += 1
        first, last = np.int64(-1), i
        while i < end and data[i] != 32 and data[i] != 10 and data[i] != 9:
            c, after = code_point_at(data, i)
            if flags_of(c, flags) & SPECIAL == 0:
                if first < 0:
                    first = i
                last = after
            i = after
        if first >= 0:
            tail = np.uint64(0)
            for k in range(first, last):
                joined[at] = data[k]
                tail = tail << np.uint64(8) | np.uint64(data[k])
                at += 1
            tails[count] = tail
            count += 1
            bounds[count] = at
    return count


@numba.njit(nogil=True, cache=True)
def word_counts(data, offsets, flags, table, listed, listed_offsets):  # type: ignore[no-untyped-def]
    """Per text its refined words, and those that are in a list: shape (n, 2).

    Args:
        table, listed, listed_offsets: `spans.word_table` of the list, and what it was made from.
    """
    rows = len(offsets) - 1
    out = np.zeros((rows, 2), dtype=np.int64)
    longest = longest_span(offsets)
    joined, bounds = np.empty(longest + 1, dtype=np.uint8), np.empty(longest + 2, dtype=np.int64)
    tails = np.empty(longest + 2, dtype=np.uint64)
    for row in range(rows):
        words = _refined(data, offsets[row], offsets[row + 1], flags, joined, bounds, tails)
        out[row, 0] = words
        for k in range(words if len(listed_offsets) > 1 else 0):
            out[row, 1] += find_word(joined, bounds[k], bounds[k + 1], table, listed, listed_offsets) >= 0
    return out


@numba.njit(nogil=True, cache=True)
def word_runs(data, offsets, flags, n):  # type: ignore[no-untyped-def]
    """Per text the runs of n refined words, and those among them that come more than once: shape (n, 2)."""
    rows = len(offsets) - 1
    out = np.zeros((rows, 2), dtype=np.int64)
    longest = longest_span(offsets)
    joined, bounds = np.empty(longest + 1, dtype=np.uint8), np.empty(longest + 2, dtype=np.int64)
    tails, prefix = np.empty(longest + 2, dtype=np.uint64), np.empty(longest + 2, dtype=np.uint64)
    numbers, times = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    table = np.zeros(mask_for(longest + 1) + 1, dtype=np.int64)
    for row in range(rows):
        words = _refined(data, offsets[row], offsets[row + 1], flags, joined, bounds, tails)
        number_words(table, 2 * row + 1, joined, bounds, tails, words, numbers)
        runs = _run_times(table, 2 * row + 2, numbers, words, n, prefix, times)
        out[row, 0] = runs
        for k in range(runs):
            if times[k] > 1:
                out[row, 1] += times[k]
    return out
