"""Splits that do not leak: near-duplicates and children of one parent are never divided."""

from __future__ import annotations

import numpy as np
import polars as pl
import polars_hash as plh

from lakehouse.errors import ContractError
from lakehouse.production.kernels.components import connected
from lakehouse.spec import Splits


def fraction(key: pl.Expr, seed: int) -> pl.Expr:
    """A number in [0, 1) for each key: the first 52 bits of SHA-256 over seed and key. Equal keys get equal numbers, always."""
    hashed: pl.Expr = plh.concat_str(pl.concat_str(pl.lit(f"{seed}:"), key)).chash.sha2_256()
    return hashed.str.slice(0, 13).str.to_integer(base=16, dtype=pl.Int64).cast(pl.Float64) / float(1 << 52)


def groups(rows: pl.DataFrame) -> pl.Series:
    """The group of each row: rows that share `_root` or `_cluster`, directly or through others; named by its smallest `_row_id`."""
    n = rows.height
    if n == 0:
        return pl.Series("_group", [], dtype=pl.String)
    ordered = rows.select("_row_id", "_root", "_cluster").with_row_index("_at").sort("_row_id").with_row_index("_node")
    nodes = ordered.with_columns(
        pl.col("_node").min().over("_root").cast(pl.Int64).alias("root"),
        pl.col("_node").min().over("_cluster").cast(pl.Int64).alias("cluster"),
        pl.col("_node").cast(pl.Int64),
    )
    own = nodes["_node"].to_numpy()
    left, right = np.concatenate([own, own]), np.concatenate([nodes["root"].to_numpy(), nodes["cluster"].to_numpy()])
    component = connected(left, right, n)
    return nodes.with_columns(_group=nodes["_row_id"].gather(component)).sort("_at")["_group"]


def assign(rows: pl.DataFrame, splits: Splits, dataset: str) -> pl.Series:
    """The split of each row, as a String column `_split`.

    Args:
        rows: with `_row_id`, `_root`, `_cluster` and, for `by: column`, that column.

    Raises:
        ContractError: `by: column` and the column is missing or holds something else than train, validation, test.
    """
    if splits.by == "column":
        column = splits.column or ""
        if column not in rows.columns:
            raise ContractError(f"splits.column `{column}` is no column of {dataset}", fix=f"columns: {', '.join(rows.columns)}")
        named = rows[column].cast(pl.String)
        wrong = rows.filter(~named.is_in(["train", "validation", "test"]).fill_null(False))
        if wrong.height:
            value, row = wrong[column][0], wrong["_row_id"][0]
            raise ContractError(f"column `{column}` holds `{value}` in row {row}", fix="a split is train, validation or test")
        return named.alias("_split")
    key = groups(rows) if splits.by == "cluster" else rows["_row_id"]
    names = list(splits.shares)
    edges = np.cumsum([splits.shares[name] for name in names])[:-1]
    place = pl.DataFrame({"key": key}).select(fraction(pl.col("key"), splits.seed)).to_series().to_numpy()
    return pl.Series("_split", np.array(names, dtype=object)[np.searchsorted(edges, place, side="right")].tolist(), dtype=pl.String)


def leaks(rows: pl.DataFrame, columns: list[str]) -> dict[str, int]:
    """What more than one split holds: `groups` by root and cluster, and `rows` equal in `columns`; all zero where nothing leaks."""
    grouped = rows.select("_split", groups(rows))
    apart = grouped.group_by("_group").agg(pl.col("_split").n_unique().alias("n")).filter(pl.col("n") > 1).height
    equal = 0
    if columns:
        values = rows.select(
            "_split", pl.concat_str([pl.col(c).cast(pl.String).fill_null("") for c in columns], separator="\x1f").alias("value")
        )
        equal = values.filter(pl.col("_split").n_unique().over("value") > 1).height
    return {"groups": apart, "rows": equal}
