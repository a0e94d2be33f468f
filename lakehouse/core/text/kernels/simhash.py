"""SimHash (Charikar 2002): fingerprints of 64 bits over shingles, and the components of all pairs that differ in few bits, compiled."""

from __future__ import annotations

from itertools import combinations

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.characters import code_point_at
from lakehouse.core.text.kernels.hashes import BASE, FNV_OFFSET, FNV_PRIME, mixed
from lakehouse.core.text.kernels.near_duplicates import find, roots, union

BITS = 64
_PLANES = 8
_FULL = (1 << _PLANES) - 1


@numba.njit(nogil=True, cache=True)
def _tokens(data, start, end, separators, hollow, tokens):  # type: ignore[no-untyped-def]
    """Hash every token of data[start:end] into `tokens`: FNV-1a over its bytes, mixed. Returns their number.

    Args:
        separators: bool, by code point; with none at all every code point is a token.
        hollow: an empty piece between two separators is a token too.
    """
    count = 0
    h = FNV_OFFSET
    filled = False
    i = start
    while i < end:
        code_point, after = code_point_at(data, i)
        parts = code_point < len(separators) and separators[code_point]
        if parts:
            if filled or hollow:
                tokens[count] = mixed(h)
                count += 1
            h, filled = FNV_OFFSET, False
        else:
            filled = True
            for k in range(i, after):
                h = (h ^ np.uint64(data[k])) * FNV_PRIME
            if len(separators) == 0:
                tokens[count] = mixed(h)
                count += 1
                h, filled = FNV_OFFSET, False
        i = after
    if filled or (hollow and end > start):
        tokens[count] = mixed(h)
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _flushed(planes, counts):  # type: ignore[no-untyped-def]
    """Add the numbers held bit by bit in `planes` to `counts`, and clear them."""
    for p in range(_PLANES):
        plane = planes[p]
        for bit in range(64):
            counts[bit] += np.int64(plane >> np.uint64(bit) & np.uint64(1)) << p
        planes[p] = np.uint64(0)


@numba.njit(nogil=True, cache=True)
def fingerprints(data, offsets, separators, hollow, size):  # type: ignore[no-untyped-def]
    """The SimHash of each text: bit b is set where more than half of its shingles' hashes have it.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        separators: bool, by code point: what parts tokens; with none at all every code point is a token.
        hollow: an empty piece between two separators is a token too.
        size: tokens in a shingle; a shorter text is one shingle.

    Returns:
        uint64 array (n,), and a bool array (n,): false where a text has no token.
    """
    n = len(offsets) - 1
    out = np.zeros(n, dtype=np.uint64)
    valid = np.zeros(n, dtype=np.bool_)
    longest = 0
    for row in range(n):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(longest + 2, dtype=np.uint64)
    planes, counts = np.zeros(_PLANES, dtype=np.uint64), np.zeros(64, dtype=np.int64)
    for row in range(n):
        total = _tokens(data, offsets[row], offsets[row + 1], separators, hollow, tokens)
        if total == 0:
            continue
        valid[row] = True
        width = min(size, total)
        first_power = np.uint64(1)
        h = np.uint64(0)
        for j in range(width):
            h = h * BASE + tokens[j]
            if j:
                first_power *= BASE
        shingles = total - width + 1
        counts[:] = 0
        for first in range(shingles):
            # The planes hold a bit's count of ones, a binary digit each: adding 64 bits at once costs two steps on the average.
            carry = mixed(h + np.uint64(width))
            p = 0
            while carry != 0:
                both = planes[p] & carry
                planes[p] ^= carry
                carry = both
                p += 1
            if (first + 1) % _FULL == 0:
                _flushed(planes, counts)
            if first + 1 < shingles:
                h = (h - tokens[first] * first_power) * BASE + tokens[first + width]
        _flushed(planes, counts)
        found = np.uint64(0)
        for bit in range(64):
            if 2 * counts[bit] > shingles:
                found |= np.uint64(1) << np.uint64(bit)
        out[row] = found
    return out, valid


@numba.njit(nogil=True, cache=True, inline="always")
def _ones(x):  # type: ignore[no-untyped-def]
    """How many bits are set."""
    x -= x >> np.uint64(1) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + (x >> np.uint64(2) & np.uint64(0x3333333333333333))
    x = x + (x >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64(x * np.uint64(0x0101010101010101) >> np.uint64(56))


@numba.njit(nogil=True, cache=True)
def differing_bits(fingerprints, left, right):  # type: ignore[no-untyped-def]
    """How many bits differ, of each pair of the places `left` and `right`; int64."""
    out = np.empty(len(left), dtype=np.int64)
    for i in range(len(left)):
        out[i] = _ones(fingerprints[left[i]] ^ fingerprints[right[i]])
    return out


@numba.njit(nogil=True, cache=True)
def _join_runs(fingerprints, keys, order, most, parent):  # type: ignore[no-untyped-def]
    """Join every pair that differs in at most `most` bits within each run of equal keys in `order`."""
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            end += 1
        for x in range(start, end):
            for y in range(x + 1, end):
                if _ones(fingerprints[order[x]] ^ fingerprints[order[y]]) <= most:
                    i, j = find(parent, order[x]), find(parent, order[y])
                    if i != j:
                        union(parent, i, j)
        start = end


def masks(blocks: int, most: int) -> list[np.uint64]:
    """All choices of `blocks - most` of the `blocks` near-equal blocks of a fingerprint, as bits.

    Of two fingerprints that differ in at most `most` bits that many blocks at least are equal: they agree under one of the masks.
    """
    edges = [BITS * block // blocks for block in range(blocks + 1)]
    block = [sum(1 << bit for bit in range(edges[k], edges[k + 1])) for k in range(blocks)]
    return [np.uint64(sum(chosen)) for chosen in combinations(block, blocks - most)]


def clusters(fingerprints: NDArray[np.uint64], blocks: int, most: int) -> NDArray[np.int64]:
    """The component of each fingerprint under all pairs that differ in at most `most` bits, named by the place of its first member.

    Args:
        fingerprints: shape (n,).
        blocks: more than `most`; decides only how pairs are searched.
    """
    distinct, first, inverse = np.unique(fingerprints, return_index=True, return_inverse=True)
    parent = np.arange(len(distinct), dtype=np.int64)
    for mask in masks(blocks, most):
        keys = distinct & mask
        _join_runs(distinct, keys, np.argsort(keys, kind="stable"), most, parent)
    # The first member in the order of the rows, which is not that of the fingerprints.
    earliest = np.full(len(distinct), len(fingerprints), dtype=np.int64)
    root_of = roots(parent)
    np.minimum.at(earliest, root_of, first)
    named: NDArray[np.int64] = earliest[root_of][inverse]
    return named
