"""Keys: the identity of an item of a source from one collection to the next."""

from __future__ import annotations

from typing import Literal

import polars as pl
import polars_hash as plh

_LONG = 200
"""A key of more bytes than this is replaced by its SHA-256."""

Key = Literal["position", "content"] | list[str]


def keyed(rows: pl.DataFrame, key: Key) -> pl.DataFrame:
    """`rows` with `_key`; needs `_file`, `_position`, `_content`.

    position: `<file>:<position, 9 digits>`. content: the first 32 hex digits of the content. Columns: their values joined by `|`,
    with `~` written `~0`, `|` written `~1` (as RFC 6901 does for its separator) and `#` written `~h`, so that neither a suffix `~2`
    nor the `#0` of a row that a recipe cuts from this one is ever part of a value.
    An item without a value in some key column has the key `~x` and the first 32 digits of its content, and the finding
    `missing_key` if it could be read.
    """
    content = pl.col("_content").str.slice(0, 32)
    if key == "position":
        return rows.with_columns(pl.concat_str("_file", pl.lit(":"), pl.col("_position").cast(pl.String).str.zfill(9)).alias("_key"))
    if key == "content":
        return rows.with_columns(content.alias("_key"))
    joined = pl.concat_str([_escaped(pl.col(name).cast(pl.String)) for name in key], separator="|")
    short: pl.Expr = pl.when(joined.str.len_bytes() > _LONG).then(plh.concat_str(joined).chash.sha2_256()).otherwise(joined)
    finding = pl.lit(["missing_key"], dtype=pl.List(pl.String))
    return rows.with_columns(short.alias("_key")).with_columns(
        pl.coalesce("_key", pl.concat_str(pl.lit("~x"), content)).alias("_key"),
        pl.when(pl.col("_key").is_null() & pl.col("_raw").is_null() & (pl.col("_blob").is_null() | (pl.col("_findings").list.len() == 0)))
        .then(pl.concat_list("_findings", finding))
        .otherwise("_findings")
        .alias("_findings"),
    )


def _escaped(value: pl.Expr) -> pl.Expr:
    for sign, written in (("~", "~0"), ("|", "~1"), ("#", "~h")):
        value = value.str.replace_all(sign, written, literal=True)
    return value


def copies(rows: pl.DataFrame, seen: list[pl.Series]) -> pl.Series:
    """How many rows with the same `_key` came before each row, in `rows` and in the keys `seen` in earlier batches."""
    within = rows.select(pl.int_range(pl.len()).over("_key").alias("n"))["n"].cast(pl.Int64)
    earlier = [block.filter(block.is_in(rows["_key"].implode())) for block in seen]
    hits = pl.concat(earlier).value_counts(name="before") if earlier else None
    if hits is None or hits.is_empty():
        return within
    before = rows.select("_key").join(hits.rename({hits.columns[0]: "_key"}), on="_key", how="left", maintain_order="left")["before"]
    return within + before.fill_null(0).cast(pl.Int64)


def row_ids(rows: pl.DataFrame, source: str, key: Key, seen: list[pl.Series]) -> pl.DataFrame:
    """`rows` with `_row_id`, from `_key` and the keys `seen` before; a repeated column key gets `~2`, `~3` and `duplicate_key`."""
    prefix = pl.lit(f"{source}/")
    if key == "position":
        return rows.with_columns(pl.concat_str(prefix, "_key").alias("_row_id"))
    rows = rows.with_columns(copies(rows, seen).alias("_copies"))
    number = (pl.col("_copies") + 1).cast(pl.String)
    if key == "content":
        return rows.with_columns(pl.concat_str(prefix, "_key", pl.lit(":"), number.str.zfill(6)).alias("_row_id")).drop("_copies")
    repeated = pl.col("_copies") > 0
    named = ~pl.col("_key").str.starts_with("~x")
    return rows.with_columns(
        pl.concat_str(prefix, "_key", pl.when(repeated).then(pl.concat_str(pl.lit("~"), number)).otherwise(pl.lit(""))).alias("_row_id"),
        pl.when(repeated & named)
        .then(pl.concat_list("_findings", pl.lit(["duplicate_key"], dtype=pl.List(pl.String))))
        .otherwise("_findings")
        .alias("_findings"),
    ).drop("_copies")
