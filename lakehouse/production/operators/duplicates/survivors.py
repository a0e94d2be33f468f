"""Which row of a cluster stays: what every near-duplicate step decides from its components."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels.near_duplicates import longest_members

Policy = Literal["first", "longest", "all"]
"""The first row by `_row_id`, the longest text (the first of equals), or all of them: nothing merges, the cluster is only named."""
MERGED = pl.Struct({"survivor": pl.UInt32, "cluster": pl.UInt32, "similarity": pl.Float64})
Indices = NDArray[np.int64]


def merged(
    rows: pl.Series,
    index: pl.Series,
    component: Indices,
    length: pl.Series,
    keep: Policy,
    similarity: Callable[[Indices, Indices], NDArray[np.float64]],
) -> pl.Series:
    """`survivor` and `cluster` (both `_index`) and the `similarity` to the survivor of every row of the struct column `rows`, as MERGED.

    Args:
        index: `_index` of the rows with a signature, ascending; the others get nulls.
        component: of each of those the place of the first member of its component.
        length: of each of those the length of its text.
        similarity: of the pairs of two arrays of places.
    """
    own = np.arange(len(index), dtype=np.int64)
    stays = own if keep == "all" else longest_members(component, length.to_numpy()) if keep == "longest" else component
    leaves = np.flatnonzero(stays != own)
    alike = np.ones(len(index), dtype=np.float64)
    alike[leaves] = similarity(leaves, stays[leaves])
    found = pl.DataFrame({"_index": index, "survivor": index.gather(stays), "cluster": index.gather(component), "similarity": alike})
    if len(index) < len(rows):
        found = rows.struct.unnest().select("_index").join(found, on="_index", how="left", maintain_order="left")
    return found.select(*(pl.col(name).cast(dtype) for name, dtype in MERGED.to_schema().items())).to_struct(rows.name)
