"""Near-duplicate clusters: band candidates, verified by their estimated Jaccard similarity, joined by union-find."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def find(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@numba.njit(nogil=True, cache=True)
def union(parent, i, j):  # type: ignore[no-untyped-def]
    # The smaller root wins, so that a component is named after its first member.
    if i < j:
        parent[j] = i
    else:
        parent[i] = j


@numba.njit(nogil=True, cache=True)
def _band_keys(signatures, first, rows):  # type: ignore[no-untyped-def]
    """A hash of signatures[i, first : first + rows] for every i; four numbers a step."""
    n = len(signatures)
    keys = np.empty(n, dtype=np.uint64)
    for i in range(n):
        h = np.uint64(0xCBF29CE484222325)
        for start in range(first, first + rows, 4):
            word = np.uint64(0)
            for j in range(start, min(start + 4, first + rows)):
                word = word << np.uint64(16) | np.uint64(signatures[i, j])
            h = (h ^ word) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(29)
        keys[i] = h
    return keys


@numba.njit(nogil=True, cache=True)
def _alike(signatures, i, j, width, needed):  # type: ignore[no-untyped-def]
    """Whether at least `needed` numbers agree in each part of `width` numbers."""
    for first in range(0, signatures.shape[1], width):
        same = 0
        for m in range(first, first + width):
            if signatures[i, m] == signatures[j, m]:
                same += 1
        if same < needed:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _shared(keys, once, twice):  # type: ignore[no-untyped-def]
    """Indices whose key another index may share: all that do, and some that do not.

    Two bitmaps that fit the cache take the place of a sort of everything. once, twice: uint64, cleared here; a power of two words.
    """
    once[:], twice[:] = np.uint64(0), np.uint64(0)
    last = np.uint64(len(once) * 64 - 1)
    for i in range(len(keys)):
        place = (keys[i] * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(20)) & last
        word, bit = np.int64(place >> np.uint64(6)), np.uint64(1) << (place & np.uint64(63))
        if once[word] & bit:
            twice[word] |= bit
        once[word] |= bit
    out = np.empty(len(keys), dtype=np.int64)
    count = 0
    for i in range(len(keys)):
        place = (keys[i] * np.uint64(0xFF51AFD7ED558CCD) >> np.uint64(20)) & last
        if twice[np.int64(place >> np.uint64(6))] & (np.uint64(1) << (place & np.uint64(63))):
            out[count] = i
            count += 1
    return out[:count]


@numba.njit(nogil=True, cache=True)
def _join_run(signatures, members, width, needed, parent, head, following, tail):  # type: ignore[no-untyped-def]
    """Join every verified pair among `members`. Members that are in one component already are a group, and one verified pair joins two
    groups: a thousand copies of one text cost a thousand comparisons, not half a million.

    head, following, tail: int64 scratch of at least as many places; a group is a chain of places in `members`.
    """
    groups = 0
    for x in range(len(members)):
        following[x] = -1
        first, last = x, x
        kept = 0
        root = find(parent, members[x])
        for g in range(groups):
            joined = find(parent, members[head[g]]) == root
            y = head[g]
            while not joined and y >= 0:
                joined = _alike(signatures, members[x], members[y], width, needed)
                y = following[y]
            if joined:
                other = find(parent, members[head[g]])
                if other != root:
                    union(parent, root, other)
                    root = find(parent, root)
                following[tail[g]] = first
                first = head[g]
            else:
                head[kept], tail[kept] = head[g], tail[g]
                kept += 1
        head[kept], tail[kept] = first, last
        groups = kept + 1


@numba.njit(nogil=True, cache=True)
def _join_band(signatures, order, keys, width, needed, parent):  # type: ignore[no-untyped-def]
    """Join every verified pair within each run of equal keys in `order`."""
    head, following, tail = np.empty(len(order), np.int64), np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            end += 1
        if end - start > 1:
            _join_run(signatures, order[start:end], width, needed, parent, head, following, tail)
        start = end


def near_duplicate_clusters(signatures: NDArray[np.uint16], bands: int, rows: int, threshold: float, parts: int = 1) -> NDArray[np.int64]:
    """The component of each signature, named by the index of its first member.

    A pair is joined when it shares a band and at least `threshold` of its hashes agree (the unbiased estimate of the
    Jaccard similarity), in each part. Components do not depend on the order in which pairs are met.

    Args:
        signatures: shape (n, parts * k), k >= bands * rows: of each element a signature for each of its texts. Bands are of the part in
            which the fewest are equal.
    """
    n, numbers = signatures.shape
    k = numbers // parts
    parent = np.arange(n, dtype=np.int64)
    if n == 0:
        return parent
    words = 1 << max(4, int(np.ceil(np.log2(n * 12 / 64 + 1))))
    once, twice = np.empty(words, dtype=np.uint64), np.empty(words, dtype=np.uint64)
    # Equal signatures first: they share every band, and are then one component in all of them. No other candidates are verified here.
    at = k * max(range(parts), key=lambda part: len(np.unique(_band_keys(signatures, part * k, rows)))) if parts > 1 else 0
    needed = int(np.ceil(threshold * k - 1e-9))
    for first, length, least in [(0, numbers, k), *((at + band * rows, rows, needed) for band in range(bands))]:
        keys = _band_keys(signatures, first, length)
        shared = _shared(keys, once, twice)
        _join_band(signatures, shared[np.argsort(keys[shared], kind="stable")], keys, k, least, parent)
    named: NDArray[np.int64] = roots(parent)
    return named


@numba.njit(nogil=True, cache=True)
def longest_members(component, lengths):  # type: ignore[no-untyped-def]
    """For each element the member of its component with the greatest length, the first of equals; int64, shape (n,)."""
    best = np.arange(len(component))
    for i in range(len(component)):
        if lengths[i] > lengths[best[component[i]]]:
            best[component[i]] = i
    return best[component]


def best_match(
    signatures: NDArray[np.uint16], against: NDArray[np.uint16], bands: int, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each signature the most similar one in `against` that shares a band with it, and the estimated Jaccard similarity.

    Returns:
        indices into `against` (-1: none shares a band) and similarities in [0, 1], shape (n,) each.
    """
    n, k = signatures.shape
    index = np.full(n, -1, dtype=np.int64)
    agreed = np.zeros(n, dtype=np.int64)
    for band in range(bands if len(against) and n else 0):
        theirs = _band_keys(against, band * rows, rows)
        order = np.argsort(theirs, kind="stable")
        mine = _band_keys(signatures, band * rows, rows)
        left = np.searchsorted(theirs[order], mine, side="left")
        right = np.searchsorted(theirs[order], mine, side="right")
        _best_in_band(signatures, against, order, left, right, index, agreed)
    return index, agreed / k


