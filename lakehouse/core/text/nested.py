"""The items of a column of lists as one flat column, and back: a list column is its items and where each list ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


def items(lists: pl.Series) -> pl.Series:
    """The items of all lists in order; a null list has none."""
    return lists.explode(empty_as_null=False, keep_nulls=False)


def ends(lists: pl.Series) -> NDArray[np.int64]:
    """The n + 1 offsets of the lists among their `items`."""
    lengths = lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])


def lists_of(flat: pl.Series, offsets: NDArray[np.int64], null: pl.Series) -> pl.Series:
    """Lists of the items `flat` between the n + 1 `offsets`; null where `null` is true."""
    array: Any = flat.rechunk().to_arrow()
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    made = pa.LargeListArray.from_arrays(pa.array(offsets), whole, mask=pa.array(null.to_numpy()))
    return pl.Series(pl.from_arrow(made), dtype=pl.List(flat.dtype))
