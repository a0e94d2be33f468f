"""`arrow`: a row of an Arrow file or stream (Feather, IPC) is an item; types as found, those that Delta lacks replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from lakehouse.reserve.formats.columns import table_columns
from lakehouse.reserve.formats.frames import framed, frames, opened
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/vnd.apache.arrow.file"
_MAGIC = b"ARROW1"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str | pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or no Arrow file.
    """
    with opened(handle, open_any, "Arrow") as file:
        return table_columns(file.schema)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Record batch by record batch; raises as `framed` and `shape` do."""
    with opened(handle, open_any, "Arrow") as file:
        yield from framed(frames(batches(file)), reading, columns)


def open_any(handle: BinaryIO) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
    """The file, which has a table of its batches, or the stream, which has not."""
    is_file = handle.read(len(_MAGIC)) == _MAGIC
    handle.seek(0)
    return pa.ipc.open_file(handle) if is_file else pa.ipc.open_stream(handle)


def batches(file: pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    """The batches of a file or a stream."""
    if isinstance(file, pa.ipc.RecordBatchFileReader):
        yield from (file.get_batch(number) for number in range(file.num_record_batches))
    else:
        yield from file
