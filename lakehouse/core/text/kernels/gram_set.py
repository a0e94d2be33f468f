"""Sets of n-grams, known by their hashes, and how many of a text's n-grams are in one; compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.hashes import BASE, mixed
from lakehouse.core.text.kernels.minhash import token_hashes
from lakehouse.core.text.kernels.spans import longest_span


@numba.njit(nogil=True, cache=True)
def _grams(tokens, count, size, out):  # type: ignore[no-untyped-def]
    """Write the hash of each of the n-grams of `count` tokens to `out` (never 0); returns their number."""
    h, power = np.uint64(0), np.uint64(1)
    for j in range(min(size, count)):
        h = h * BASE + tokens[j]
        if j:
            power *= BASE
    for first in range(count - size + 1):
        out[first] = mixed(h) | np.uint64(1)
        if first + size < count:
            h = (h - tokens[first] * power) * BASE + tokens[first + size]
    return max(0, count - size + 1)


@numba.njit(nogil=True, cache=True)
def gram_set(data, offsets, size, by_word, simple):  # type: ignore[no-untyped-def]
    """All n-grams of the texts: uint64, a power of two slots, at most half full; an empty slot is 0.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        size: tokens in an n-gram; a shorter text has none.
        by_word: tokens are words, else code points, of the text as `simplify` makes it.
        simple: `simplify.table()`.
    """
    longest = longest_span(offsets)
    tokens, grams = np.empty(longest + 1, dtype=np.uint64), np.empty(longest + 1, dtype=np.uint64)
    table = np.zeros(1024, dtype=np.uint64)
    held = 0
    for row in range(len(offsets) - 1):
        found = _grams(tokens, token_hashes(data, offsets[row], offsets[row + 1], by_word, simple, tokens), size, grams)
        while 2 * (held + found) > len(table):
            wider = np.zeros(2 * len(table), dtype=np.uint64)
            for gram in table:
                if gram != 0:
                    _add(wider, gram)
            table = wider
        for k in range(found):
            held += _add(table, grams[k])
    return table


@numba.njit(nogil=True, cache=True, inline="always")
def _place(table, gram):  # type: ignore[no-untyped-def]
    """The slot of a hash, or the empty slot for it."""
    mask = np.uint64(len(table) - 1)
    slot = gram >> np.uint64(1) & mask
    while table[np.int64(slot)] != 0 and table[np.int64(slot)] != gram:
        slot = slot + np.uint64(1) & mask
    return np.int64(slot)


@numba.njit(nogil=True, cache=True)
def _add(table, gram):  # type: ignore[no-untyped-def]
    slot = _place(table, gram)
    new = table[slot] == 0
    table[slot] = gram
    return new


@numba.njit(nogil=True, cache=True)
def hits(data, offsets, size, by_word, simple, table):  # type: ignore[no-untyped-def]
    """Per text its n-grams, repeats counted, and those that are in the set `table`: int64, shape (n, 2)."""
    longest = longest_span(offsets)
    tokens, grams = np.empty(longest + 1, dtype=np.uint64), np.empty(longest + 1, dtype=np.uint64)
    out = np.zeros((len(offsets) - 1, 2), dtype=np.int64)
    for row in range(len(offsets) - 1):
        found = _grams(tokens, token_hashes(data, offsets[row], offsets[row + 1], by_word, simple, tokens), size, grams)
        out[row, 0] = found
        for k in range(found):
            out[row, 1] += table[_place(table, grams[k])] != 0
    return out
