"""A lazy frame of rows that a function reads by chunks: columns, a predicate and a number of rows are taken from each chunk as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl
from polars.io.plugins import register_io_source


def lazily(read: Callable[[list[str]], Iterable[pl.DataFrame]], schema: pl.Schema) -> pl.LazyFrame:
    """The rows of `schema` that `read` gives, read when the frame is collected, and no further than they are wanted.

    Args:
        read: chunks that have at least the columns named to it.
    """

    def frames(wanted: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None) -> Iterator[pl.DataFrame]:
        left = n_rows
        columns = list(schema) if wanted is None else wanted
        asked = columns if predicate is None else list(dict.fromkeys([*columns, *predicate.meta.root_names()]))
        for chunk in read(asked):
            rows = chunk if predicate is None else chunk.filter(predicate)
            rows = rows if left is None else rows.head(left)
            left = None if left is None else left - rows.height
            yield rows.select(columns)
            if left == 0:
                return

    return register_io_source(frames, schema=schema)
