"""The requested rows of a source, by id or by a condition, and all their states in the history of bronze."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from lakehouse.core.errors import NotFoundError, SourceError, SpecError
from lakehouse.core.lake.parquet.files import CHUNK_ROWS
from lakehouse.core.lake.store import store_errors
from lakehouse.core.project import Project
from lakehouse.core.spec import Source
from lakehouse.operations.erasure import history
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.erased_items import ErasedItems, erased_of, salted
from lakehouse.reserve.bronze.values import live_rows


def named(project: Project, source: str, rows: Sequence[str]) -> list[str]:
    """The row ids asked for, each with its source; those that were erased already are left out.

    Raises:
        NotFoundError: the source has no such row, and never had.
    """
    full = [row if row.startswith(f"{source}/") else f"{source}/{row}" for row in dict.fromkeys(rows)]
    known = set(stored(project, source)["_row_id"])
    erased = erased_of(project, source)
    out = []
    for row in full:
        if row in known:
            out.append(row)
        elif erased is None or not _was_erased(erased, row):
            child = row.partition("#")[0]
            fix = f"erase the row it stems from: {child}" if child != row and child in known else "lakehouse row recall ITEM finds row ids"
            raise NotFoundError(f"source {source} has no row `{row}`", fix=fix)
    return out


def matching(project: Project, source: str, where: str) -> list[str]:
    """Ids of the rows that meet a condition in SQL, in any of their collections; of a virtual source, in their present state there.

    Raises:
        SpecError: it does not parse, or does not fit the source's columns. SourceError: a virtual source cannot be read.
    """
    table = bronze.table(project, source)
    fix = f"write it as SQL has it, over the columns {', '.join(c for c in table.schema() if not c.startswith('_'))}"
    try:
        met = pl.sql_expr(where)
        columns = [name for name in met.meta.root_names() if name in table.schema()]
        rows = live_rows(project, source, columns) if bronze.is_virtual(project, source) else table.scan()
        found = rows.filter(met).select("_row_id").unique().collect()
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise SpecError(f"--where cannot be understood: {str(error).splitlines()[0]}", where=f"--where {where!r}", fix=fix) from error
    return sorted(found["_row_id"])


def due(project: Project, source: Source, now: datetime | None = None) -> tuple[list[str], int]:
    """Ids of the rows of a source that are older than its `retention` allows, by their newest state; and how many have no readable date.

    Raises:
        SpecError: the source has no such column, or it holds no dates.
    """
    rule = source.retention
    table = bronze.table(project, source.source)
    if rule is None or not table.exists():
        return [], 0
    where = project.sources[source.source].document.where(("retention",))
    column = rule.column or "_collected_at"
    dtype = table.schema().get(column)
    if dtype is None:
        raise SpecError(f"retention: source {source.source} has no column `{column}`", where=where, fix="name one that it has")
    if dtype != pl.String and not dtype.is_temporal():
        raise SpecError(f"retention: column `{column}` is {dtype}, no date", where=where, fix="name a column of dates, such as 2026-01-31")
    day = pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False) if dtype == pl.String else pl.col(column).cast(pl.Date)
    live = live_rows(project, source.source, [column]).select("_row_id", day.alias("_day")).collect()
    last = ((now or datetime.now(UTC)) - timedelta(days=rule.days)).date()
    return sorted(live.filter(pl.col("_day") <= last)["_row_id"]), int(live["_day"].null_count())


def of_request(known: pl.DataFrame, salt: str, items: pl.DataFrame) -> list[str]:
    """Ids that bronze still has, in any file (`known`, as `stored` gives it), of the items of a request (`row`, salted hashes)."""
    ids = known.select("_row_id").unique()
    return sorted(ids.filter(salted(salt, "_row_id").is_in(items["row"].implode()))["_row_id"])


def states(known: pl.DataFrame, ids: Sequence[str]) -> pl.DataFrame:
    """`_row_id`, `_content`, `_blob` of every state of the rows `ids`."""
    return known.filter(pl.col("_row_id").is_in(list(ids)))


def contents_of_request(known: pl.DataFrame, salt: str, items: pl.DataFrame) -> pl.Series:
    """Contents that bronze still has, in any file, and that only rows of a request (`content`, salted hashes) had when it was made."""
    contents = known.select("_content").drop_nulls().unique()
    return contents.filter(salted(salt, "_content").is_in(items["content"].drop_nulls().implode()))["_content"]


def moved(known: pl.DataFrame, ids: Sequence[str], contents: pl.Series) -> frozenset[str]:
    """Earlier states of other rows with these contents, as `Removal.moved` has them: where the key is the position, an item that was
    moved stood under another id."""
    other = known.filter(~pl.col("_row_id").is_in(list(ids)) & pl.col("_content").is_in(contents.implode()))
    return frozenset(other.select(pl.concat_str("_row_id", "_content", separator="\n")).to_series())


def texts(project: Project, source: str, ids: Sequence[str]) -> list[str]:
    """All texts that columns of the rows `ids` ever held; of a virtual source, those that they hold there now."""
    found: set[str] = set()
    wanted = pl.Series(list(ids), dtype=pl.String)
    stored_rows = _files(project, source, None)
    if bronze.is_virtual(project, source):
        own = [name for name in bronze.table(project, source).schema() if not name.startswith("_")]
        try:
            stored_rows = iter([live_rows(project, source, own, of=wanted).collect()])
        except SourceError:
            return []  # the rows are there no more, and their content is unknown here
    for rows in stored_rows:
        mine = rows.filter(pl.col("_row_id").is_in(wanted.implode()))
        for name, dtype in mine.schema.items():
            if dtype == pl.String and not name.startswith("_"):
                found.update(mine[name].drop_nulls())
    return sorted(found)


def _was_erased(erased: ErasedItems, row: str) -> bool:
    found = pl.DataFrame({"_row_id": [row]}).select(salted(erased.salt, "_row_id")).item()
    return bool((erased.rows["row"] == found).any())


def stored(project: Project, source: str) -> pl.DataFrame:
    """`_row_id`, `_content`, `_blob` of every state of every row in any data file of bronze, of older versions too."""
    parts = list(_files(project, source, ["_row_id", "_content", "_blob"]))
    empty = pl.DataFrame(schema=dict.fromkeys(("_row_id", "_content", "_blob"), pl.String()))
    return pl.concat([empty, *parts]).unique()


def _files(project: Project, source: str, columns: list[str] | None) -> Iterator[pl.DataFrame]:
    """The rows of all data files of bronze, of older versions too."""
    table = bronze.table(project, source)
    if not table.exists():
        return
    files: Any = table.store()
    with store_errors(table.uri):
        for name in history.data_files(files):
            with files.open_input_file(name) as handle:
                for batch in pq.ParquetFile(handle).iter_batches(CHUNK_ROWS, columns=columns, use_threads=False):
                    yield pl.DataFrame(pl.from_arrow(batch))
