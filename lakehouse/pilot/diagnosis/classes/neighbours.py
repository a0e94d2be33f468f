"""Rows among rows of another class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses
from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material
from lakehouse.pilot.diagnosis.neighbours import ContradictedRows, nearest_others


@dataclass(frozen=True, kw_only=True)
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
        return Neighbours(rows=np.empty(0, np.int64), share=np.empty(0), nearest=nearest, similarity=np.empty(0))
    there = np.isfinite(similarity)
    number = there.sum(axis=1)
    share = ((labels[nearest] != labels[:, None]) & there).sum(axis=1) / np.maximum(number, 1)
    mean = np.where(there, similarity, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(number, 1)
    rows = np.flatnonzero((number > 0) & (share >= at_least))
    rows = rows[np.lexsort((rows, -mean[rows], -share[rows]))]
    return Neighbours(rows=rows, share=share[rows], nearest=np.where(there, nearest, -1)[rows], similarity=mean[rows])


def among_other_classes(m: Material[OutOfFoldClasses]) -> ContradictedRows:
    """Rows of whose neighbours almost all have another class, which is the commonest among these."""
    near = neighbours(m.vectors, m.out_of_fold.given, m.group, NEIGHBOURS)
    labels = [[m.given(int(other)) for other in others if other >= 0] for others in near.nearest]  # findings are few
    return ContradictedRows(
        rows=near.rows,
        scores=near.share,
        nearest=near.nearest,
        suggested=[max(of, key=lambda name, of=of: (of.count(name), -of.index(name))) for of in labels],  # type: ignore[misc]
        evidence=[{"similarity": round(float(similarity), 4)} for similarity in near.similarity],
    )
