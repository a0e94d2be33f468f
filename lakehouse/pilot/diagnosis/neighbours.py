"""Rows that stand among rows of another label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.baseline import OutOfFold
from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material

_BYTES = 64 * 1024 * 1024
"""What one chunk of similarities may take."""


@dataclass(frozen=True)
class Neighbours:
    """Rows among others.

    Attributes:
        rows: the findings, worst first: row numbers.
        share: of each finding, the share of its neighbours that have another label.
        nearest: of each finding its neighbours' row numbers, nearest first; -1 where there are fewer.
        similarity: the mean cosine to the neighbours.
    """

    rows: NDArray[np.int64]
    share: NDArray[np.float64]
    nearest: NDArray[np.int64]
    similarity: NDArray[np.float64]


def neighbours(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], group: NDArray[np.int64], k: int = 10, at_least: float = 0.9
) -> Neighbours:
    """Rows of whose `k` nearest rows of other groups at least the share `at_least` has another label.

    Worst is the highest share, then the nearest neighbours. A row with fewer than `k` rows of other groups is judged by those there
    are. Time is O(rows^2), memory bounded by chunks.

    Args:
        vectors: of length 1 (or 0), shape (rows, dimensions); near is the cosine.
        labels, group: shape (rows,); copies and variants of a row, which share its group, are no witnesses.
    """
    nearest, similarity = nearest_others(vectors, group, k)
    if len(vectors) == 0:
        return Neighbours(np.empty(0, np.int64), np.empty(0), nearest, np.empty(0))
    there = np.isfinite(similarity)
    number = there.sum(axis=1)
    share = ((labels[nearest] != labels[:, None]) & there).sum(axis=1) / np.maximum(number, 1)
    mean = np.where(there, similarity, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(number, 1)
    rows = np.flatnonzero((number > 0) & (share >= at_least))
    rows = rows[np.lexsort((rows, -mean[rows], -share[rows]))]
    return Neighbours(rows, share[rows], np.where(there, nearest, -1)[rows], mean[rows])


def nearest_others(vectors: NDArray[np.float32], group: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The numbers of the `k` nearest rows of other groups, nearest first, and their cosines; -inf where there are fewer.

    Returns:
        Both of shape (rows, min(k, rows)).
    """
    n = len(vectors)
    k = min(k, n)
    nearest, similarity = np.empty((n, k), dtype=np.int64), np.empty((n, k), dtype=np.float32)
    chunk = max(1, _BYTES // (max(n, 1) * 8))
    for start in range(0, n, chunk):
        similar = vectors[start : start + chunk] @ vectors.T
        similar[group[start : start + chunk, None] == group[None, :]] = -np.inf
        top = np.argpartition(similar, n - k, axis=1)[:, n - k :]
        near = np.take_along_axis(similar, top, axis=1)
        order = np.lexsort((top, -near), axis=1)  # equally near: by row number
        nearest[start : start + chunk] = np.take_along_axis(top, order, axis=1)
        similarity[start : start + chunk] = np.take_along_axis(near, order, axis=1)
    return nearest, similarity


def neighbour_findings(m: Material[OutOfFold]) -> Found:
    """Rows among rows of another label, with those."""
    near = neighbours(m.vectors, m.judged.given, m.group, NEIGHBOURS)
    evidence = []
    for at, others, similarity in zip(near.rows, near.nearest, near.similarity, strict=True):
        there = [int(other) for other in others if other >= 0]
        labels = [m.given(other) for other in there]
        evidence.append(
            {
                "given": m.given(at),
                "suggested": max(labels, key=lambda name, of=labels: (of.count(name), -of.index(name))),  # type: ignore[misc]
                "neighbours": [m.ids[other] for other in there],
                "labels": labels,
                "similarity": round(float(similarity), 4),
            }
        )
    return Found(findings("neighbours", [m.ids[at] for at in near.rows], near.share.tolist(), evidence))
