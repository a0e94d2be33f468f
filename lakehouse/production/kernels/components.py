"""Near-duplicate clusters: band candidates, verified by their estimated Jaccard similarity, joined by union-find."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _find(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@numba.njit(nogil=True, cache=True)
def _union(parent, i, j):  # type: ignore[no-untyped-def]
    # The smaller root wins, so that a component is named after its first member.
    if i < j:
        parent[j] = i
    else:
        parent[i] = j


@numba.njit(nogil=True, cache=True)
def _band_keys(signatures, first, rows):  # type: ignore[no-untyped-def]
    n = len(signatures)
    keys = np.empty(n, dtype=np.uint64)
    for i in range(n):
        h = np.uint64(0xCBF29CE484222325)
        for j in range(first, first + rows):
            h = (h ^ np.uint64(signatures[i, j])) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(29)
        keys[i] = h
    return keys


@numba.njit(nogil=True, cache=True)
def _agreement(signatures, i, j):  # type: ignore[no-untyped-def]
    same = 0
    for m in range(signatures.shape[1]):
        if signatures[i, m] == signatures[j, m]:
            same += 1
    return same


@numba.njit(nogil=True, cache=True)
def _join_band(signatures, order, keys, needed, parent):  # type: ignore[no-untyped-def]
    """Join every verified pair within each run of equal keys; a pair already in one component needs no verification."""
    n = len(order)
    start = 0
    verified = 0
    while start < n:
        end = start + 1
        while end < n and keys[order[end]] == keys[order[start]]:
            end += 1
        for x in range(start + 1, end):
            for y in range(start, x):
                i, j = _find(parent, order[x]), _find(parent, order[y])
                if i != j:
                    verified += 1
                    if _agreement(signatures, order[x], order[y]) >= needed:
                        _union(parent, i, j)
        start = end
    return verified


def near_duplicate_clusters(signatures: NDArray[np.uint16], bands: int, rows: int, threshold: float) -> NDArray[np.int64]:
    """The component of each signature, named by the index of its first member.

    A pair is joined when it shares a band and at least `threshold` of its hashes agree (the unbiased estimate of the
    Jaccard similarity). Components do not depend on the order in which pairs are met.

    Args:
        signatures: shape (n, k), k >= bands * rows.
    """
    n, k = signatures.shape
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    # Equal signatures are one node: a text copied ten thousand times costs one comparison, not fifty million.
    packed = np.ascontiguousarray(signatures).view(np.dtype((np.void, k * signatures.itemsize))).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    distinct = np.ascontiguousarray(signatures[np.sort(first)])
    rank = np.argsort(np.argsort(first))
    parent = np.arange(len(distinct), dtype=np.int64)
    needed = int(np.ceil(threshold * k - 1e-9))
    for band in range(bands):
        keys = _band_keys(distinct, band * rows, rows)
        _join_band(distinct, np.argsort(keys, kind="stable"), keys, needed, parent)
    roots = _roots(parent)
    named: NDArray[np.int64] = np.sort(first)[roots[rank[inverse]]]
    return named


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
def _roots(parent):  # type: ignore[no-untyped-def]
    out = np.empty(len(parent), dtype=np.int64)
    for i in range(len(parent)):
        out[i] = _find(parent, i)
    return out


@numba.njit(nogil=True, cache=True)
def _join_edges(left, right, parent):  # type: ignore[no-untyped-def]
    for e in range(len(left)):
        i, j = _find(parent, left[e]), _find(parent, right[e])
        if i != j:
            _union(parent, i, j)


def connected(left: NDArray[np.int64], right: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """The component of each of `nodes` nodes under the edges left[i] - right[i], named by its smallest node."""
    parent = np.arange(nodes, dtype=np.int64)
    _join_edges(left, right, parent)
    found: NDArray[np.int64] = _roots(parent)
    return found
