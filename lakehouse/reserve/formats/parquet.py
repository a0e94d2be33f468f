"""`parquet`: a row is an item; types as found, those that Delta lacks replaced."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.core.errors import ShapeError, SourceError
from lakehouse.reserve.formats.arrow_types import plain_batch
from lakehouse.reserve.formats.columns import held, sizes, table_columns
from lakehouse.reserve.formats.seekable import seekable
from lakehouse.reserve.material import BadItem, Reading, good_rows, with_bad

MEDIA_TYPE = "application/vnd.apache.parquet"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str | pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or not Parquet.
    """
    with _opened(handle) as file:
        return table_columns(file.schema_arrow)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Batches of rows, each of about `reading.chunk_bytes`; a row over the limit is `oversized`, its JSON text set aside.

    Raises:
        ShapeError: the file lacks some of `columns`, or has others.
    """
    with _opened(handle) as file:
        yield from _batches(file, reading, columns)


def _batches(file: pq.ParquetFile, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    same_columns(file.schema_arrow.names, columns)
    meta = file.metadata
    held = sum(meta.row_group(group).total_byte_size for group in range(meta.num_row_groups))
    height = max(1, min(1_000_000, int(reading.chunk_bytes / max(1.0, held / max(1, meta.num_rows)))))
    position = 1
    try:
        for batch in file.iter_batches(batch_size=height):
            frame = pl.from_arrow(pa.Table.from_batches([plain_batch(batch)]))
            assert isinstance(frame, pl.DataFrame)
            yield rows(frame.select(columns), position, reading)
            position += frame.height
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"damaged Parquet at row {position}: {_first_line(error)}", fix="fetch the file again") from error


def same_columns(found: list[str], columns: list[str]) -> None:
    """Refuse a file or table that lacks some of `columns`, or has others (ShapeError)."""
    if set(found) != set(columns):
        missing, extra = sorted(set(columns) - set(found)), sorted(set(found) - set(columns))
        parts = [f"{words} {_listed(names)}" for words, names in (("lacks", missing), ("has unknown", extra)) if names]
        raise ShapeError(
            f"the file {' and '.join(parts)}; found {_listed(found)}",
            fix="correct the file, or declare its columns under `columns:` of the source",
        )


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "no columns"


def rows(frame: pl.DataFrame, position: int, reading: Reading) -> pl.DataFrame:
    """The rows of a frame, the first of which is number `position`, as they are collected."""
    own = frame.select(held(name, dtype) for name, dtype in frame.schema.items())
    size = own.with_columns(sizes(own.schema))["_bytes"]  # numbers alone are one literal, not one a row
    positions = pl.Series(range(position, position + own.height), dtype=pl.Int64)
    good = good_rows(own, positions, size)
    big = size > reading.max_item_bytes
    if not big.any():
        return good
    bad: list[BadItem] = []
    for row in good.filter(big).iter_rows(named=True):
        sink = reading.sink()
        one = own.slice(row["_position"] - position, 1)
        encoded = one.with_columns(pl.col(pl.Binary).bin.encode("base64"))
        sink.write(encoded.select(pl.struct(pl.all()).struct.json_encode())[0, 0].encode())
        bad.append(BadItem(row["_position"], row["_bytes"], "oversized", blob=sink.close()))
    return with_bad(good.filter(~big), bad)


@contextmanager
def _opened(handle: BinaryIO) -> Iterator[pq.ParquetFile]:
    with seekable(handle) as whole:
        try:
            file = pq.ParquetFile(whole)
        except (pa.ArrowException, OSError) as error:
            size = whole.seek(0, io.SEEK_END)
            raise SourceError(f"not a whole Parquet file ({size:,} bytes): {_first_line(error)}", fix="fetch the file again") from error
        yield file


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
