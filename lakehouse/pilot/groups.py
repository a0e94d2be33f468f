"""Groups of rows: rows that share a root or a cluster, so that no model is scored on a copy of what it learnt."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def groups(rows: pl.DataFrame) -> NDArray[np.int64]:
    """The number of each row's group: rows that share `_root` or `_cluster`, directly or through others, belong together.

    Args:
        rows: `_row_id`, and `_root` and `_cluster` where known; a row without both is a group of its own.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n, numbered = rows.height, rows.with_row_index("_at")
    links = [
        numbered.select(pl.col("_at").first().over(name)).to_series().cast(pl.Int64).to_numpy()
        for name in ("_root", "_cluster")
        if name in rows.columns and not rows[name].has_nulls()
    ]
    if not links or n == 0:
        return np.arange(n)
    left, right = np.tile(np.arange(n), len(links)), np.concatenate(links)
    found = connected_components(coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n)), directed=False)[1]
    return np.asarray(found, dtype=np.int64)