@numba.njit(nogil=True, cache=True)
def _best_in_band(signatures, against, order, left, right, index, agreed):  # type: ignore[no-untyped-def]
    for i in range(len(signatures)):
        for position in range(left[i], right[i]):
            j = order[position]
            same = 0
            for m in range(signatures.shape[1]):
                if signatures[i, m] == against[j, m]:
                    same += 1
            if same > agreed[i] or (same == agreed[i] and index[i] > j):
                agreed[i] = same
                index[i] = j


@numba.njit(nogil=True, cache=True)
def roots(parent):  # type: ignore[no-untyped-def]
    out = np.empty(len(parent), dtype=np.int64)
    for i in range(len(parent)):
        out[i] = find(parent, i)
    return out


@numba.njit(nogil=True, cache=True)
def _join_edges(left, right, parent):  # type: ignore[no-untyped-def]
    for e in range(len(left)):
        i, j = find(parent, left[e]), find(parent, right[e])
        if i != j:
            union(parent, i, j)


def connected(left: NDArray[np.int64], right: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """The component of each of `nodes` nodes under the edges left[i] - right[i], named by its smallest node."""
    parent = np.arange(nodes, dtype=np.int64)
    _join_edges(left, right, parent)
    found: NDArray[np.int64] = roots(parent)
    return found
