"""`arrow`: a row of an Arrow file (Feather, IPC) is an item; types as found, those that Delta lacks replaced."""

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


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str | pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or no Arrow file.
    """
    with opened(handle, pa.ipc.open_file, "Arrow") as file:
        return table_columns(file.schema)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Record batch by record batch; raises as `framed` and `shape` do."""
    with opened(handle, pa.ipc.open_file, "Arrow") as file:
        batches = (file.get_batch(number) for number in range(file.num_record_batches))
        yield from framed(frames(batches), reading, columns)
