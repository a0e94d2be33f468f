"""MinHash signatures (Broder 1997) over word or character shingles, compiled, straight over Arrow buffers.

The universal hash family is ((h * a + b) mod 2^64) mod (2^61 - 1) with a, b drawn below the prime by a seeded generator.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.hashes import BASE, FNV_OFFSET, FNV_PRIME, mixed
from lakehouse.core.text.kernels.simplify import BLANK, GONE, HYPHEN, MINUS, next_code_point, simple_code_point

PRIME = np.uint64((1 << 61) - 1)


@lru_cache(maxsize=8)
def permutations(hashes: int, seed: int = 1) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The coefficients a (1 .. prime - 1) and b (0 .. prime - 1) of `hashes` functions, shape (hashes,) each."""
    generator = np.random.RandomState(seed)
    a = generator.randint(1, int(PRIME), size=hashes, dtype=np.uint64)
    b = generator.randint(0, int(PRIME), size=hashes, dtype=np.uint64)
    return a, b


@numba.njit(nogil=True, cache=True)
def token_hashes(data, start, end, by_word, simple, hashes):  # type: ignore[no-untyped-def]
    """Hash every token of the simplified data[start:end] into `hashes`: FNV-1a over its code points, mixed. Returns their number.

    A MINUS counts before a digit that begins a word; elsewhere it is punctuation.
    """
    count = 0
    inside = False
    h = FNV_OFFSET
    i = start
    while i < end:
        code_point, i = next_code_point(data, i)
        kept = simple_code_point(code_point, simple)
        if kept == GONE:
            continue
        if kept == MINUS:
            kept = np.uint32(HYPHEN) if not inside and i < end and 0x30 <= data[i] <= 0x39 else np.uint32(BLANK)
        if kept == BLANK:
            if inside and by_word:
                hashes[count] = mixed(h)
                count += 1
                h = FNV_OFFSET
            inside = False
            continue
        h = (h ^ np.uint64(kept)) * FNV_PRIME
        inside = True
        if not by_word:
            hashes[count] = mixed(h)
            count += 1
            h = FNV_OFFSET
    if inside and by_word:
        hashes[count] = mixed(h)
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _minima(shingles, count, a, b, out):  # type: ignore[no-untyped-def]
    """The minimum of ((h * a + b) mod 2^64) mod PRIME over shingles[:count], for every function.

    Signed numbers and no branch, so that the compiler makes vector instructions of it. A sum of the low 61 and the high 3 bits is the
    remainder unless it reaches PRIME, which is rare: then, and only then, the shingles are looked at again.
    """
    for m in range(len(a)):
        am, bm = a[m], b[m]
        least, most = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(0)
        for i in range(count):
            v = shingles[i] * am + bm
            w = np.int64((v & PRIME) + (v >> np.uint64(61)))
            least = w if w < least else least
            most = w if w > most else most
        if most >= np.int64(PRIME):
            least = np.int64(0x7FFFFFFFFFFFFFFF)
            for i in range(count):
                v = shingles[i] * am + bm
                w = np.int64((v & PRIME) + (v >> np.uint64(61)))
                w = w - np.int64(PRIME) if w >= np.int64(PRIME) else w
                least = w if w < least else least
        out[m] = np.uint64(least)


def minima(shingles: NDArray[np.uint64], a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The minimum of every hash function over shingle hashes, shape (len(a),); those of datatrove 0.10 for the same hashes and seed."""
    out = np.empty(len(a), dtype=np.uint64)
    _minima(shingles, len(shingles), a, b, out)
    return out


@numba.njit(nogil=True, cache=True)
def signatures(data, offsets, size, by_word, a, b, simple):  # type: ignore[no-untyped-def]
    """The minimum of every hash function over the shingles of each text, simplified on the way.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        size: tokens in a shingle; a shorter text is one shingle.
        by_word: tokens are words, else code points (spaces left out).
        a, b: coefficients, shape (k,).
        simple: `simplify.table()`.

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
    for row in range(n):
        count = token_hashes(data, offsets[row], offsets[row + 1], by_word, simple, tokens)
        if count == 0:
            continue
        valid[row] = True
        width = min(size, count)
        shingles = count - width + 1
        for first in range(shingles):  # a shingle's hash takes the place of its first token's, which no later shingle needs
            h = np.uint64(width)
            for j in range(first, first + width):
                h = h * BASE + tokens[j]
            tokens[first] = mixed(h)
        _minima(tokens, shingles, a, b, out[row])
    return out, valid
