"""The shape of `bronze/<source>` and how its live rows are read: the newest row of each `_row_id` that is no tombstone."""

from __future__ import annotations

import polars as pl

from lakehouse.hashing import content_id
from lakehouse.project import Project
from lakehouse.table import Table

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "_row_id": pl.String,  # `<source>/<key>`, stable over collections
    "_content": pl.String,  # hex SHA-256 of the source's own columns
    "_collection": pl.Int64,  # number of the collection that wrote the row
    "_deleted": pl.Boolean,  # a tombstone: the item vanished
    "_uri": pl.String,  # file (and member) the item came from
    "_media_type": pl.String,
    "_bytes": pl.Int64,  # size of the item as collected
    "_collected_at": pl.Datetime("us", "UTC"),
    "_license": pl.String,
    "_findings": pl.List(pl.String),  # why the item is unfit, e.g. invalid_utf8; silver quarantines such rows
    "_raw": pl.Binary,  # the bytes of an item that could not be read into columns
    "_blob": pl.String,  # SHA-256 of bytes over the limit, kept in blobs/, or sealed/<source>/
}
SYSTEM = pl.Schema(_COLUMNS)


def table(project: Project, source: str) -> Table:
    """The Delta table of a source."""
    return project.table("bronze", source)


def live_index(project: Project, source: str, *more: str, version: int | None) -> pl.DataFrame:
    """`_row_id`, `_content`, `_collection`, `_bytes` (and `more` columns) of the rows live in `version` (None: no table yet), by `_row_id`.

    The version is the caller's to say, who has looked at the table before: another collection may commit at any moment.
    """
    columns = ["_row_id", "_content", "_collection", "_bytes", *more]
    if version is None:
        return pl.DataFrame(schema={name: SYSTEM[name] for name in columns})
    rows = table(project, source).scan(version).select(*columns, "_deleted").collect().sort("_row_id", "_collection")
    newest = rows.filter((pl.col("_row_id") != pl.col("_row_id").shift(-1)).fill_null(True))
    return newest.filter(~pl.col("_deleted")).select(columns)


def source_content_id(index: pl.DataFrame) -> str:
    """Content id of a source: over `_row_id` and `_content` of its live rows."""
    return content_id(index, "_row_id", "_content")


def recorded_content(project: Project, source: str) -> tuple[str, int, int | None]:
    """Content id, number of the live rows and Delta version: as a collection recorded them, or computed where bronze was changed since."""
    version = table(project, source).version()
    made = project.table("system", "collections")
    if made.exists():
        ours = made.scan().filter(pl.col("source") == source).select("at", "content_id", "live", "delta_version").collect().sort("at")
        if ours.height and ours["delta_version"][-1] == version:
            return ours["content_id"][-1], ours["live"][-1], version
    index = live_index(project, source, version=version)
    return source_content_id(index), index.height, version
