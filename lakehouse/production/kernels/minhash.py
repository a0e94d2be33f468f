"""MinHash signatures (Broder 1997) over word or character shingles, compiled, straight over Arrow buffers.

The universal hash family is ((h * a + b) mod 2^64) mod (2^61 - 1) with a, b drawn below the prime by a seeded generator.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

PRIME = np.uint64((1 << 61) - 1)
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


@lru_cache(maxsize=8)
def permutations(hashes: int, seed: int = 1) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The coefficients a (1 .. prime - 1) and b (0 .. prime - 1) of `hashes` functions, shape (hashes,) each."""
    generator = np.random.RandomState(seed)
    a = generator.randint(1, int(PRIME), size=hashes, dtype=np.uint64)
    b = generator.randint(0, int(PRIME), size=hashes, dtype=np.uint64)
    return a, b


@numba.njit(nogil=True, cache=True, inline="always")
def _mix(h: np.uint64) -> np.uint64:
    """The finaliser of MurmurHash3 (Appleby): every input bit reaches every output bit."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    h ^= h >> np.uint64(33)
    return h


@numba.njit(nogil=True, cache=True)
def _token_hashes(data, start, end, by_word, hashes):  # type: ignore[no-untyped-def]
    """Hash every token of data[start:end] into `hashes`; a token is a space-separated word, or a code point. Returns their number."""
    count = 0
    i = start
    while i < end:
        if by_word:
            while i < end and data[i] == 32:
                i += 1
            if i >= end:
                break
            h = _FNV_OFFSET
            while i < end and data[i] != 32:
                h = (h ^ np.uint64(data[i])) * _FNV_PRIME
                i += 1
        else:
            h = (_FNV_OFFSET ^ np.uint64(data[i])) * _FNV_PRIME
            i += 1
            while i < end and (data[i] & 0xC0) == 0x80:
                h = (h ^ np.uint64(data[i])) * _FNV_PRIME
                i += 1
        hashes[count] = _mix(h)
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def signatures(data, offsets, size, by_word, a, b):  # type: ignore[no-untyped-def]
    """The minimum of every hash function over the shingles of each text.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n simplified texts.
        size: tokens in a shingle; a shorter text is one shingle.
        by_word: tokens are words, else code points.
        a, b: coefficients, shape (k,).

    Returns:
        uint64 array (n, k), and a bool array (n,): false where a text has no token.
    """
    n, k = len(offsets) - 1, len(a)
    out = np.empty((n, k), dtype=np.uint64)
    valid = np.zeros(n, dtype=np.bool_)
    longest = 0
    for row in range(n):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(longest + 1, dtype=np.uint64)
    minima = np.empty(k, dtype=np.uint64)
    for row in range(n):
        count = _token_hashes(data, offsets[row], offsets[row + 1], by_word, tokens)
        if count == 0:
            continue
        valid[row] = True
        width = min(size, count)
        minima[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        for first in range(count - width + 1):
            h = np.uint64(width)
            for j in range(first, first + width):
                h = h * np.uint64(0x9E3779B97F4A7C15) + tokens[j]
            h = _mix(h)
            for m in range(k):  # free of branches, so that the compiler makes vector instructions of it
                v = h * a[m] + b[m]
                v = (v & PRIME) + (v >> np.uint64(61))
                v = min(v, v - PRIME)  # v - PRIME wraps to a huge number unless v >= PRIME
                minima[m] = min(minima[m], v)
        for m in range(k):
            out[row, m] = minima[m]
    return out, valid
