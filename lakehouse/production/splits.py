"""Splits that do not leak: what is declared to belong together is never divided, or all of test is later than all of train."""

from __future__ import annotations

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray

from lakehouse.core.errors import ContractError
from lakehouse.core.row_model import SPLITS
from lakehouse.core.spec import Splits
from lakehouse.core.text.kernels.near_duplicates import connected
from lakehouse.core.text.numbers import counted


def fraction(key: pl.Expr, seed: int) -> pl.Expr:
    """A number in [0, 1) for each key: the first 52 bits of SHA-256 over seed and key. Equal keys get equal numbers, always."""
    hashed: pl.Expr = plh.concat_str(pl.concat_str(pl.lit(f"{seed}:"), key)).chash.sha2_256()
    return hashed.str.slice(0, 13).str.to_integer(base=16, dtype=pl.Int64).cast(pl.Float64) / float(1 << 52)


def require(rows: pl.DataFrame, splits: Splits, dataset: str) -> None:
    """Refuse splits by columns that are not there (ContractError)."""
    for column in splits.named:
        if column not in rows.columns:
            key = "columns" if column in (splits.columns or ()) else "column"
            raise ContractError(f"splits.{key} `{column}` is no column of {dataset}", fix=f"columns: {', '.join(_own(rows.columns))}")


def groups(rows: pl.DataFrame, splits: Splits | None = None) -> pl.Series:
    """The group of each row, named by its smallest `_row_id`: rows linked with each other, directly or through others.

    Linked are rows that share `_root` or `_cluster`; with `by: group` also those equal in all of its columns, with `by: pair` those that
    have a value of either side in common, on whichever side it stands. A null links nothing.

    Args:
        rows: with `_row_id`, `_root`, `_cluster` and the columns that `splits` names.
    """
    n = rows.height
    if n == 0:
        return pl.Series("_group", [], dtype=pl.String)
    more = (splits.columns if splits is not None else None) or []
    ordered = rows.select("_row_id", "_root", "_cluster", *more).with_row_index("_at").sort("_row_id").with_row_index("_node")
    own = ordered["_node"].cast(pl.Int64).to_numpy()
    left, right = [own], [_first_with_same(ordered["_cluster"])]
    if (ordered["_root"] != ordered["_row_id"]).any():
        left, right = [*left, own], [*right, _first_with_same(ordered["_root"])]
    if splits is not None and splits.by == "group":
        named = pl.col(more)
        known = pl.when(pl.all_horizontal(named.is_not_null())).then(pl.struct(named))
        left, right = [*left, own], [*right, _first_with_same(ordered.select(value=known).to_series())]
    if splits is not None and splits.by == "pair":
        sides = [ordered[column].cast(pl.String) for column in more]
        first = _first_with_same(pl.concat([side.alias("side") for side in sides])) % n
        left, right = [*left, own, own], [*right, first[:n], first[n:]]
    component = connected(np.concatenate(left), np.concatenate(right), n)
    return ordered.select("_at", _group=ordered["_row_id"].gather(component)).sort("_at")["_group"]


def _first_with_same(values: pl.Series) -> NDArray[np.int64]:
    """For each row the number of the first row with the same value; of a null its own."""
    rows = pl.DataFrame({"value": values}).with_row_index("node")
    if values.n_unique() == len(values):
        return rows["node"].cast(pl.Int64).to_numpy()
    first = pl.when(pl.col("value").is_null()).then(pl.col("node")).otherwise(pl.col("node").first().over("value"))
    return rows.select(first.cast(pl.Int64)).to_series().to_numpy()


def assign(rows: pl.DataFrame, group: pl.Series, splits: Splits, dataset: str) -> pl.Series:
    """The split of each row, as a String column `_split`.

    Args:
        rows: with `_row_id` and the columns that `splits` names (`require`).
        group: `groups` of the rows.

    Raises:
        ContractError: the column of `by: column` holds something else than train, validation, test; that of
            `by: time` is empty somewhere, or holds no times.
    """
    if splits.by == "column":
        column = splits.column or ""
        named = rows[column].cast(pl.String)
        wrong = rows.filter(~named.is_in(SPLITS).fill_null(False))
        if wrong.height:
            value, row = wrong[column][0], wrong["_row_id"][0]
            raise ContractError(f"column `{column}` holds `{value}` in row {row}", fix="a split is train, validation or test")
        return named.alias("_split")
    if splits.by == "time":
        return _by_time(rows, splits, dataset)
    key = rows["_row_id"] if splits.by == "row" else group
    names = list(splits.shares)
    edges = np.cumsum([splits.shares[name] for name in names])[:-1]
    place = pl.DataFrame({"key": key}).select(fraction(pl.col("key"), splits.seed)).to_series().to_numpy()
    return pl.Series(names, dtype=pl.String).gather(np.searchsorted(edges, place, side="right")).alias("_split")


def _by_time(rows: pl.DataFrame, splits: Splits, dataset: str) -> pl.Series:
    """The earliest rows are train, the latest test. Rows of one time stay together, so that each split is later than the one before."""
    column = splits.column or ""
    times = rows[column]
    if not (times.dtype.is_temporal() or times.dtype.is_numeric()):
        fix = "declare it a `date` or a `timestamp` under `columns:` of the source"
        raise ContractError(f"splits.column `{column}` of {dataset} is {times.dtype}, which is no time", fix=fix)
    empty = times.is_null() | (times.is_nan() if times.dtype.is_float() else False)
    if empty.any():
        row = rows.filter(empty)["_row_id"][0]
        fix = "drop such rows in the recipe, or let the contract refuse them (no `nullable=True`)"
        raise ContractError(
            f"{counted(int(empty.sum()), 'row')} of {dataset} without `{column}` to be split by, the first is {row}", fix=fix
        )
    names = list(splits.shares)
    edges = np.cumsum([splits.shares[name] for name in names])[:-1]
    # A row stands in the middle of the rows of its time: a day with most of the rows goes where most of it belongs.
    place = ((times.rank("min") + times.rank("max") - 1).to_numpy() / 2) / max(1, rows.height)
    return pl.Series(names, dtype=pl.String).gather(np.searchsorted(edges, place, side="right")).alias("_split")


def _own(columns: list[str]) -> list[str]:
    return [column for column in columns if not column.startswith("_")]
