"""Times that are finer than what a table keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from lakehouse.reserve.formats import arrow
from lakehouse.reserve.formats.seekable import seekable

_ROWS = 20_000


def finer_columns(handle: BinaryIO, kind: str) -> tuple[str, ...]:
    """The columns of times and durations that hold parts of a microsecond, by the first rows of a file that has types."""
    if kind not in ("parquet", "arrow", "orc"):
        return ()
    with seekable(handle) as whole:
        batch = next(_batches(whole, kind), None)
        if batch is None:
            return ()
        fine = [field.name for field in batch.schema if _counts_nanoseconds(field.type)]
        values = (pl.from_arrow(batch.column(name).cast(pa.int64()).slice(0, _ROWS)) for name in fine)
        return tuple(name for name, each in zip(fine, values, strict=True) if isinstance(each, pl.Series) and (each % 1000 != 0).any())


def _counts_nanoseconds(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.TimestampType | pa.DurationType) and str(kind.unit) == "ns"


def _batches(whole: BinaryIO, kind: str) -> Iterator[pa.RecordBatch]:
    if kind == "parquet":
        file = pq.ParquetFile(whole)
        fine = [field.name for field in file.schema_arrow if _counts_nanoseconds(field.type)]
        yield from file.iter_batches(batch_size=_ROWS, columns=fine) if fine else ()
    elif kind == "arrow":
        yield from arrow.batches(arrow.open_any(whole))
    else:
        orc = pyarrow.orc.ORCFile(whole)
        yield from (orc.read_stripe(number) for number in range(orc.nstripes))
