"""Splits that do not leak: near-duplicates and children of one parent are never divided."""

from __future__ import annotations

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

from lakehouse.core.errors import ContractError
from lakehouse.core.row_model import SPLITS
from lakehouse.core.spec import Splits
from lakehouse.core.text.kernels.near_duplicates import connected


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
    own = ordered["_node"].cast(pl.Int64).to_numpy()
    left, right = [own], [_first_with_same(ordered["_cluster"])]
    if (ordered["_root"] != ordered["_row_id"]).any():
        left, right = [*left, own], [*right, _first_with_same(ordered["_root"])]
    component = connected(np.concatenate(left), np.concatenate(right), n)
    return ordered.select("_at", _group=ordered["_row_id"].gather(component)).sort("_at")["_group"]


def _first_with_same(values: pl.Series) -> NDArray[np.int64]:
    """For each row the number of the first row with the same value."""
    rows = pl.DataFrame({"value": values}).with_row_index("node")
    if values.n_unique() == len(values):
        return rows["node"].cast(pl.Int64).to_numpy()
    return rows.select(pl.col("node").first().over("value").cast(pl.Int64)).to_series().to_numpy()


def assign(rows: pl.DataFrame, group: pl.Series, splits: Splits, dataset: str) -> pl.Series:
    """The split of each row, as a String column `_split`.

    Args:
        rows: with `_row_id` and, for `by: column`, that column.
        group: `groups` of the rows.

    Raises:
        ContractError: `by: column` and the column is missing or holds something else than train, validation, test.
    """
    if splits.by == "column":
        column = splits.column or ""
        if column not in rows.columns:
            raise ContractError(f"splits.column `{column}` is no column of {dataset}", fix=f"columns: {', '.join(rows.columns)}")
        named = rows[column].cast(pl.String)
        wrong = rows.filter(~named.is_in(SPLITS).fill_null(False))
        if wrong.height:
            value, row = wrong[column][0], wrong["_row_id"][0]
            raise ContractError(f"column `{column}` holds `{value}` in row {row}", fix="a split is train, validation or test")
        return named.alias("_split")
    key = group if splits.by == "cluster" else rows["_row_id"]
    names = list(splits.shares)
    edges = np.cumsum([splits.shares[name] for name in names])[:-1]
    place = pl.DataFrame({"key": key}).select(fraction(pl.col("key"), splits.seed)).to_series().to_numpy()
    return pl.Series(names, dtype=pl.String).gather(np.searchsorted(edges, place, side="right")).alias("_split")


def leaks(rows: pl.DataFrame, group: pl.Series, learnt: bool) -> dict[str, int]:
    """What more than one split holds; all zero where nothing leaks.

    Args:
        rows: with `_split`, and `_learnt` where there are columns that a model learns from (`learnt`).
        group: `groups` of the rows.

    Returns:
        `groups`: groups divided; `rows`: rows with the same `_learnt` as one in another split.
    """
    split = rows["_split"]
    return {"groups": len(_divided(group, split)), "rows": int(_divided(rows["_learnt"], split)["len"].sum()) if learnt else 0}


def _divided(key: pl.Series, split: pl.Series) -> pl.DataFrame:
    """The keys that more than one split holds, with the number of rows of each (`len`)."""
    if key.n_unique() == len(key):
        return pl.DataFrame({"key": key}).head(0).with_columns(len=pl.lit(0, pl.UInt32))
    per_key = pl.DataFrame({"key": key, "split": split}).group_by("key").agg(pl.col("split").n_unique().alias("n"), pl.len())
    return per_key.filter(pl.col("n") > 1).drop("n")
