"""Values of live rows: from bronze, or from where a virtual source has them (`mode: virtual`).

Bronze of a virtual source holds which rows there are. A row is found again by its `_content`, the SHA-256 of its values: what is read is
what was indexed, wherever it is by now, or an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.lake.parquet.lazy_frame import lazily
from lakehouse.core.project import Project
from lakehouse.core.row_model import BRONZE
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.batches import BATCH_BYTES, Batches
from lakehouse.reserve.source import material_of


def values(
    project: Project, source: str, columns: Sequence[str], rows: pl.DataFrame, files: Sequence[str] | None = None
) -> Iterator[pl.DataFrame]:
    """`columns` of `rows` (`_row_id`, `_collection` and others) beside their own, some megabytes at a time; of a virtual source, which
    keeps none of its values here, they are read in place.

    Args:
        files: names of bronze's data files; rows in others are left out.

    Raises:
        SourceError: a row of a virtual source is not there any more as it was indexed.
    """
    ours, place = bronze.table(project, source), ["_row_id", "_collection"]
    asked = [c for c in columns if c not in rows.columns]
    if not set(asked) <= set(BRONZE) and bronze.is_virtual(project, source):
        system = [c for c in dict.fromkeys(("_uri", "_content", *asked)) if c in BRONZE and c not in rows.columns]
        found = ours.located([*place, *system], files).drop("_file", "_at").join(rows, on=place, how="inner", maintain_order="left")
        yield from _values_in_place(project, source, [c for c in asked if c not in BRONZE], found)
        return
    places = ours.located(place, files).join(rows, on=place, how="inner", maintain_order="left")
    yield from ours.pick(asked, places) if asked else [places.drop("_file", "_at")]


def live_rows(project: Project, source: str, columns: Sequence[str], *, of: pl.Series | None = None) -> pl.LazyFrame:
    """`_row_id`, `_content`, `_collection` and `columns` of the rows that are live in the newest version; only `of` these ids, if given.

    Of a virtual source, values are read in place once the frame is collected.
    """
    ids = ["_row_id", "_content", "_collection"]
    more = [c for c in columns if c not in ids]
    ours = bronze.table(project, source)
    if bronze.is_virtual(project, source):
        index = bronze.live_index(project, source, version=ours.version()).select(ids)
        if of is not None:
            index = index.filter(pl.col("_row_id").is_in(of.implode()))
        schema = pl.Schema({name: dtype for name, dtype in ours.schema().items() if name in (*ids, *more)})
        return lazily(lambda columns: values(project, source, more, index), schema)
    rows = ours.scan()
    if of is not None:
        rows = rows.filter(pl.col("_row_id").is_in(of.implode()))
    return bronze.live(rows).select(*ids, *more)


def _values_in_place(project: Project, name: str, columns: Sequence[str], rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Own `columns` of `rows` (`_content`, `_uri` and others) of a virtual source beside these, some megabytes at a time.

    Files in which the rows were last seen are read first, the others where rows are missing still. All columns are read, for a row is known
    by all its values.

    Raises:
        SourceError: the material cannot be read, or some rows are not there any more.
    """
    source, stored = project.source(name), bronze.stored_columns(project, name, bronze.table(project, name).version())
    files = material_of(project, name, lambda found: False).files(project)
    seen = set(rows["_uri"].drop_nulls())
    missing = rows
    for group in ([file for file in files if file.uri in seen], [file for file in files if file.uri not in seen]):
        if missing.is_empty():
            return
        for frame in Batches(project, source, group, BATCH_BYTES, stored):
            here = frame.select("_content", *columns).unique("_content", keep="first", maintain_order=True)
            found = missing.join(here, on="_content", how="inner", maintain_order="right")
            if found.is_empty():
                continue
            missing = missing.join(here, on="_content", how="anti", maintain_order="left")
            yield found
            if missing.is_empty():
                return
    if not missing.is_empty():
        first = missing["_row_id"][0] if "_row_id" in missing.columns else missing["_uri"][0]
        raise SourceError(
            f"{missing.height:,} rows of the virtual source {name} are not there as they were indexed, the first is {first}",
            fix=f"the material changed: lakehouse collect {name}",
        )
