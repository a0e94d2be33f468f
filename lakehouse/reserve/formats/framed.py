"""Rows of a table that a library reads: frames as they come, as rows of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from lakehouse.reserve.formats import parquet
from lakehouse.reserve.material import Reading

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
