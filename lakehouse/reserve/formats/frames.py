"""Rows of a table that a library reads: frames as they come, as rows of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar

import polars as pl
import pyarrow as pa

from lakehouse.core.errors import SourceError
from lakehouse.reserve.formats import parquet
from lakehouse.reserve.formats.arrow_types import plain_batch
from lakehouse.reserve.formats.seekable import seekable
from lakehouse.reserve.material import Reading

Opened = TypeVar("Opened")

_LEAST, _MOST = 256, 65_536
"""Rows of a frame that is handed on."""


def framed(frames: Iterable[pl.DataFrame], reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """`columns` and READ of frames of about `reading.chunk_bytes`; a row over the limit is `oversized`.

    Raises:
        ShapeError: the table lacks some of `columns`, or has others.
    """
    position = 1
    for frame in frames:
        parquet.same_columns(frame.columns, columns)
        step = max(_LEAST, min(_MOST, frame.height * reading.chunk_bytes // max(1, int(frame.estimated_size()))))
        for start in range(0, frame.height, step):
            rows = frame.select(columns).slice(start, step)
            yield parquet.rows(rows, position, reading)
            position += rows.height


@contextmanager
def opened(handle: BinaryIO, opening: Callable[[BinaryIO], Opened], what: str) -> Iterator[Opened]:
    """What `opening` makes of a file that it may read at any place.

    Raises:
        SourceError: it, or a later step of the block, finds the file to be no whole one of its format.
    """
    try:
        with seekable(handle) as whole:
            yield opening(whole)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"no whole {what} file: {str(error).splitlines()[0]}", fix="fetch the file again") from error


def frames(batches: Iterable[pa.RecordBatch]) -> Iterator[pl.DataFrame]:
    """Arrow's record batches as frames."""
    for batch in batches:
        yield pl.DataFrame(pl.from_arrow(plain_batch(batch)))
