"""Rows that a held-out set holds already."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import best_match
from lakehouse.core.text.kernels.simplify import FOLDED
from lakehouse.production.engine.operator import OPERATORS, Keep, Tables

_OUT = pl.Struct({"other": pl.String, "similarity": pl.Float64})


@OPERATORS.register(version=2, cardinality="1:0", decides=("dataset", "threshold"), reads="dataset")
def decontaminate(*, column: str, dataset: str, threshold: float = 0.8, unit: shingles.Unit = "words", size: int = 5) -> Keep:
    """Drop a row that equals or nearly equals a row of another dataset's gold table (such as its held-out sets).

    The similarity is the estimated Jaccard similarity of shingles, as in dedup_minhash; the column has the same name there. Signal
    `signature`. Reason `in_held_out`; the fate names the row of the other dataset. A null or empty text equals nothing.

    Example:
        `{decontaminate: {column: text, dataset: reviews_heldout, unit: characters}}`
    """

    def found(tables: Tables) -> pl.Expr:
        other = (
            tables[dataset]
            .select("_row_id", shingles.signature(column, unit, size, FOLDED).alias("signature"))
            .filter(pl.col("signature").is_not_null())
            .sort("_row_id")
        )
        theirs = shingles.matrix(other["signature"])

        def decide(signatures: pl.Series) -> pl.Series:
            known = signatures.is_not_null()
            index, similarity = best_match(shingles.matrix(signatures.drop_nulls()), theirs, shingles.BANDS, shingles.ROWS)
            names = other["_row_id"].gather(pl.Series([i if i >= 0 else None for i in index.tolist()], dtype=pl.UInt32))
            hits = pl.DataFrame({"_at": known.arg_true(), "other": names, "similarity": similarity})
            rows = pl.DataFrame({"_at": pl.arange(0, len(signatures), eager=True, dtype=pl.UInt32)})
            return rows.join(hits, on="_at", how="left", maintain_order="left").select("other", "similarity").to_struct(signatures.name)

        return pl.col("signature").map_batches(decide, return_dtype=_OUT)

    known = pl.col("match").struct.field("other").is_not_null()
    return Keep(
        {"signature": shingles.signature(column, unit, size, FOLDED)},
        {"in_held_out": (known & (pl.col("match").struct.field("similarity") >= threshold)).fill_null(False)},
        matches={"match": found},
        other=pl.col("match").struct.field("other"),
    )
