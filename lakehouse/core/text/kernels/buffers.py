"""Polars columns as the Arrow buffers that compiled kernels read, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def utf8(column: pl.Series) -> tuple[Bytes, Offsets]:
    """The UTF-8 bytes of a String column and its n + 1 offsets; a null is an empty span."""
    return _variable(column.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest()), pa.large_string())


def binary(column: pl.Series) -> tuple[Bytes, Offsets]:
    """The bytes of a Binary column and its n + 1 offsets; a null is an empty span."""
    return _variable(column.fill_null(b"").to_arrow(compat_level=pl.CompatLevel.oldest()), pa.large_binary())


def _variable(array: Any, kind: pa.DataType) -> tuple[Bytes, Offsets]:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(kind)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    values = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.zeros(0, dtype=np.uint8)
    return values, starts


def strings(name: str, data: Bytes, offsets: Offsets, known: pl.Series) -> pl.Series:
    """A String column of UTF-8 bytes and n + 1 offsets; null where not `known`."""
    mask = None if known.all() else pa.py_buffer(np.packbits(known.to_numpy(), bitorder="little"))
    array = pa.LargeStringArray.from_buffers(len(known), pa.py_buffer(offsets), pa.py_buffer(data), mask)
    return pl.Series(name, pl.from_arrow(array))


def binaries(values: NDArray[Any], ends: Offsets, known: pl.Series) -> pl.Series:
    """A Binary column: of each row the bytes of its items among `values`, given n + 1 offsets of items; null where not `known`."""
    mask = pa.py_buffer(np.packbits(known.to_numpy(), bitorder="little"))
    offsets, data = np.asarray(ends, dtype=np.int64) * values.itemsize, np.ascontiguousarray(values).view(np.uint8)
    array = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(known), [mask, pa.py_buffer(offsets), pa.py_buffer(data)])
    return pl.Series(pl.from_arrow(array))


def fixed_binary(name: str, rows: NDArray[Any], valid: NDArray[np.bool_]) -> pl.Series:
    """A Binary column whose i-th value is the bytes of row i of a 2-D array; null where not `valid`."""
    width = rows.shape[1] * rows.itemsize
    offsets = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(np.where(valid, width, 0), out=offsets[1:])
    data = np.ascontiguousarray(rows[valid]).view(np.uint8)
    mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    array = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(rows), [mask, pa.py_buffer(offsets), pa.py_buffer(data)])
    return pl.Series(name, pl.from_arrow(array))
