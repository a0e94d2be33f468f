"""Sets of pieces of one text, compiled: which pieces were seen before, exactly.

A piece is found by a hash and confirmed byte by byte. The table of a text is forgotten by a new stamp, not by clearing it.
"""

from __future__ import annotations

import numba
import numpy as np

_BASE = np.uint64(0x9E3779B97F4A7C15)
_BASE_2, _BASE_3, _BASE_4 = (np.uint64(pow(int(_BASE), k, 1 << 64)) for k in (2, 3, 4))
_LOW = np.int64(0xFFFFFFFF)


@numba.njit(nogil=True, cache=True)
def powers(length):  # type: ignore[no-untyped-def]
    """The powers 0 .. `length` of the base of all polynomial hashes, mod 2^64."""
    out = np.empty(length + 1, dtype=np.uint64)
    out[0] = np.uint64(1)
    for i in range(length):
        out[i + 1] = out[i] * _BASE
    return out


@numba.njit(nogil=True, cache=True, inline="always")
def extended(h, byte):  # type: ignore[no-untyped-def]
    """The polynomial hash of a piece with one more byte."""
    return h * _BASE + np.uint64(byte) + np.uint64(1)


@numba.njit(nogil=True, cache=True)
def span_hash(data, start, end):  # type: ignore[no-untyped-def]
    """The polynomial hash of data[start:end]."""
    h = np.uint64(0)
    i = start
    while i + 4 <= end:  # four bytes a step: their products do not wait for one another
        low = (np.uint64(data[i + 2]) + np.uint64(1)) * _BASE + np.uint64(data[i + 3]) + np.uint64(1)
        high = (np.uint64(data[i]) + np.uint64(1)) * _BASE_3 + (np.uint64(data[i + 1]) + np.uint64(1)) * _BASE_2
        h = h * _BASE_4 + high + low
        i += 4
    while i < end:
        h = extended(h, data[i])
        i += 1
    return h


@numba.njit(nogil=True, cache=True, inline="always")
def slot_of(h, mask):  # type: ignore[no-untyped-def]
    """Where to look first for a hash in a table of mask + 1 slots (finaliser of MurmurHash3, Appleby)."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    return np.int64(h & np.uint64(mask))


@numba.njit(nogil=True, cache=True, inline="always")
def same(data, left, right, length):  # type: ignore[no-untyped-def]
    """Whether `length` bytes from `left` and from `right` are equal."""
    for k in range(length):  # noqa: SIM110 - compiled
        if data[left + k] != data[right + k]:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def mask_for(pieces):  # type: ignore[no-untyped-def]
    """Slots - 1 of a table for that many pieces: a power of two, at most half full."""
    slots = 16
    while slots < 2 * pieces:
        slots *= 2
    return slots - 1


@numba.njit(nogil=True, cache=True, inline="always")
def first_like(table, mask, stamp, h, data, starts, ends, i):  # type: ignore[no-untyped-def]
    """The earlier piece equal to piece i = data[starts[i]:ends[i]], or -1, and then i is in the table from now on.

    Args:
        table: int64, at least mask + 1 slots; entries of another stamp are empty ones.
        h: the polynomial hash of piece i.
    """
    slot = slot_of(h, mask)
    length = ends[i] - starts[i]
    while True:
        entry = table[slot]
        if entry >> 32 != stamp:
            table[slot] = stamp << 32 | i
            return np.int64(-1)
        j = entry & _LOW
        if ends[j] - starts[j] == length and same(data, starts[j], starts[i], length):
            return j
        slot = (slot + 1) & mask


@numba.njit(nogil=True, cache=True, inline="always")
def first_word_like(table, mask, stamp, tails, data, bounds, i):  # type: ignore[no-untyped-def]
    """As `first_like`, for word i = data[bounds[i]:bounds[i + 1]] whose last eight bytes, or all, are the number tails[i]."""
    length = bounds[i + 1] - bounds[i]
    slot = slot_of(tails[i] + np.uint64(length), mask)
    while True:
        entry = table[slot]
        if entry >> 32 != stamp:
            table[slot] = stamp << 32 | i
            return np.int64(-1)
        j = entry & _LOW
        if tails[j] == tails[i] and bounds[j + 1] - bounds[j] == length and (length <= 8 or same(data, bounds[j], bounds[i], length)):
            return j
        slot = (slot + 1) & mask


@numba.njit(nogil=True, cache=True, inline="always")
def first_pair_like(table, mask, stamp, left, right, i):  # type: ignore[no-untyped-def]
    """As `first_like`, for the pair of numbers left[i], right[i]."""
    slot = slot_of(np.uint64(left[i]) * _BASE + np.uint64(right[i]), mask)
    while True:
        entry = table[slot]
        if entry >> 32 != stamp:
            table[slot] = stamp << 32 | i
            return np.int64(-1)
        j = entry & _LOW
        if left[j] == left[i] and right[j] == right[i]:
            return j
        slot = (slot + 1) & mask


@numba.njit(nogil=True, cache=True, inline="always")
def first_run_like(table, mask, stamp, h, numbers, n, i):  # type: ignore[no-untyped-def]
    """As `first_like`, for the run of n numbers from numbers[i] on."""
    slot = slot_of(h, mask)
    while True:
        entry = table[slot]
        if entry >> 32 != stamp:
            table[slot] = stamp << 32 | i
            return np.int64(-1)
        j = entry & _LOW
        alike = 0
        while alike < n and numbers[j + alike] == numbers[i + alike]:
            alike += 1
        if alike == n:
            return j
        slot = (slot + 1) & mask


@numba.njit(nogil=True, cache=True)
def longest_span(offsets):  # type: ignore[no-untyped-def]
    """Bytes of the longest text."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@numba.njit(nogil=True, cache=True)
def word_table(data, offsets):  # type: ignore[no-untyped-def]
    """A table of the words data[offsets[k]:offsets[k + 1]] for `find_word`; of equal words the first."""
    mask = mask_for(len(offsets) - 1)
    table = np.zeros(mask + 1, dtype=np.int64)
    for k in range(len(offsets) - 1):
        first_like(table, mask, 1, span_hash(data, offsets[k], offsets[k + 1]), data, offsets[:-1], offsets[1:], k)
    return table


@numba.njit(nogil=True, cache=True)
def find_word(text, start, end, table, data, offsets):  # type: ignore[no-untyped-def]
    """The index of the word text[start:end] in a `word_table`, or -1."""
    mask = len(table) - 1
    slot = slot_of(span_hash(text, start, end), mask)
    while table[slot] >> 32 == 1:
        k = table[slot] & _LOW
        if offsets[k + 1] - offsets[k] == end - start:
            alike = True
            for i in range(end - start):
                if data[offsets[k] + i] != text[start + i]:
                    alike = False
                    break
            if alike:
                return k
        slot = (slot + 1) & mask
    return np.int64(-1)
