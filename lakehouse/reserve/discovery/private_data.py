"""Private data in columns: counted, never shown or kept."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.private_data import ORDER, redacted
from lakehouse.reserve.formats.columns import as_text

_NAMED: dict[str, tuple[str, ...]] = {
    "name": ("name", "full_name", "fullname", "real_name", "first_name", "last_name", "surname", "username", "user_name", "customer_name"),
    "address": ("address", "home_address", "street", "addr"),
    "birth_date": ("birthday", "birth_date", "date_of_birth", "dob"),
}
_NAMED_CHINESE = {"name": ("姓名", "客户名称", "联系人"), "address": ("地址", "住址"), "birth_date": ("生日", "出生日期", "出生年月")}
_WHOLE = 0.5
"""Least share of a column of numbers that must be of a kind: a tenth of all long numbers pass Luhn by chance."""


def counted(values: pl.Series) -> dict[str, int]:
    """Rows that hold private data, by kind; a column of numbers counts only where at least half of it is of the kind."""
    if values.dtype.is_nested():
        return _in_texts(values.to_frame("v").select(as_text("v", values.dtype))["v"])
    if values.dtype.is_integer():
        found = _in_texts(values.cast(pl.String))
        return {kind: n for kind, n in found.items() if n >= _WHOLE * max(1, values.len() - values.null_count())}
    return _in_texts(values) if values.dtype == pl.String else {}


def _in_texts(texts: pl.Series) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in ORDER:
        cleaned = redacted(texts, [kind])
        if changed := int((cleaned != texts).fill_null(False).sum()):
            found[kind] = changed
        texts = cleaned
    return found


def by_name(column: str) -> str | None:
    """The privacy class that a column's name speaks of, which no pattern finds: `name`, `address`, `birth_date`."""
    plain = column.strip().lower().replace("-", "_").replace(" ", "_")
    for kind, names in _NAMED.items():
        if plain in names or column.strip() in _NAMED_CHINESE[kind]:
            return kind
    return None
