"""Private data in columns: counted, never shown or kept."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from lakehouse.core.text.private_data import ORDER, redacted
from lakehouse.reserve.formats.columns import as_text

_NAMED: dict[str, tuple[str, ...]] = {
    "name": ("name", "full_name", "fullname", "real_name", "first_name", "last_name", "surname", "username", "user_name", "customer_name"),
    "address": ("address", "home_address", "street", "addr"),
    "birth_date": ("birthday", "birth_date", "date_of_birth", "dob"),
}
_NAMED_CHINESE = {"name": ("姓名", "客户名称", "联系人"), "address": ("地址", "住址"), "birth_date": ("生日", "出生日期", "出生年月")}
WHOLE = 0.5
"""Least share of a column of numbers that must be of a kind: a tenth of all long numbers pass Luhn by chance."""


def counted(values: pl.Series) -> dict[str, int]:
    """Rows that hold private data, by kind; a column of numbers counts only where at least half of it is of the kind."""
    found, known = hits(values), len(values) - values.null_count()
    return {kind: n for kind, n in found.items() if not is_number(values) or n >= WHOLE * max(1, known)}


def is_number(values: pl.Series) -> bool:
    """Whether a column is of numbers, also where they are kept as text."""
    if values.dtype != pl.String:
        return values.dtype.is_numeric()
    known = values.drop_nulls()
    return len(known) > 0 and bool(known.str.contains(r"^[0-9]+$").all())


def hits(values: pl.Series, kinds: Collection[str] = ORDER) -> dict[str, int]:
    """Rows in which a pattern finds private data, by kind; lists and structs are looked through as JSON text, floats and bytes not."""
    if values.dtype.is_nested():
        values = values.to_frame("v").select(as_text("v", values.dtype))["v"]
    elif values.dtype.is_integer():
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        return {}
    found: dict[str, int] = {}
    texts = values.filter(_may_hold(values))
    for kind in ORDER:
        cleaned = redacted(texts, [kind])
        if changed := int((cleaned != texts).fill_null(False).sum()):
            found[kind] = changed
        texts = cleaned
    return {kind: n for kind, n in found.items() if kind in kinds}


def _may_hold(texts: pl.Series) -> pl.Series:
    """The texts that any pattern could match: all others are done with one look."""
    return texts.str.contains(r"[0-9@\u{FF10}-\u{FF19}]|(?i)://|www\.|-----begin|[a-z0-9_\-]{16}|(?:[0-9a-f]{1,4}:){7}").fill_null(False)


def by_name(column: str) -> str | None:
    """The privacy class that a column's name speaks of, which no pattern finds: `name`, `address`, `birth_date`."""
    plain = column.strip().lower().replace("-", "_").replace(" ", "_")
    for kind, names in _NAMED.items():
        if plain in names or column.strip() in _NAMED_CHINESE[kind]:
            return kind
    return None
