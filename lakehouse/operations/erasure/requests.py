"""The register of erasures, `system/erasures`: the request, its author and reason, what it reached and what it could not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import polars as pl

from lakehouse.core.hashing import canonical
from lakehouse.core.project import Project
from lakehouse.reserve.bronze.erased_items import JOURNAL, salt_text, salted

BASES = ("gdpr-17", "pipl-47", "contract", "retention", "other")
"""Why rows go: Article 17 of Regulation (EU) 2016/679, Article 47 of the Personal Information Protection Law of the People's Republic of
China, what was agreed, what a source declares of its retention."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An erasure as the register has it.

    Attributes:
        state: `requested` until all of it was done.
        rows: items of the source.
        tables: rows of the newest version of each table, as they were found.
        versions: versions of datasets that lost rows: dataset, version, label, rows, released.
        outside: what is out of reach: kind, what, where, do.
    """

    request: str
    source: str
    state: Literal["requested", "done"]
    at: datetime
    done_at: datetime | None
    by: str
    reason: str
    basis: str
    rows: int
    tables: Mapping[str, int]
    versions: tuple[Mapping[str, Any], ...]
    outside: tuple[Mapping[str, Any], ...]


def requests(project: Project) -> list[Request]:
    """All erasures, oldest first."""
    rows = JOURNAL.read(project, pl.col("event") != "item")
    done = {row["request"]: row["at"] for row in rows.iter_rows(named=True) if row["event"] == "done"}
    return [
        Request(
            request=row["request"],
            source=row["source"],
            state="done" if row["request"] in done else "requested",
            at=row["at"],
            done_at=done.get(row["request"]),
            by=details["by"],
            reason=details["reason"],
            basis=details["basis"],
            rows=details["rows"],
            tables=details["tables"],
            versions=tuple(details["versions"]),
            outside=tuple(details["outside"]),
        )
        for row in rows.iter_rows(named=True)
        if row["event"] == "requested"
        for details in [json.loads(row["payload"])]
    ]


def items(project: Project, request: str) -> pl.DataFrame:
    """`row`, `pair`, `content` of the items of a request, salted hashes."""
    mine = (pl.col("event") == "item") & (pl.col("request") == request)
    return JOURNAL.read(project, mine).select("row", "pair", "content")


def begin(project: Project, source: str, states: pl.DataFrame, shared: pl.Series, details: Mapping[str, Any]) -> str:
    """Record a request with its items in one commit; returns its id.

    Args:
        states: `_row_id`, `_content` of every state of the rows; content is null of a tombstone.
        shared: contents that rows which stay have as well.
    """
    request, salt = secrets.token_hex(6), salt_text(project)
    own = pl.col("_content").is_not_null() & ~pl.col("_content").is_in(shared.implode())
    rows = states.select("_row_id", "_content").unique().sort("_row_id", "_content")
    hashed = rows.select(
        event=pl.lit("item"),
        row=salted(salt, "_row_id"),
        pair=salted(salt, "_row_id", "_content"),
        content=pl.when(own).then(salted(salt, "_content")),
    )
    head = pl.DataFrame({"event": ["requested"], "payload": [canonical(details)]})
    events = pl.concat([head, hashed], how="diagonal").with_columns(request=pl.lit(request), source=pl.lit(source))
    JOURNAL.append_rows(project, events)
    return request


def end(project: Project, request: str, source: str, details: Mapping[str, Any]) -> None:
    """Record that a request was carried out."""
    JOURNAL.append(project, request=request, event="done", source=source, payload=details)
