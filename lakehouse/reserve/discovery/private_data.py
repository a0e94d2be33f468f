"""Private data in columns: counted by the place inside of the column where it stands, never shown or kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.private_data import ORDER, redacted
from lakehouse.reserve.discovery.leaves import ValuesAt, leaves_of

_NAMED: dict[str, tuple[str, ...]] = {
    "name": ("name", "full_name", "fullname", "real_name", "first_name", "last_name", "surname", "username", "user_name", "customer_name"),
    "address": ("address", "home_address", "street", "addr"),
    "birth_date": ("birthday", "birth_date", "date_of_birth", "dob"),
}
_NAMED_CHINESE = {"name": ("姓名", "客户名称", "联系人"), "address": ("地址", "住址"), "birth_date": ("生日", "出生日期", "出生年月")}
WHOLE = 0.5
"""Least share of the numbers with as many digits that must be of a kind: a tenth of all long numbers pass Luhn by chance."""
_SEVERAL = 2
"""Fewest numbers that tell of a kind: one may be what it is by chance."""


@dataclass(frozen=True)
class PrivateData:
    """What a column holds of private data, each kind with its number of rows.

    Attributes:
        kinds: of the whole column.
        places: by the path inside of the column; its name, where it is plain.
    """

    kinds: dict[str, int]
    places: dict[str, dict[str, int]]


def private_data(values: pl.Series, kinds: Collection[str] = ORDER) -> PrivateData:
    """What a column holds, found in one look through it."""
    found = _rows(values, kinds)
    of_kind = {kind: [rows[kind] for rows in found.values() if kind in rows] for kind in ORDER}
    return PrivateData(
        {kind: len(np.unique(np.concatenate(rows))) for kind, rows in of_kind.items() if rows},
        {path: {kind: len(np.unique(each)) for kind, each in rows.items()} for path, rows in found.items()},
    )


def _rows(values: pl.Series, kinds: Collection[str]) -> dict[str, dict[str, NDArray[np.int64]]]:
    found: dict[str, dict[str, NDArray[np.int64]]] = {}
    for leaf in leaves_of(values, _holds_any):
        rows = {kind: leaf.rows[mask.arg_true().to_numpy()] for kind, mask in _masks(leaf).items() if kind in kinds}
        for kind, each in rows.items():
            found.setdefault(leaf.path, {})[kind] = np.concatenate([found.get(leaf.path, {}).get(kind, each[:0]), each])
    return found


def _masks(leaf: ValuesAt) -> dict[str, pl.Series]:
    """Which values hold what; of numbers, kinds that others with as many digits are not."""
    texts = leaf.values if leaf.values.dtype == pl.String else leaf.values.cast(pl.String)
    looked_at = _may_hold(texts)
    kept = texts.filter(looked_at)
    at = looked_at.arg_true()
    found: dict[str, pl.Series] = {}
    for kind in ORDER if len(kept) else ():
        cleaned = redacted(kept, [kind])
        changed = (cleaned != kept).fill_null(False)
        if changed.any():
            found[kind] = pl.repeat(False, len(texts), eager=True).scatter(at.filter(changed), True)
        kept = cleaned
    if is_number(leaf.values):
        found = {kind: _of_whole_groups(texts, mask) for kind, mask in found.items()}
    return {kind: mask for kind, mask in found.items() if mask.any()}


def _of_whole_groups(numbers: pl.Series, mask: pl.Series) -> pl.Series:
    """Those among numbers that are of a kind with at least half of the numbers of as many digits."""
    groups = pl.DataFrame({"digits": numbers.str.len_chars(), "of": mask})
    several, whole = pl.col("of").sum().over("digits") >= _SEVERAL, pl.col("of").mean().over("digits") >= WHOLE
    return groups.select(pl.col("of") & several & whole).to_series()


def is_number(values: pl.Series) -> bool:
    """Whether a column is of numbers, also where they are kept as text."""
    if values.dtype != pl.String:
        return values.dtype.is_numeric()
    known = values.drop_nulls()
    return len(known) > 0 and bool(known.str.contains(r"^[0-9]+$").all())


def _holds_any(texts: pl.Series) -> bool:
    kept = texts.filter(_may_hold(texts))
    return bool((redacted(kept, ORDER) != kept).any()) or bool(kept.str.contains("\\u", literal=True).any())


def _may_hold(texts: pl.Series) -> pl.Series:
    """The texts that any pattern could match: all others are done with one look."""
    return texts.str.contains(
        r"[0-9@\u{FF10}-\u{FF19}]|(?i)://|www\.|-----begin|[a-z0-9_\-]{16}| at |[\[({<] ?(?:at|arroba|собака) ?[\])}>]"
    ).fill_null(False)


def by_name(column: str) -> str | None:
    """The privacy class that a column's name speaks of, which no pattern finds: `name`, `address`, `birth_date`."""
    plain = column.strip().lower().replace("-", "_").replace(" ", "_")
    for kind, names in _NAMED.items():
        if plain in names or column.strip() in _NAMED_CHINESE[kind]:
            return kind
    return None
