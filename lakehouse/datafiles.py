"""The data files of a Delta table: Parquet written a row group at a time, and what Delta's log says of each.

Not by delta-rs' own writer, which holds up to 600 MB back whatever is asked of it, and takes a fifth more time.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction
from pyarrow import fs

_FILE_BYTES = 32 * 1024 * 1024
"""Size of a data file: some 100 MB of text. What changes a row writes its file anew."""
_GROUP_ROWS, _GROUP_BYTES = 16 * 1024, 16 * 1024 * 1024
"""A row group: at most so many rows, and about so many bytes."""
_BOUND = 64
"""Length of the bounds kept of an id. Whole texts would stand in footers and in Delta's log."""
_FEW_VALUES = ("_collection", "_deleted", "_license", "_media_type", "_parent", "_split", "_uri", "fate", "rule", "source", "step")
"""Columns worth a dictionary. One of ids, digests or texts, all different, is made in vain: a fifth of the time to write, more to read."""
_FOUND_BY = frozenset(("_row_id", "_root", "dataset", "source"))
"""Texts that rows are looked up by: their bounds say which files can hold one."""


def file_system(uri: str, options: dict[str, str]) -> fs.FileSystem:
    """The files below a table's `uri`, a folder or an object-store URL; a folder is made."""
    if "://" in uri:
        return fs.PyFileSystem(DeltaStorageHandler(uri, options))
    Path(uri).mkdir(parents=True, exist_ok=True)
    return fs.SubTreeFileSystem(uri, fs.LocalFileSystem())


def write_files(files: fs.FileSystem, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> list[AddAction]:
    """Write the rows, in the types that Delta has, as new data files; they belong to the table once the actions are committed.

    Where anything fails, also in `batches`, what was written is taken away again.
    """
    written: list[_File] = []
    target = delta_schema(schema)
    try:
        for group in _groups(batches, schema):
            if not written or written[-1].full:
                written.append(_File(files, target))
            written[-1].add(group if target == schema else _cast(group, target))
        return [file.action() for file in written]
    except BaseException:
        for file in written:
            file.abandon()
        raise


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
class _File:
    """One file under way."""

    files: fs.FileSystem
    schema: pa.Schema
    rows: int = 0
    bounds: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    nulls: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"part-{uuid.uuid4()}-c000.zstd.parquet"
        self.told = [column.name for column in self.schema if pa.types.is_integer(column.type) or column.name in _FOUND_BY]
        self.sink = self.files.open_output_stream(self.name)
        self.writer = pq.ParquetWriter(
            self.sink,
            self.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in self.schema.names if name in _FEW_VALUES],
            write_statistics=self.told,
        )

    @property
    def full(self) -> bool:
        return bool(self.sink.tell() >= _FILE_BYTES)

    def add(self, group: pa.Table) -> None:
        self.writer.write_table(group, row_group_size=group.num_rows)
        self.rows += group.num_rows
        for name in self.told:
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
        short = {name: pair for name, pair in self.bounds.items() if not isinstance(pair[1], str) or len(pair[1]) <= _BOUND}
        told = {
            "numRecords": self.rows,
            "minValues": {name: low[:_BOUND] if isinstance(low, str) else low for name, (low, _) in short.items()},
            "maxValues": {name: high for name, (_, high) in short.items()},
            "nullCount": self.nulls,
        }
        return AddAction(self.name, size, {}, int(time.time() * 1000), True, json.dumps(told))

    def abandon(self) -> None:
        with suppress(OSError, pa.ArrowException):
            self.writer.close()
        with suppress(OSError, pa.ArrowException):
            self.sink.close()
        with suppress(OSError, pa.ArrowException):
            self.files.delete_file(self.name)
