"""Findings as a frame: what each kind returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from lakehouse.core.hashing import canonical

COLUMNS = pl.Schema(
    [
        ("kind", pl.String),
        ("rank", pl.Int64),
        ("_row_id", pl.String),
        ("score", pl.Float64),
        ("evidence", pl.String),
        ("source", pl.String),
    ]
)


@dataclass(frozen=True)
class Findings:
    """The findings of one kind.

    Attributes:
        table: COLUMNS, by rank; `_row_id` is null where a finding is about several rows, whose ids are then `rows` of its evidence.
        pictures: PNG by file name.
        notes: plain data beside the findings, in the summary under the name of the kind; also where nothing was found.
    """

    table: pl.DataFrame
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def findings_frame(kind: str, ids: Sequence[str | None], scores: Sequence[float], evidence: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Findings of a kind in the order given, the first has rank 1."""
    # Findings are few and their evidence is ragged: a row at a time.
    return pl.DataFrame(
        {
            "kind": [kind] * len(ids),
            "rank": range(1, len(ids) + 1),
            "_row_id": ids,
            "score": scores,
            "evidence": [canonical(e) for e in evidence],
            "source": [None if i is None else i.partition("/")[0] for i in ids],
        },
        schema=COLUMNS,
    )
