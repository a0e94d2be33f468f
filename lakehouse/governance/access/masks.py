"""Masks of values and comparisons of rows, as Polars expressions."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import polars as pl
import polars_hash as plh

from lakehouse.core.errors import SpecError
from lakehouse.governance.access.policy import FILE, Filter, Mask
from lakehouse.production.operators.privacy.redact import redact

KEY = "LAKEHOUSE_MASK_KEY"
"""The environment variable that holds the key of `hash`."""

_COMPARE: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "==": pl.Expr.eq,
    "!=": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}


def masked(column: str, dtype: pl.DataType, mask: Mask) -> pl.Expr:
    """The column as a reader sees it. A null stays null.

    `last4` keeps four characters of values of eight or more and nothing of shorter ones; `hash` is hex SHA-256 of the key and the SHA-256
    of the key and the value: the same value has the same hash under one key, and without the key none can be looked up.

    Raises:
        SpecError: the mask cannot be laid over the column's type, or `hash` has no key.
    """
    if mask.how == "null":
        return pl.lit(None, dtype).alias(column)
    if dtype.is_nested() or dtype == pl.Binary or (mask.how == "redact" and dtype != pl.String):
        raise SpecError(f"column `{column}` is {dtype}, which `{mask.how}` cannot mask", where=FILE, fix="mask it by `hide` or `null`")
    text = pl.col(column).cast(pl.String)
    if mask.how == "last4":
        kept = pl.when(text.str.len_chars() >= 8).then(pl.concat_str(pl.lit("****"), text.str.tail(4))).otherwise(pl.lit("****"))
        return pl.when(text.is_not_null()).then(kept).alias(column)
    if mask.how == "hash":
        key = _key()
        return _digest(key, _digest(key, text)).alias(column)
    return redact(column=column, kinds=list(mask.kinds)).columns[column].alias(column)


def condition(given: Filter, dtype: pl.DataType, where: str) -> pl.Expr:
    """Whether a row meets a comparison; of a null, no.

    Raises:
        SpecError: the value is of another kind than the column, or the column has no order.
    """
    values = given.value if isinstance(given.value, list) else [given.value]
    fits: type | tuple[type, ...] = (
        str if dtype == pl.String else bool if dtype == pl.Boolean else (int, float) if dtype.is_numeric() else ()  # type: ignore[assignment]
    )
    for value in values:
        if not isinstance(value, fits) or (isinstance(value, bool) and dtype != pl.Boolean):
            what = f"column `{given.column}` is {dtype}, which cannot be compared with {value!r}"
            raise SpecError(what, where=where, fix="give a value of the column's type; texts, numbers and booleans can be compared")
    column = pl.col(given.column)
    if given.op in ("in", "not in"):
        found = column.is_in(values)
        return (found if given.op == "in" else ~found).fill_null(False)
    return _COMPARE[given.op](column, values[0]).fill_null(False)


def _digest(key: str, text: pl.Expr) -> pl.Expr:
    joined = pl.concat_str(pl.lit(f"{key}:"), text)
    hashed: pl.Expr = plh.concat_str(joined).chash.sha2_256()
    return hashed


def _key() -> str:
    key = os.environ.get(KEY, "")
    if len(key) < 16:
        what = f"the mask `hash` needs a key of 16 characters or more in {KEY}"
        raise SpecError(what, where=FILE, fix=f"export {KEY}=... (openssl rand -hex 32), the same for all who compare hashes")
    return key
