"""`avro`: a record of an Avro file is an item; types as found, those that Delta lacks replaced. The file is held as a whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.reserve.formats.columns import deltables
from lakehouse.reserve.formats.frames import framed
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/avro"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or not Avro.
    """
    return deltables(_frame(handle).schema)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The records; raises as `framed` and `shape` do."""
    yield from framed([_frame(handle)], reading, columns)


def _frame(handle: BinaryIO) -> pl.DataFrame:
    try:
        return pl.read_avro(io.BytesIO(handle.read()))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise SourceError(f"no whole Avro file: {str(error).splitlines()[0]}", fix="fetch the file again") from error
