"""Parquet files: read by chunks, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.core.lake.store import storage_error

CHUNK_ROWS, CHUNK_BYTES = 8192, 16 * 1024 * 1024
"""The size of a read: at most so many rows, and about so many bytes."""


def parquet_chunks(file: pq.ParquetFile, columns: Iterable[str], groups: Iterable[int] | None = None) -> Iterator[pl.DataFrame]:
    """`columns` of a Parquet file, or of some of its row groups (numbers), at most CHUNK_ROWS rows and about CHUNK_BYTES at a time."""
    names = list(columns)
    for number in range(file.num_row_groups) if groups is None else groups:
        about = file.metadata.row_group(number)
        rows = max(1, min(CHUNK_ROWS, CHUNK_BYTES * about.num_rows // max(about.total_byte_size, 1)))
        for batch in file.iter_batches(rows, [number], names, use_threads=False):
            yield pl.DataFrame(pl.from_arrow(batch))


def picked(chunks: Iterable[pl.DataFrame], places: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Of the rows of all `chunks`, numbered through, those numbered `_at` in `places` (ascending), beside its other columns."""
    at = places["_at"].to_numpy()
    begin = first = 0
    for chunk in chunks:
        end = int(np.searchsorted(at, first + chunk.height))
        if end > begin:
            beside = places.slice(begin, end - begin).drop("_at")
            yield chunk.select(pl.all().gather(pl.Series(at[begin:end] - first))).hstack(beside)
        begin, first = end, first + chunk.height


def write_parquet(frame: pl.DataFrame, path: Path, **options: Any) -> None:
    """Write a Parquet file so that `path` either is absent or complete, whatever happens; `options` are those of Polars.

    Raises:
        StorageError: no room, no permission; nothing is left behind.
    """
    with whole(path) as part:
        frame.write_parquet(part, **{"compression": "zstd", **options})


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write a file that appears under `path` at the end, whole or not at all.

    Raises:
        StorageError: no room, no permission; nothing is left behind.
    """
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except (OSError, pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise storage_error(error, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def parquet_writer(path: Path, schema: pl.Schema, *, level: int = 1) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that adds frames of this schema to a Parquet file, a row group each, which appears under `path` whole or not at all.

    Raises:
        StorageError: no room, no permission; nothing is left behind.
    """
    target = arrow(pl.DataFrame(schema=schema)).schema
    with whole(path) as part, pq.ParquetWriter(part, target, compression="zstd", compression_level=level) as writer:
        yield lambda frame: writer.write_table(arrow(frame.select(schema.names())).cast(target))


def arrow(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table of types that other engines read."""
    # `oldest` avoids string views, which other engines cannot read.
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
