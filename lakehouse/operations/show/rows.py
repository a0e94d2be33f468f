"""Rows of a version of a dataset, and live rows of a source."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.core.versions import Version
from lakehouse.operations.show.choice import Choice, unfit
from lakehouse.operations.show.reader import Read, TableReader
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import live_rows

FIRST_BYTES = 200
"""Of an item that could not be read, so many bytes are shown."""
_PLACES = ["_row_id", "_split"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Rows of a table.

    Attributes:
        of: such as `reviews 1.0.0 (bcb15e84326d)`.
        version: the version, or of a source `delta N`.
        left_out: columns that the reader's role does not show, being too sensitive.
    """

    of: str
    version: str
    rows: pl.DataFrame
    left_out: tuple[str, ...] = ()


def version_of(project: Project, dataset: str, reference: str | None) -> Version:
    """The version that is named, or the newest.

    Raises:
        NotFoundError: no such dataset or version, or none yet.
    """
    project.dataset(dataset)
    if not versions.versions(project, dataset):
        raise NotFoundError(f"{dataset} has no version yet", fix=f"make one: lakehouse run {dataset}")
    return versions.find(project, dataset, reference or "latest")


def dataset_rows(reader: TableReader, dataset: str, reference: str | None, split: str | None, choice: Choice) -> Shown:
    """Rows of a version: its own columns beside id and split, as far as they may be seen.

    Raises:
        NotFoundError: no such dataset, version, split or column.
        StorageError: the rows of the version are archived.
        SpecError: the condition does not hold for these columns.
        AccessError: the policy does not allow it.
    """
    version = version_of(reader.project, dataset, reference)
    if split is not None and split not in version.held_rows:
        raise NotFoundError(f"{dataset} {version.label} has no split `{split}`", fix=f"splits: {', '.join(version.held_rows)}")
    columns = choice.columns
    if columns is None and not reader.governed:
        columns = (*_PLACES, *(name for name in versions.rows(reader.project, version).collect_schema() if name[0] != "_"))
    done = _picked(reader, f"gold/{dataset}", columns, {"_split": split} if split else {}, version.version, choice)
    return Shown(of=f"{dataset} {version.label} ({version.version})", version=version.version, rows=done.rows, left_out=done.left_out)


def source_rows(reader: TableReader, source: str, choice: Choice, *, unreadable: bool = False) -> Shown:
    """Live rows of a source; with `unreadable` those that could not be read, with finding, place and first bytes.

    Raises:
        NotFoundError: no such source or column, or never collected.
        SpecError, AccessError: as of a dataset.
    """
    project = reader.project
    project.source(source)
    table = bronze.table(project, source)
    if not table.exists():
        raise NotFoundError(f"source {source} was never collected", fix=f"lakehouse collect {source}")
    schema = table.schema()
    columns = choice.columns
    if unreadable:
        columns = ("_row_id", "_findings", "_uri", "_bytes", "_raw")
    elif columns is None and not reader.governed:
        columns = ("_row_id", *(name for name in schema if name[0] != "_"))
    for name in columns or ():
        if name not in schema:
            raise NotFoundError(f"bronze/{source} has no column `{name}`", fix=suggest(name, [n for n in schema if n[0] != "_"]))
    if reader.governed:
        done = reader.read(f"bronze/{source}", columns=columns, pick=lambda rows: choice.of(_fit(rows, unreadable=unreadable)))
        found = Shown(of=f"source {source}", version=done.version, rows=done.rows, left_out=done.left_out)
    else:
        rows = _live(project, source, choice, list(columns or schema), unreadable=unreadable)
        found = Shown(of=f"source {source}", version=f"delta {table.version()}", rows=rows)
    if unreadable:
        shown = found.rows.with_columns(pl.col("_raw").bin.slice(0, FIRST_BYTES))
        return Shown(of=found.of, version=found.version, rows=shown, left_out=found.left_out)
    return found


def _picked(
    reader: TableReader, table: str, columns: tuple[str, ...] | None, equal: dict[str, str | list[str]], version: str, choice: Choice
) -> Read:
    """The chosen rows; a condition that fails on a value gets the same message as one that fits no column."""
    seen: list[pl.Schema] = []

    def pick(rows: pl.LazyFrame) -> pl.LazyFrame:
        seen.append(rows.collect_schema())
        return choice.of(rows)

    try:
        return reader.read(table, columns=columns, equal=equal, version=version, pick=pick)
    except pl.exceptions.PolarsError as error:
        if choice.where is None:
            raise
        raise unfit(choice.where, str(error).splitlines()[0], seen[-1]) from error


def _fit(rows: pl.LazyFrame, *, unreadable: bool) -> pl.LazyFrame:
    """The rows with findings or, as far as these may be seen, those without."""
    if "_findings" not in rows.collect_schema():
        return rows
    found = pl.col("_findings").list.len().fill_null(0) > 0
    return rows.filter(found if unreadable else ~found)


def _live(project: Project, source: str, choice: Choice, columns: list[str], *, unreadable: bool) -> pl.DataFrame:
    """Chosen live rows. Whether a row is live is looked up for those that are chosen, not for the whole table."""
    table = bronze.table(project, source)
    if bronze.is_virtual(project, source):
        rows = live_rows(project, source, list(table.schema()))
        return choice.of(_fit(rows, unreadable=unreadable)).select(columns).collect()
    stored = table.scan()
    candidates = choice.meeting(_fit(stored.filter(~pl.col("_deleted")), unreadable=unreadable))
    place = ["_row_id", "_collection"]
    wanted = choice.limit
    while True:
        found = _candidates(choice, candidates.select(*place), wanted)
        newest = stored.filter(pl.col("_row_id").is_in(found["_row_id"].implode()))
        latest = newest.group_by("_row_id").agg(pl.col("_collection").max()).collect()
        live = found.join(latest, on=place, how="semi", maintain_order="left")
        if choice.limit is None or wanted is None or live.height >= choice.limit or found.height < wanted:
            break
        wanted *= 4
    chosen = live if choice.limit is None else live.head(choice.limit)
    read = list(dict.fromkeys([*place, *columns]))
    values = newest.select(read).collect() if chosen.height else newest.select(read).head(0).collect()
    return chosen.join(values, on=place, how="left", maintain_order="left").select(columns)


def _candidates(choice: Choice, rows: pl.LazyFrame, most: int | None) -> pl.DataFrame:
    """Ids of the first rows, or of a shuffle of all, in its order."""
    if choice.seed is None:
        return (rows if most is None else rows.head(most)).collect()
    at = pl.DataFrame({"_at": choice.places(rows, most)}, schema={"_at": pl.UInt32})
    numbered = rows.with_row_index("_at").filter(pl.col("_at").is_in(at["_at"].implode())).collect()
    return at.join(numbered, on="_at", how="inner", maintain_order="left").drop("_at")
