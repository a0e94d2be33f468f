"""The shape of `bronze/<source>` and how its live rows are read: the newest row of each `_row_id` that is no tombstone."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

import polars as pl

from lakehouse.errors import LockedError, SpecError
from lakehouse.hashing import content_id
from lakehouse.parquet.lazy import lazily
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
    "_blob": pl.String,  # SHA-256 of a file that is an item, or of bytes over the limit, kept in blobs/, or sealed/<source>/
}
SYSTEM = pl.Schema(_COLUMNS)


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


def values(
    project: Project, source: str, columns: Sequence[str], rows: pl.DataFrame, files: Sequence[str] | None = None
) -> Iterator[pl.DataFrame]:
    """`columns` of `rows` (`_row_id`, `_collection` and others) beside their own, some megabytes at a time; of a virtual source, which
    keeps none of its values here, they are read where they stand.

    Args:
        files: names of bronze's data files; rows that stand in others are left out.

    Raises:
        SourceError: a row of a virtual source is not there any more as it was indexed.
    """
    ours, place = table(project, source), ["_row_id", "_collection"]
    asked = [c for c in columns if c not in rows.columns]
    if not set(asked) <= set(SYSTEM) and is_virtual(project, source):
        system = [c for c in dict.fromkeys(("_uri", "_content", *asked)) if c in SYSTEM and c not in rows.columns]
        found = ours.located([*place, *system], files).drop("_file", "_at").join(rows, on=place, how="inner", maintain_order="left")
        # The workshop stands above this module, as do the connectors that its declarations name.
        in_place = importlib.import_module("lakehouse.reserve.in_place")
        yield from in_place.values(project, source, [c for c in asked if c not in SYSTEM], found)
        return
    places = ours.located(place, files).join(rows, on=place, how="inner", maintain_order="left")
    yield from ours.pick(asked, places) if asked else [places.drop("_file", "_at")]


def live(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of rows of bronze, the newest of each id that is no tombstone."""
    newest = pl.col("_collection") == pl.col("_collection").max().over("_row_id")
    return rows.filter(newest).filter(~pl.col("_deleted"))


def live_rows(project: Project, source: str, columns: Sequence[str], *, of: pl.Series | None = None) -> pl.LazyFrame:
    """`_row_id`, `_content`, `_collection` and `columns` of the rows that are live in the newest version; only `of` these ids, if given.

    Of a virtual source, values are read where they stand once the frame is collected.
    """
    ids = ["_row_id", "_content", "_collection"]
    more = [c for c in columns if c not in ids]
    ours = table(project, source)
    if is_virtual(project, source):
        index = live_index(project, source, version=ours.version()).select(ids)
        if of is not None:
            index = index.filter(pl.col("_row_id").is_in(of.implode()))
        schema = pl.Schema({name: dtype for name, dtype in ours.schema().items() if name in (*ids, *more)})
        return lazily(lambda columns: values(project, source, more, index), schema)
    rows = ours.scan()
    if of is not None:
        rows = rows.filter(pl.col("_row_id").is_in(of.implode()))
    return live(rows).select(*ids, *more)


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
