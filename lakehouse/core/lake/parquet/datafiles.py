"""The data files of a Delta table: Parquet written a row group at a time, and the statistics of each for Delta's log.

Not by delta-rs' own writer, which holds up to 600 MB back whatever is asked of it, and takes a fifth more time.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction
from pyarrow import fs

from lakehouse.core.lake.parquet.rowgroups import Footer, SplicedFile, footer_of

PLAIN = ".zstd.parquet"
"""The ending of the names of data files. For another ending, Delta's log gets the number of rows and no bounds."""
_FILE_BYTES = 32 * 1024 * 1024
"""Size of a data file: some 100 MB of text."""
_GROUP_ROWS, _GROUP_BYTES = 16 * 1024, 4 * 1024 * 1024
"""A row group: at most so many rows, and about so many bytes. What changes a row writes its group anew."""
_BOUND = 64
"""Length of the bounds kept of an id. Otherwise footers and Delta's log would hold whole texts."""
_FEW_VALUES = ("_collection", "_deleted", "_license", "_media_type", "_parent", "_split", "_uri", "fate", "rule", "source", "step")
"""Columns worth a dictionary. One of ids, digests or texts, all different, is made in vain: a fifth of the time to write, more to read."""
_FOUND_BY = frozenset(("_row_id", "_root", "dataset", "source"))
"""Texts that rows are looked up by: their bounds show which files can hold one."""


def file_system(uri: str, options: dict[str, str]) -> fs.FileSystem:
    """The files below a table's `uri`, a folder or an object-store URL; a folder is made."""
    if "://" in uri:
        return fs.PyFileSystem(DeltaStorageHandler(uri, options))
    Path(uri).mkdir(parents=True, exist_ok=True)
    return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())


def write_files(
    files: fs.FileSystem,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    moved: Mapping[str, Footer] | None = None,
    ending: str = PLAIN,
) -> list[AddAction]:
    """Write the rows, in the types that Delta has, and row groups that are `moved` from other files (by name, as `parted` gives them), as
    new data files whose names have this ending; they belong to the table once the actions are committed.

    Where anything fails, also in `batches`, what was written is taken away again.
    """
    written: list[_File | _Moved] = []
    target = delta_schema(schema)
    try:
        _moved(files, moved or {}, written, ending)
        file: _File | None = None
        for group in _groups(batches, schema):
            if file is None or file.full:
                file = _File(files, target, ending)
                written.append(file)
            file.add(group if target == schema else _cast(group, target))
        return [file.action() for file in written]
    except BaseException:
        for each in written:
            each.abandon()
        raise


def parted(files: fs.FileSystem, gone: pl.DataFrame) -> tuple[dict[str, Footer], pl.DataFrame]:
    """Of the files that hold rows at `gone` (`_file`, `_at`), by name: their row groups without any of these, which can be moved as they
    are, under their footer; and the places of the rows that stay of all others.
    """
    whole: dict[str, Footer] = {}
    stay = [pl.DataFrame(schema={"_file": pl.String, "_at": pl.Int64})]
    for (name,), places in sorted(gone.group_by("_file"), key=lambda item: str(item[0])):
        with files.open_input_file(str(name)) as handle:
            footer = footer_of(handle)
            rows = np.array([pq.read_metadata(handle).num_rows] if footer is None else [group.rows for group in footer.groups])
        footer = footer or Footer({}, ())
        at, ends = places["_at"].to_numpy(), np.cumsum(rows)
        touched = np.unique(np.searchsorted(ends, at, side="right"))
        whole[str(name)] = replace(footer, groups=tuple(group for n, group in enumerate(footer.groups) if n not in touched))
        left = np.setdiff1d(np.concatenate([np.arange(ends[n] - rows[n], ends[n]) for n in touched]), at)
        stay.append(pl.DataFrame({"_file": pl.repeat(str(name), len(left), eager=True), "_at": pl.Series(left, dtype=pl.Int64)}))
    return whole, pl.concat(stay)


def _moved(files: fs.FileSystem, footers: Mapping[str, Footer], written: list[_File | _Moved], ending: str) -> None:
    """Put row groups (below the footer of their file, by its name) into new data files as the bytes they are."""
    into: _Moved | None = None
    for name, footer in footers.items():
        if not footer.groups:
            continue
        with files.open_input_file(name) as handle:
            for group in footer.groups:
                if into is None or into.spliced.size >= _FILE_BYTES or not into.footer.fits(footer):
                    into = _Moved(files, footer, ending)
                    written.append(into)
                into.spliced.add(handle, group)


def delta_schema(schema: pa.Schema) -> pa.Schema:
    """The same columns in the types that Delta has."""
    return pa.schema([column.with_type(_delta_type(column.type)) for column in schema])


_SIGNED = {pa.uint8(): pa.int8(), pa.uint16(): pa.int16(), pa.uint32(): pa.int32(), pa.uint64(): pa.int64()}


def _delta_type(given: pa.DataType) -> pa.DataType:
    """The type that Delta has for an Arrow type: integers with a sign, times in microseconds, of UTC where they have a zone."""
    if pa.types.is_timestamp(given):
        return pa.timestamp("us", "UTC" if given.tz else None)
    if pa.types.is_large_list(given):
        return pa.large_list(_delta_type(given.value_type))
    if pa.types.is_list(given):
        return pa.list_(_delta_type(given.value_type))
    if pa.types.is_struct(given):
        return pa.struct([field.with_type(_delta_type(field.type)) for field in given])
    return _SIGNED.get(given, given)


