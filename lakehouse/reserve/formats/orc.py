"""`orc`: a row of an ORC file is an item; types as found, those that Delta lacks replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.orc

from lakehouse.reserve.formats.columns import table_columns
from lakehouse.reserve.formats.frames import framed, frames, opened
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/vnd.apache.orc"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str | pl.DataType]:
    """Column names and types as Delta can hold them.

    Raises:
        SourceError: truncated, or not ORC.
    """
    with opened(handle, pa.orc.ORCFile, "ORC") as file:
        return table_columns(file.schema)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Stripe by stripe; raises as `framed` and `shape` do."""
    with opened(handle, pa.orc.ORCFile, "ORC") as file:
        batches = (file.read_stripe(number) for number in range(file.nstripes))
        yield from framed(frames(batches), reading, columns)
