"""Profile of a column: its type, how full and how varied it is, and its likely role."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from lakehouse.core.spec.source import Column
from lakehouse.reserve.discovery import private_data

Role = Literal["key", "label", "text", "date", "constant", "value"]
_LABELS = 200
_KEY_NAME = re.compile(r"(^|[_\W])(id|ids|key|no|nr|number|code|index|row)$|Id$|ID$|[号號]码?$|编号|序号")
_TEXT = 15
"""Fewest characters on average of a text column."""
_LETTERS = 0.4
"""Least share of letters in a text: lists of numbers are none."""
_SHOWN = 40
_LABEL_NAMES = ("label", "labels", "category", "class", "topic", "sentiment", "target", "y", "species", "标签", "类别", "分类", "情感")


@dataclass(frozen=True)
class ColumnProfile:
    """One column of the sample.

    Attributes:
        form: its type, and the way its values are written, as `columns:` of a source declares them.
        nulls: share of all rows that have no value, or NaN.
        distinct: share of the rows with a value.
        least: smallest finite number, or date, as text that gives the same number again.
        most: greatest finite number, or date, likewise.
        not_finite: which of `NaN`, `inf` and `-inf` are among the numbers.
        length: mean characters.
        shortest: fewest characters.
        longest: most characters.
        role: what it may be for.
        values: rows by value, of a likely label; none for a column with private data.
        examples: a few values; none for a column with private data.
        private: rows by kind of private data.
        private_at: kinds by the path inside of the column where they stand.
        named: privacy class that its name speaks of.
        languages: share by language of a likely text.
        note: another way in which its values may be read.
    """

    name: str
    form: Column
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
    private_at: dict[str, tuple[str, ...]] = field(default_factory=dict)
    named: str | None = None
    languages: dict[str, float] = field(default_factory=dict)
    note: str | None = None
    not_finite: tuple[str, ...] = ()
    shortest: int | None = None

    @property
    def type(self) -> str:
        """Its type in a word."""
        return self.form.type

    @property
    def span(self) -> str | None:
        """Its least and greatest value for people: floats to 15 digits; None where it has none."""
        if self.least is None or self.most is None:
            return None
        if self.form.dtype.is_float():
            return f"{float(self.least):.15g} to {float(self.most):.15g}"
        return f"{self.least} to {self.most}"

    @property
    def is_private(self) -> bool:
        """Whether nothing of it may be shown."""
        return bool(self.private) or self.named is not None


def described(values: pl.Series, form: Column) -> ColumnProfile:
    """One column.

    Args:
        values: as sampled, in the type of `form`.
    """
    known = values.drop_nulls()
    text = values.dtype == pl.String
    found = private_data.private_data(values)
    named = private_data.by_name(values.name) if text else None
    hidden = bool(found.kinds) or named is not None
    # NaN is no number: no range holds it, and a contract takes it for a missing value.
    without = int(values.is_nan().sum() or 0) if values.dtype.is_float() else 0
    ordered = not hidden and (values.dtype.is_temporal() or values.dtype.is_numeric())
    finite = known.filter(known.is_finite()) if known.dtype.is_float() else known
    length = known.str.len_chars() if text and len(known) else None
    distinct = known.n_unique() if not values.dtype.is_nested() else known.len()
    # Python has no years before 1, which files have: days and times are shown as Polars writes them.
    shown = known.dt.to_string().str.replace(".000000", "", literal=True) if values.dtype.is_temporal() else known
    ends: tuple[str | None, str | None] = (None, None)
    if ordered and len(finite):
        in_time = values.dtype.is_temporal()
        ends = (str(shown[known.arg_min() or 0]), str(shown[known.arg_max() or 0])) if in_time else (str(finite.min()), str(finite.max()))
    mean = float(str(length.mean())) if length is not None else None
    role = _role(values, known, form.type, distinct, mean)
    labelled = role == "label" and not hidden
    return ColumnProfile(
        name=values.name,
        form=form,
        nulls=(values.null_count() + without) / max(1, len(values)),
        distinct=distinct / max(1, len(known)),
        least=ends[0],
        most=ends[1],
        not_finite=_not_finite(known) if known.dtype.is_float() else (),
        length=mean,
        shortest=int(str(length.min())) if length is not None else None,
        longest=int(str(length.max())) if length is not None else None,
        role=role,
        values={str(value): n for value, n in known.value_counts(sort=True).head(_LABELS).iter_rows()} if labelled else {},
        examples=() if hidden else tuple(_short(str(v)) for v in shown.head(1000).unique(maintain_order=True).head(3).to_list()),
        private=found.kinds,
        private_at={path: tuple(kinds) for path, kinds in found.places.items()},
        named=named,
    )


def _role(values: pl.Series, known: pl.Series, kind: str, distinct: int, length: float | None) -> Role:
    rows = len(values)
    if values.dtype.is_nested() or kind in ("json", "binary"):
        return "value"
    if len(known) and distinct == 1 and rows > 1:
        return "constant"
    if values.dtype.is_temporal():
        return "date"
    few = 2 <= distinct <= min(_LABELS, max(2, int(len(known) ** 0.5)))
    if kind in ("string", "int", "bool") and few and (length or 0) <= 64 and (kind != "int" or distinct <= 20):
        return "label"
    if kind == "string" and (length or 0) + _han(known) >= _TEXT and not _codes(known) and _letters(known) >= _LETTERS:
        return "text"
    whole = rows > 1 and len(known) == rows and distinct == rows
    if kind in ("string", "int") and whole:
        return "key"
    return "value"


def _han(known: pl.Series) -> float:
    """Han characters of a value on average: each says as much as a short word."""
    return float(str(known.str.count_matches(r"\p{Han}").mean() or 0))


def _letters(known: pl.Series) -> float:
    """Share of the characters that are letters."""
    total = int(known.str.len_chars().sum() or 0)
    return int(known.str.count_matches(r"\p{L}").sum() or 0) / max(1, total)


def _codes(known: pl.Series) -> bool:
    """Whether values are codes such as UUIDs and hashes: long, without a blank or a letter outside ASCII."""
    return bool(known.str.contains(r"^[A-Za-z0-9_.:/+=\-]+$").all())


def named_like_a_key(column: ColumnProfile) -> bool:
    """Whether a unique column is no measurement: a text, or a number called an id or a number of something."""
    return column.form.dtype == pl.String or bool(_KEY_NAME.search(column.name))


def named_like_a_label(column: ColumnProfile) -> bool:
    """Whether its name is that of a label."""
    return column.name.lower() in _LABEL_NAMES


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def _not_finite(known: pl.Series) -> tuple[str, ...]:
    """Which of NaN and the infinities are among numbers."""
    infinite = known.filter(known.is_infinite())
    found = {"NaN": known.is_nan().any(), "inf": (infinite > 0).any(), "-inf": (infinite < 0).any()}
    return tuple(name for name, there in found.items() if there)
