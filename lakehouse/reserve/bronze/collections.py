"""The journal of collections: one row each in `system/collections`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from lakehouse.core.journal import Journal
from lakehouse.core.project import Project

JOURNAL = Journal(
    "collections",
    pl.Schema(
        {
            "source": pl.String(),
            "collection": pl.Int64(),
            "fingerprint": pl.String(),
            "content_id": pl.String(),
            "delta_version": pl.Int64(),
            "live": pl.Int64(),
            "added": pl.Int64(),
            "changed": pl.Int64(),
            "vanished": pl.Int64(),
            "findings": pl.String(),
            "erased": pl.Int64(),
            "reading": pl.String(),
        }
    ),
)


@dataclass(frozen=True, kw_only=True)
class CollectionRecord:
    """One collection as recorded.

    Attributes:
        at: when it ended.
        fingerprint: of the material and of how it was read.
        delta_version: of `bronze/<source>` after it.
        findings: number of live rows by finding.
        erased: items of the material that were left out, since they were erased.
        reading: of how it was read, by the declaration; None of a collection that did not record it.
    """

    source: str
    collection: int
    at: datetime
    fingerprint: str
    content_id: str
    delta_version: int
    live: int
    added: int
    changed: int
    vanished: int
    findings: dict[str, int]
    erased: int = 0
    reading: str | None = None


def record(project: Project, **collection: Any) -> None:
    """Append one collection: what `CollectionRecord` has, but for `at`."""
    JOURNAL.append(project, **collection)


def collections(project: Project, source: str) -> list[CollectionRecord]:
    """All collections of a source, oldest first."""
    rows = JOURNAL.read(project, pl.col("source") == source).drop("seq")
    return [
        CollectionRecord(**{**row, "findings": json.loads(row["findings"]), "erased": row.get("erased") or 0})
        for row in rows.iter_rows(named=True)
    ]


def last_collection(project: Project, source: str) -> CollectionRecord | None:
    """The newest collection of a source, also one that found nothing new; its `at` shows how fresh the source is."""
    made = collections(project, source)
    return made[-1] if made else None
