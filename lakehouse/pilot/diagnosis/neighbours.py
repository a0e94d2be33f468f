"""Rows whose label the rows that lie near contradict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material

_BYTES = 64 * 1024 * 1024
"""What one chunk of similarities may take."""


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


@dataclass(frozen=True, kw_only=True)
class ContradictedRows:
    """Rows whose label their neighbours contradict, worst first; all of one length.

    Attributes:
        rows: row numbers.
        scores: of the findings.
        nearest: row numbers of the neighbours, nearest first; -1 where there are fewer; shape (rows, k).
        suggested: the label that the neighbours speak for, as plain data.
        evidence: what else the evidence of each says.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    nearest: NDArray[np.int64]
    suggested: Sequence[Any]
    evidence: Sequence[Mapping[str, Any]]


def neighbour_findings(m: Material[Any], found: ContradictedRows) -> Findings:
    """Rows that their neighbours contradict, with those."""
    evidence = []
    for at, others, suggested, more in zip(found.rows, found.nearest, found.suggested, found.evidence, strict=True):  # findings are few
        there = [int(other) for other in others if other >= 0]
        evidence.append(
            {
                "given": m.given(int(at)),
                "suggested": suggested,
                "neighbours": [m.ids[other] for other in there],
                "labels": [m.given(other) for other in there],
                **more,
            }
        )
    return Findings(findings_frame("neighbours", [m.ids[at] for at in found.rows], found.scores.tolist(), evidence))
