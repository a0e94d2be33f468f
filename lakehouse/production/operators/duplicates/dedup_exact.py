"""Exact duplicates."""

from __future__ import annotations

from functools import partial

import polars as pl
import polars_hash as plh

from lakehouse.core.text.by_value import as_text
from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Merge


@OPERATORS.register(version=2, cardinality="N:1", any_type=("columns",))
def dedup_exact(*, columns: list[str], ignore_case: bool = False) -> Merge:
    """Merge rows whose `columns` are equal into the first of them (by `_row_id`).

    Columns of any type are compared by value: lists item by item, structs field by field, decimals and dates as what they are; JSON text
    as text. Signal `key`: the first 128 bits of SHA-256 over the values with their lengths. A row with a null among the columns equals
    no other; inside of a list or a struct null equals null. Of floats, -0.0 equals 0.0, and NaN equals NaN.

    Example:
        `{dedup_exact: {columns: [text]}}`
    """
    values = [compiled(pl.col(c), partial(as_text, lower=ignore_case), pl.String) for c in columns]
    joined = pl.concat_str([part for v in values for part in (v.str.len_bytes().cast(pl.String), pl.lit(":"), v)])
    key = plh.concat_str(joined).chash.sha2_256().str.slice(0, 32)
    survivor = pl.when(pl.col("key").is_not_null()).then(pl.col("_index").min().over("key"))
    return Merge({"key": key}, survivor, cluster=survivor)
