"""The schema of `bronze/<source>` and its live rows: the newest row of each `_row_id` that is no tombstone."""

from __future__ import annotations

import json

import polars as pl

from lakehouse.core.errors import LockedError, SpecError
from lakehouse.core.hashing import content_id
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import BRONZE
from lakehouse.reserve.bronze.collections import last_collection
from lakehouse.reserve.bronze.schema import StoredColumns


def table(project: Project, source: str) -> Table:
    """The Delta table of a source."""
    return project.table("bronze", source)


def refuse_half_erased(project: Project, source: str) -> None:
    """Refuse to read or write a source of which an erasure was interrupted: its tables do not agree.

    Raises:
        LockedError: the erasure has to be finished first.
    """
    erasures = project.table("system", "erasures")
    if not erasures.exists():
        return
    events = erasures.scan().filter((pl.col("source") == source) & (pl.col("event") != "item")).select("request", "event").collect()
    begun = set(events.filter(pl.col("event") == "requested")["request"])
    if left := begun - set(events.filter(pl.col("event") == "done")["request"]):
        raise LockedError(
            f"the erasure {min(left)} of rows of source {source} was interrupted", fix="finish it: lakehouse row erase --resume"
        )


def stored_columns(project: Project, source: str, version: int | None) -> StoredColumns | None:
    """The columns that bronze holds in `version`; None before the first collection."""
    if version is None:
        return None
    ours = table(project, source)
    noted = (entry["factory.kinds"] for entry in ours.history() if entry["version"] <= version and "factory.kinds" in entry)
    return StoredColumns(ours.schema(version), json.loads(next(noted, "{}")))


def live_index(project: Project, source: str, *more: str, version: int | None) -> pl.DataFrame:
    """`_row_id`, `_content`, `_collection`, `_bytes` (and `more` columns) of the rows live in `version` (None: no table yet), by `_row_id`.

    The caller gives the version, because it has looked at the table before: another collection may commit at any moment.
    """
    columns = ["_row_id", "_content", "_collection", "_bytes", *more]
    if version is None:
        return pl.DataFrame(schema={name: BRONZE[name] for name in columns})
    rows = table(project, source).scan(version).select(*columns, "_deleted").collect().sort("_row_id", "_collection")
    newest = rows.filter((pl.col("_row_id") != pl.col("_row_id").shift(-1)).fill_null(True))
    return newest.filter(~pl.col("_deleted")).select(columns)


VIRTUAL = "virtual: the rows stand elsewhere, their values are null here"
"""Description of the table of a virtual source."""


def is_virtual(project: Project, source: str) -> bool:
    """Whether the rows of a declared source stay where they are.

    Raises:
        SpecError: its table was made under the other mode, and so has values that it should not, or lacks those that it should have.
    """
    declared = project.source(source).mode
    ours = table(project, source)
    made = declared
    if ours.exists():
        made = "virtual" if ours.delta().metadata().description == VIRTUAL else "collected"
    if made != declared:
        raise SpecError(
            f"bronze/{source} is that of a {made} source, and `mode: {declared}` would leave its rows as they are",
            where=project.sources[source].document.where(("mode",) if "mode" in project.source(source).model_fields_set else ()),
            fix=f"take `mode: {made}`, or declare the material under another name",
        )
    return declared == "virtual"


def live(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of rows of bronze, the newest of each id that is no tombstone."""
    newest = pl.col("_collection") == pl.col("_collection").max().over("_row_id")
    return rows.filter(newest).filter(~pl.col("_deleted"))


def source_content_id(index: pl.DataFrame) -> str:
    """Content id of a source: over `_row_id` and `_content` of its live rows."""
    return content_id(index, "_row_id", "_content")


def recorded_content(project: Project, source: str) -> tuple[str, int, int | None]:
    """Content id, number of the live rows and Delta version: as a collection recorded them, or computed where bronze was changed since."""
    version = table(project, source).version()
    last = last_collection(project, source)
    if last is not None and last.delta_version == version:
        return last.content_id, last.live, version
    index = live_index(project, source, version=version)
    return source_content_id(index), index.height, version
