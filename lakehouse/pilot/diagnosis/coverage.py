"""Regions of the rows that the model is scored on which the train rows hardly cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.kinds import FindingKind, Words
from lakehouse.pilot.diagnosis.material import Material, ScoredSet
from lakehouse.pilot.diagnosis.terms import telling

_QUANTILE = 0.99
_GROUPS = 5
_MOST = 4000
"""Rows that are clustered at most, the farthest: memory is their square."""
_NEAREST = 3
_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class CoverageGaps:
    """Rows beyond the reach of the train rows.

    Attributes:
        reach: the distance (1 - cosine) within which 99 % of the train rows have another train row that is not of their group.
        distance: of each scored row to the nearest train row, shape (rows,).
        regions: numbers of scored rows, the largest first.
    """

    reach: float
    distance: NDArray[np.float64]
    regions: tuple[NDArray[np.int64], ...]


def gaps(
    train: NDArray[np.float32], train_group: NDArray[np.int64], scored: NDArray[np.float32], scored_group: NDArray[np.int64]
) -> CoverageGaps:
    """Scored rows that are farther from every train row than the train rows are from each other, where several lie together.

    One such row is an outlier, as one in a hundred train rows is. A region is five or more of different groups whose mean distance from
    each other is within the reach: any of them would have covered the others, had it been a train row.

    Args:
        train, scored: vectors of length 1 (or 0), shape (rows, dimensions).
        train_group, scored_group: copies and variants of a row do not cover it, and count once.
    """
    from sklearn.cluster import AgglomerativeClustering

    own = 1 - _similarity(train, train_group, train, train_group)
    reach = float(np.quantile(own[np.isfinite(own)], _QUANTILE)) if np.isfinite(own).any() else np.inf
    distance = 1 - _similarity(scored, scored_group, train, train_group)
    beyond = np.flatnonzero(distance > reach)
    beyond = np.sort(beyond[np.argsort(-distance[beyond], kind="stable")][:_MOST])
    if len(beyond) < _GROUPS:
        return CoverageGaps(reach=reach, distance=distance, regions=())
    between = 1 - scored[beyond] @ scored[beyond].T
    cut = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=reach)
    cluster = cut.fit_predict(np.clip(between, 0, None))
    found = [beyond[cluster == one] for one in np.unique(cluster)]
    regions = [rows for rows in found if len(np.unique(scored_group[rows])) >= _GROUPS]
    return CoverageGaps(reach=reach, distance=distance, regions=tuple(sorted(regions, key=lambda rows: (-len(rows), rows[0]))))


def _similarity(
    rows: NDArray[np.float32], group: NDArray[np.int64], others: NDArray[np.float32], other_group: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The highest cosine of each row to the others that are not of its group; -inf where there are none."""
    out = np.full(len(rows), -np.inf)
    chunk = max(1, _BYTES // (8 * max(1, len(others))))
    for start in range(0, len(rows), chunk):
        similar = rows[start : start + chunk] @ others.T
        similar[group[start : start + chunk, None] == other_group[None, :]] = -np.inf
        out[start : start + chunk] = similar.max(axis=1, initial=-np.inf)
    return out


def coverage_findings(m: Material[Any]) -> Findings:
    """Regions of each set that the train rows hardly cover, those with most rows first, with their errors and their words."""
    made: list[tuple[float, dict[str, Any]]] = []
    summary: dict[str, Any] = {}
    for name, part in m.sets.items():
        found = gaps(m.vectors[m.learnt], m.group[m.learnt], part.vectors, part.group)
        beyond = found.distance > found.reach
        summary[name] = {
            "rows": len(beyond),
            "beyond": int(beyond.sum()),
            "expected": round((1 - _QUANTILE) * len(beyond), 1),
            **m.view.label_type.error_summary(part.error),
            **_named("beyond", m.view.label_type.error_summary(part.error[beyond])),
            "in_regions": sum(map(len, found.regions)),
        }
        if found.regions:
            known = m.view.words(part.rows)
            made += [(len(rows) / len(beyond), _region(m, name, part, found, rows, known)) for rows in found.regions]
    made.sort(key=lambda each: -each[0])
    return Findings(
        findings_frame("coverage", [None] * len(made), [score for score, _ in made], [evidence_rows for _, evidence_rows in made]),
        notes=summary,
    )


def _region(m: Material[Any], name: str, part: ScoredSet, found: CoverageGaps, rows: NDArray[np.int64], known: pl.Series) -> dict[str, Any]:
    inside = np.zeros(len(part.error), dtype=bool)
    inside[rows] = True
    centre = part.vectors[rows].mean(axis=0)
    rows = rows[np.argsort(-(part.vectors[rows] @ centre), kind="stable")]  # the most typical first
    near = np.argsort(-(m.vectors[m.learnt] @ centre), kind="stable")[:_NEAREST]
    labels = part.rows[m.label].gather(rows)
    return {
        "set": name,
        "terms": telling(known, inside, common=m.view.common),
        "size": len(rows),
        **m.view.label_type.error_summary(part.error[inside]),
        **_named("elsewhere", m.view.label_type.error_summary(part.error[~inside])),
        "distance": round(float(np.median(found.distance[rows])), 4),
        "reach": round(found.reach, 4),
        "labels": dict(m.view.label_type.label_summary(labels)),
        "rows": part.rows["_row_id"].gather(rows).to_list(),
        "given": m.view.label_type.plain_labels(labels),
        "predicted": part.predicted[rows].tolist(),
        "nearest_train": [m.ids[m.learnt[at]] for at in near],
    }


def _named(where: str, measured: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_{where}": value for name, value in measured.items()}


def coverage_kind(error: Words, beyond: Words, *, word: str = "word") -> FindingKind:
    """The kind `coverage`, the same for labels of every type but for the words of an error.

    Args:
        error: the evidence to how far the model errs in a region, and elsewhere.
        beyond: the notes of a set to how far the model errs beyond the reach of the train rows, with the mark that begins it; may be empty.
        word: a word of a row, as the label type calls it.
    """
    return FindingKind(
        title="Regions that the train rows hardly cover",
        how="Rows scored that are farther from every train row than 99 % of train rows are from each other, where five or more lie "
        "together.",
        find=coverage_findings,
        words=_words(error, word),
        ticket="{set} rows hardly covered: {terms}",
        several=True,
        sentences=_sentences(beyond),
    )


def _words(error: Words, word: str) -> Words:
    def words(e: Mapping[str, Any]) -> str:
        about = ", ".join(e["terms"]) or f"no {word} tells them"
        return f"{e['set']}, {e['size']:,} rows about {about}: {error(e)}, distance {e['distance']:.2f} of {e['reach']:.2f}"

    return words


def _sentences(error: Words) -> Callable[[Mapping[str, Any]], list[str]]:
    def sentences(notes: Mapping[str, Any]) -> list[str]:
        return [
            f"{name}: {of['beyond']:,} of {of['rows']:,} rows lie beyond the reach of the train rows ({of['expected']:,.1f} would by "
            f"chance), {of['in_regions']:,} of them in regions{error(of)}."
            for name, of in notes.items()
        ]

    return sentences
