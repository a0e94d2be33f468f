"""Exact duplicates."""

from __future__ import annotations

import polars as pl
import polars_hash as plh

from lakehouse.production.engine.operator import OPERATORS, Merge


@OPERATORS.register(version=1, cardinality="N:1")
def dedup_exact(*, columns: list[str], ignore_case: bool = False) -> Merge:
    """Merge rows whose `columns` are equal into the first of them (by `_row_id`).

    Signal `key`: the first 128 bits of SHA-256 over the values with their lengths. A row with a null among the columns equals no other.

    Example:
        `{dedup_exact: {columns: [text]}}`
    """
    values = [pl.col(c).cast(pl.String).str.to_lowercase() if ignore_case else pl.col(c).cast(pl.String) for c in columns]
    joined = pl.concat_str([part for v in values for part in (v.str.len_bytes().cast(pl.String), pl.lit(":"), v)])
    key = plh.concat_str(joined).chash.sha2_256().str.slice(0, 32)
    survivor = pl.when(pl.col("key").is_not_null()).then(pl.col("_index").min().over("key"))
    return Merge({"key": key}, survivor, cluster=survivor)
