"""Near-duplicates."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.production.engine.operator import OPERATORS, Merge
from lakehouse.production.operators.duplicates import survivors


@OPERATORS.register(version=1, cardinality="N:1", decides=("threshold", "keep"))
def dedup_minhash(
    *,
    column: str,
    threshold: float = 0.8,
    unit: shingles.Unit = "words",
    size: int = 5,
    keep: survivors.Policy = "first",
) -> Merge:
    """Merge near-duplicates: texts whose shingles have an estimated Jaccard similarity of at least `threshold`.

    112 MinHash functions (Broder 1997) over shingles of `size` words or characters (take characters for Chinese, Japanese, Thai), 16
    bands of 7; each candidate pair is verified before it is joined; clusters are connected components and do not depend on order.
    `keep` decides which row stays: the first by `_row_id`, the longest text, or `all` (nothing merges, the cluster is only named, and
    splits keep it together). Signals `signature` and `length`. A null or empty text equals no other.

    Example:
        `{dedup_minhash: {column: text, threshold: 0.8, unit: characters}}`
    """

    def decide(rows: pl.Series) -> pl.Series:
        known = rows.struct.unnest().filter(pl.col("signature").is_not_null()).sort("_index")
        signatures = shingles.matrix(known["signature"])
        component = near_duplicate_clusters(signatures, shingles.BANDS, shingles.ROWS, threshold)
        agreement = lambda left, right: shingles.agreement(signatures, left, right)  # noqa: E731
        return survivors.merged(rows, known["_index"], component, known["length"], keep, agreement)

    found = pl.struct("_index", "signature", "length").map_batches(decide, return_dtype=survivors.MERGED)
    return Merge(
        {"signature": shingles.signature(column, unit, size), "length": pl.col(column).str.len_chars().cast(pl.Int64)},
        survivor=found.struct.field("survivor"),
        cluster=found.struct.field("cluster"),
        evidence=found.struct.field("similarity"),
    )