def _cast(rows: pa.Table, target: pa.Schema) -> pa.Table:
    import pyarrow.compute as pc  # 30 ms, which what only reads does without

    columns = [
        pc.cast(column, options=pc.CastOptions(target_type=field.type, allow_time_truncate=True)) if column.type != field.type else column
        for column, field in zip(rows.columns, target, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=target)


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterable[pa.Table]:
    """The rows in tables of a row group each."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, min(batch.num_rows - start, _GROUP_ROWS - rows))
            held.append(part)
            rows, size, start = rows + part.num_rows, size + part.nbytes, start + part.num_rows
            if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                yield pa.Table.from_batches(held, schema)
                held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held, schema)


@dataclass
class _Moved:
    """One file of moved row groups under way."""

    files: fs.FileSystem
    footer: Footer
    ending: str

    def __post_init__(self) -> None:
        self.name = _new_name(self.ending)
        self.spliced = SplicedFile(self.files.open_output_stream(self.name), self.footer)

    def action(self) -> AddAction:
        """Close the file; the entry of it for Delta's log, with the bounds that its row groups have. Another library reads it for them."""
        size = self.spliced.close()
        with self.files.open_input_file(self.name) as handle:
            about = pq.read_metadata(handle)
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        bounded = _bounded_columns(about.schema.to_arrow_schema())
        bounds, nulls = {}, {}
        for at in range(about.num_columns):
            # The path of a column within another one has a dot in it.
            if (name := groups[0].column(at).path_in_schema) not in bounded or "." in name:
                continue
            found = [group.column(at).statistics for group in groups]
            if all(each is not None and each.has_null_count for each in found):
                nulls[name] = sum(each.null_count for each in found)
                known = [each for each in found if each.num_values]
                if known and all(each.has_min_max for each in known):
                    bounds[name] = (min(each.min for each in known), max(each.max for each in known))
        return _action(self.files, self.name, size, about.num_rows, bounds, nulls)

    def abandon(self) -> None:
        _abandon(self.files, self.name, self.spliced.sink)


@dataclass
class _File:
    """One file under way."""

    files: fs.FileSystem
    schema: pa.Schema
    ending: str
    rows: int = 0
    bounds: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = _new_name(self.ending)
        self.bounded = _bounded_columns(self.schema)
        self.sink = self.files.open_output_stream(self.name)
        self.writer = pq.ParquetWriter(
            self.sink,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in self.schema.names if name in _FEW_VALUES],
            write_statistics=self.bounded,
        )

    @property
    def full(self) -> bool:
        return bool(self.sink.tell() >= _FILE_BYTES)

    def add(self, group: pa.Table) -> None:
        import pyarrow.compute as pc  # as above

        self.writer.write_table(group, row_group_size=group.num_rows)
        self.rows += group.num_rows
        for name in self.bounded:
            column = group.column(name)
            self.nulls[name] = self.nulls.get(name, 0) + column.null_count
            found = pc.min_max(column).as_py()
            if found["min"] is not None:
                low, high = self.bounds.get(name, (found["min"], found["max"]))
                self.bounds[name] = (min(low, found["min"]), max(high, found["max"]))

    def action(self) -> AddAction:
        """Close the file; the entry of it for Delta's log, with bounds by Unicode code points (as UTF-8 sorts)."""
        self.writer.close()
        size = self.sink.tell()
        self.sink.close()
        return _action(self.files, self.name, size, self.rows, self.bounds, self.nulls)

    def abandon(self) -> None:
        with suppress(OSError, pa.ArrowException):
            self.writer.close()
        _abandon(self.files, self.name, self.sink)


def _new_name(ending: str) -> str:
    return f"part-{uuid.uuid4()}-c000{ending}"


def _bounded_columns(schema: pa.Schema) -> list[str]:
    """The columns whose bounds are kept."""
    return [column.name for column in schema if pa.types.is_integer(column.type) or column.name in _FOUND_BY]


def _action(
    files: fs.FileSystem, name: str, size: int, rows: int, bounds: Mapping[str, tuple[Any, Any]], nulls: Mapping[str, int]
) -> AddAction:
    """The entry of a file for Delta's log; `size` is that of what was written, which may be stored in another form."""
    stats: dict[str, Any] = {"numRecords": rows}
    if name.endswith(PLAIN):
        short = {column: pair for column, pair in bounds.items() if not isinstance(pair[1], str) or len(pair[1]) <= _BOUND}
        stats["minValues"] = {column: low[:_BOUND] if isinstance(low, str) else low for column, (low, _) in short.items()}
        stats |= {"maxValues": {column: high for column, (_, high) in short.items()}, "nullCount": nulls}
    else:
        size = files.get_file_info([name])[0].size
    return AddAction(name, size, {}, int(time.time() * 1000), True, json.dumps(stats))


def _abandon(files: fs.FileSystem, name: str, sink: pa.NativeFile) -> None:
    with suppress(OSError, pa.ArrowException):
        sink.close()
    with suppress(OSError, pa.ArrowException):
        files.delete_file(name)
