"""Rows whose number is far from those of the rows that lie near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.material import NEIGHBOURS, Material
from lakehouse.pilot.diagnosis.neighbours import ContradictedRows, nearest_others
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers
from lakehouse.pilot.diagnosis.numbers.robust import FAR, NORMAL, unit

_LEAST = 3
"""Neighbours without which nothing is said of a row."""


@dataclass(frozen=True, kw_only=True)
class FarFromNeighbours:
    """Rows among others.

    Attributes:
        rows: the findings, worst first: row numbers.
        z: of each finding.
        middle: of each finding the median of its neighbours' labels.
        nearest: of each finding its neighbours' row numbers, nearest first; -1 where there are fewer.
    """

    rows: NDArray[np.int64]
    z: NDArray[np.float64]
    middle: NDArray[np.float64]
    nearest: NDArray[np.int64]


def far_from_neighbours(
    vectors: NDArray[np.float32], labels: NDArray[np.float64], group: NDArray[np.int64], k: int = 10, at_least: float = FAR
) -> FarFromNeighbours:
    """Rows whose label is outside those of the `k` nearest rows of other groups and stands out from their median.

    The distance is divided by the mean of how the neighbours' labels scatter (their median absolute deviation) and how neighbours' labels
    do in general (the median of these): ten labels alone say little about their scatter. The result is compared with its own median.

    Args:
        vectors: of length 1 (or 0), shape (rows, dimensions); near is the cosine.
        labels, group: shape (rows,); copies and variants of a row, which share its group, are no witnesses.
    """
    nearest, similarity = nearest_others(vectors, group, k)
    there = np.isfinite(similarity)
    asked = np.flatnonzero(there.sum(axis=1) >= min(_LEAST, max(k, 1)))
    if len(asked) == 0:
        none = np.empty((0, nearest.shape[1]), np.int64)
        return FarFromNeighbours(rows=np.empty(0, np.int64), z=np.empty(0), middle=np.empty(0), nearest=none)
    near = np.where(there[asked], labels[nearest[asked]], np.nan)
    middle = np.nanmedian(near, axis=1)
    scatter = NORMAL * np.nanmedian(np.abs(near - middle[:, None]), axis=1)
    distance = np.abs(labels[asked] - middle)
    general = float(np.median(scatter)) or unit(distance)
    scaled = distance / ((scatter + general) / 2) if general else np.zeros(len(asked))
    one = unit(scaled)
    z = scaled / one if one else scaled
    outside = (labels[asked] < np.nanmin(near, axis=1)) | (labels[asked] > np.nanmax(near, axis=1))
    at = np.flatnonzero(outside & (z > at_least))
    at = at[np.lexsort((asked[at], -z[at]))]
    others = np.where(there[asked[at]], nearest[asked[at]], -1)
    return FarFromNeighbours(rows=asked[at], z=z[at], middle=middle[at], nearest=others)


def far_from_others(m: Material[OutOfFoldNumbers]) -> ContradictedRows:
    """Rows whose number is far from the median of their neighbours'."""
    far = far_from_neighbours(m.vectors, m.out_of_fold.given, m.group, NEIGHBOURS)
    return ContradictedRows(
        rows=far.rows,
        scores=far.z,
        nearest=far.nearest,
        suggested=[m.out_of_fold.number(float(middle)) for middle in far.middle],
        evidence=[{"z": round(float(z), 2)} for z in far.z],
    )
