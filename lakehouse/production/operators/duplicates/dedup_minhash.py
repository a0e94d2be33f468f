"""Near-duplicates."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from lakehouse.production.kernels.components import near_duplicate_clusters
from lakehouse.production.operator import OPERATORS, Merge
from lakehouse.production.operators.duplicates import shingles

_OUT = pl.Struct({"survivor": pl.String, "cluster": pl.String, "similarity": pl.Float64})


@OPERATORS.register(cardinality="N:1", decides=("threshold", "keep"))
def dedup_minhash(
    *,
    column: str,
    threshold: float = 0.8,
    unit: shingles.Unit = "words",
    size: int = 5,
    keep: Literal["first", "longest", "all"] = "first",
) -> Merge:
    """Merge near-duplicates: texts whose shingles have an estimated Jaccard similarity of at least `threshold`.

    112 MinHash functions (Broder 1997) over shingles of `size` words or characters (take characters for Chinese, Japanese, Thai), 16
    bands of 7; each candidate pair is verified before it is joined; clusters are connected components and do not depend on order.
    `keep` says which row stays: the first by `_row_id`, the longest text, or `all` (nothing merges, the cluster is only named, and
    splits keep it together). Signals `signature` and `length`. A null or empty text equals no other.

    Example:
        `{dedup_minhash: {column: text, threshold: 0.8, unit: characters}}`
    """

    def decide(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest()
        known = frame.filter(pl.col("signature").is_not_null()).sort("_row_id")
        signatures = shingles.matrix(known["signature"])
        component = near_duplicate_clusters(signatures, shingles.BANDS, shingles.ROWS, threshold)
        known = known.select("_row_id", "length", cluster=known["_row_id"].gather(component)).with_row_index("_index")
        order = pl.col("_row_id") if keep == "first" else pl.struct(-pl.col("length"), pl.col("_row_id"))
        stays = pl.col("_row_id") if keep == "all" else pl.col("_row_id").sort_by(order).first().over("cluster")
        place = pl.col("_index") if keep == "all" else pl.col("_index").sort_by(order).first().over("cluster")
        chosen = known.with_columns(survivor=stays, place=place)
        agree = (signatures == signatures[chosen["place"].to_numpy()]).mean(axis=1) if len(known) else np.zeros(0)
        chosen = chosen.with_columns(similarity=pl.Series(agree, dtype=pl.Float64))
        out = frame.select("_row_id").join(chosen, on="_row_id", how="left", maintain_order="left")
        return out.select("survivor", "cluster", "similarity").to_struct(rows.name)

    # One call for the step's three results: Polars computes an equal expression once.
    found = pl.struct("_row_id", "signature", "length").map_batches(decide, return_dtype=_OUT)
    return Merge(
        {"signature": shingles.signature(column, unit, size), "length": pl.col(column).str.len_chars().cast(pl.Int64)},
        survivor=found.struct.field("survivor"),
        cluster=found.struct.field("cluster"),
        evidence=found.struct.field("similarity"),
    )
