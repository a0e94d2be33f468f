"""Profile of a column: its type, how full and how varied it is, and its likely role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from lakehouse.reserve.discovery import private_data

Role = Literal["key", "label", "text", "date", "constant", "value"]
INT = r"^-?(?:0|[1-9][0-9]{0,17})$"
FLOAT = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?$"
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y年%m月%d日", "%Y%m%d")
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.f%:z", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M")
_LABELS = 200
_TEXT = 15
"""Fewest characters on average of a text column."""
_SHOWN = 40
_LABEL_NAMES = ("label", "category", "class", "topic", "sentiment", "target", "y", "标签", "类别")


@dataclass(frozen=True)
class ColumnProfile:
    """One column of the sample.

    Attributes:
        type: as `columns:` of a source names it (`string`, `int`, `float`, `bool`, `json`), or a Polars type it has no word for.
        date: format of dates written as text.
        nulls: share of all rows.
        distinct: share of the rows with a value.
        least: smallest number, or date as text.
        most: greatest number, or date as text.
        length: mean characters.
        longest: most characters.
        role: what it may be for.
        values: rows by value, of a likely label; none for a column with private data.
        examples: a few values; none for a column with private data.
        private: rows by kind of private data.
        named: privacy class that its name speaks of.
        languages: share by language of a likely text.
    """

    name: str
    type: str
    date: str | None
    nulls: float
    distinct: float
    least: str | None
    most: str | None
    length: float | None
    longest: int | None
    role: Role
    values: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    private: dict[str, int] = field(default_factory=dict)
    named: str | None = None
    languages: dict[str, float] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether nothing of it may be shown."""
        return bool(self.private) or self.named is not None


def typed(values: pl.Series) -> str:
    """The type that holds all values of a text column unchanged: `bool`, `int`, `float`, else `string`.

    A number with a leading zero or plus sign, or of more than 18 digits (15 with a point), is text: as a number it would not come back.
    """
    known = values.drop_nulls()
    if known.is_empty():
        return "string"
    if known.str.to_lowercase().is_in(["true", "false"]).all():
        return "bool"
    if known.str.contains(INT).all() and not (known == "-0").any():
        return "int"
    return "float" if known.str.contains(FLOAT).all() else "string"


def dates(values: pl.Series) -> str | None:
    """The format in which all values of a text column are dates or times."""
    known = values.drop_nulls()
    if known.is_empty() or not known.head(50).str.contains(r"^[0-9]{2,4}[-/.年]?[0-9]{2}").all():
        return None
    for form in (*DATES, *TIMES):
        kind = pl.Date if form in DATES else pl.Datetime
        try:
            if known.str.strptime(kind, form, strict=False).null_count() == 0:
                return form
        except pl.exceptions.PolarsError:
            continue
    return None


def described(values: pl.Series, kind: str) -> ColumnProfile:
    """One column.

    Args:
        values: as sampled.
        kind: its type as found (see `Column.type`).
    """
    known = values.drop_nulls()
    text = values.dtype == pl.String
    found = private_data.counted(values)
    named = private_data.by_name(values.name) if text else None
    hidden = bool(found) or named is not None
    date = dates(values) if text and kind in ("string", "int") else None
    comparable = known.cast(pl.Float64) if kind in ("int", "float") and text else known
    ordered = not hidden and (kind in ("int", "float") or date is not None or values.dtype.is_temporal() or values.dtype.is_numeric())
    length = known.str.len_chars() if text and len(known) else None
    distinct = known.n_unique() if not values.dtype.is_nested() else known.len()
    mean = float(str(length.mean())) if length is not None else None
    role = _role(values, known, kind, date, distinct, mean)
    labelled = role == "label" and not hidden
    return ColumnProfile(
        name=values.name,
        type=kind,
        date=date,
        nulls=values.null_count() / max(1, len(values)),
        distinct=distinct / max(1, len(known)),
        least=_plain(comparable.min()) if ordered and len(known) else None,
        most=_plain(comparable.max()) if ordered and len(known) else None,
        length=mean,
        longest=int(str(length.max())) if length is not None else None,
        role=role,
        values={str(value): n for value, n in known.value_counts(sort=True).head(_LABELS).iter_rows()} if labelled else {},
        examples=() if hidden else tuple(_short(str(v)) for v in known.unique(maintain_order=True).head(3)),
        private=found,
        named=named,
    )


def _role(values: pl.Series, known: pl.Series, kind: str, date: str | None, distinct: int, length: float | None) -> Role:
    rows = len(values)
    if len(known) and distinct == 1 and rows > 1:
        return "constant"
    if date is not None or values.dtype.is_temporal():
        return "date"
    few = 2 <= distinct <= min(_LABELS, max(2, int(len(known) ** 0.5)))
    if kind in ("string", "int", "bool") and few and (length or 0) <= 64 and (kind != "int" or distinct <= 20):
        return "label"
    if kind == "string" and (length or 0) >= _TEXT and not _codes(known):
        return "text"
    whole = rows > 1 and len(known) == rows and distinct == rows
    if kind in ("string", "int") and whole:
        return "key"
    return "value"


def _codes(known: pl.Series) -> bool:
    """Whether values are codes such as UUIDs and hashes: long, without a blank or a letter outside ASCII."""
    return bool(known.str.contains(r"^[A-Za-z0-9_.:/+=\-]+$").all())


def named_like_a_label(column: ColumnProfile) -> bool:
    """Whether its name is that of a label."""
    return column.name.lower() in _LABEL_NAMES


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def _plain(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
