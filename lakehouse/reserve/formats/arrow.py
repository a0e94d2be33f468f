"""`arrow`: a row of an Arrow file (Feather, IPC) is an item; types as found, those that Delta lacks replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from lakehouse.errors import SourceError
from lakehouse.reserve.columns import deltable
from lakehouse.reserve.formats.framed import framed
from lakehouse.reserve.formats.seekable import seekable
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/vnd.apache.arrow.file"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or no Arrow file.
    """
    with _opened(handle) as file:
        return {name: deltable(name, dtype) for name, dtype in pl.Schema(file.schema).items()}


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Record batch by record batch; raises as `framed` and `shape` do."""
    with _opened(handle) as file:
        yield from framed(_frames(file), reading, columns)


def _frames(file: pa.ipc.RecordBatchFileReader) -> Iterator[pl.DataFrame]:
    for number in range(file.num_record_batches):
        frame = pl.from_arrow(pa.Table.from_batches([file.get_batch(number)]))
        assert isinstance(frame, pl.DataFrame)
        yield frame


@contextmanager
def _opened(handle: BinaryIO) -> Iterator[pa.ipc.RecordBatchFileReader]:
    try:
        with seekable(handle) as whole:
            yield pa.ipc.open_file(whole)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"no whole Arrow file: {str(error).splitlines()[0]}", fix="fetch the file again") from error
