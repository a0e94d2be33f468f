"""How a column of texts is written: the type that holds all its values unchanged, and the marks and words it is written with."""

from __future__ import annotations

import polars as pl

from lakehouse.core.spec.column_type import made, written
from lakehouse.core.spec.source import Column
from lakehouse.reserve.formats.reading_text import nested

NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "none", "nil", "-", "--", "?", "無", "无", "空")
"""Texts that mean no value where all others of the column are numbers, dates or truth values."""
INT = r"^-?(?:0|[1-9][0-9]{0,17})$"
_FLOAT = r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_DIGITS = 17
"""Significant digits that a float of 64 bits gives back (IEEE 754)."""
_GROUPED = r"^-?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
_GROUPED_COMMA = r"^-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?$"
_COMMA = r"^-?(?:0|[1-9][0-9]*),[0-9]+$"
DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y年%m月%d日",
    "%Y%m%d",
    "%d-%m-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%b %d %Y",
)
TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
)
_ISO = {*TIMES[:4], *TIMES[4:8], "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S"}
"""Forms that a declaration need not name."""
_YEARS = (1800, 2200)
_FIELDS = 40
_DEEPEST = 16
"""Most lists and objects within one another that are a type; deeper ones, such as trees, are JSON."""


def form(values: pl.Series, separator: str = ",") -> Column:
    """The narrowest of `bool`, `int`, `float`, `date`, `timestamp` and `string` that all values of a text column come back from.

    A number with a leading zero or plus sign, or of more digits than its type holds, is text.

    Args:
        separator: of the table; where it is a semicolon, `1,234` has a decimal comma.
    """
    known = values.drop_nulls()
    bare = known.filter(~known.str.strip_chars().is_in(NULL_WORDS))
    if bare.is_empty():
        return Column(type="string")
    found = _without_nulls(bare.str.strip_chars(), separator)
    words = sorted(set(known.str.strip_chars().unique()) & set(NULL_WORDS)) if found.type != "string" else []
    return found.model_copy(update={"nulls": words}) if words else found


def _without_nulls(known: pl.Series, separator: str) -> Column:
    if known.str.to_lowercase().is_in(["true", "false"]).all():
        return Column(type="bool")
    if (date := dates(known)) is not None:
        kind = "date" if date in DATES else "timestamp(UTC)" if date.endswith(("z", "Z")) else "timestamp"
        return Column(type=kind, format=None if date in _ISO else date)
    if (number := _number(known, separator)) is not None:
        return number
    return Column(type="string")


def form_of_json(values: pl.Series, kind: str) -> Column:
    """The type of a column of JSON values of one kind.

    Texts are dates and times where all of them are, as in any other text format; a text of digits stays a text, for JSON has numbers.
    `NaN`, which Python writes where a number is missing, is no value.
    """
    if kind == "json":
        found = nested_type(values)
        return Column(type="json" if found is None else written(found))
    missing = values.eq("NaN").any() and kind != "string"
    if missing:
        return Column(type="float" if kind == "null" else kind, nulls=["NaN"])
    if kind == "string" and not values.str.contains(r"^[0-9]+$").any():
        found_form = form(values)
        return found_form if found_form.type == "date" or found_form.type.startswith("timestamp") else Column(type="string")
    return Column(type="string" if kind == "null" else kind)


def _number(known: pl.Series, separator: str) -> Column | None:
    if known.str.contains(INT).all() and not (known == "-0").any():
        return Column(type="int")
    if known.str.contains(_FLOAT).all():
        held = known.cast(pl.Float64, strict=False).is_finite().all()
        return Column(type="float") if held and _digits(known) <= _DIGITS else None
    comma = bool(known.str.contains(rf"{_COMMA}|{INT}").all())
    if comma and (separator == ";" or not known.str.contains(rf"{_GROUPED}|{INT}").all()):
        return Column(type="float", decimal=",")
    if known.str.contains(rf"{_GROUPED}|{_FLOAT}").all():
        return Column(type="float" if known.str.contains(r"[.eE]").any() else "int", thousands=",")
    if known.str.contains(rf"{_GROUPED_COMMA}|{_COMMA}|{INT}").all():
        return Column(type="float" if known.str.contains(",", literal=True).any() else "int", decimal=",", thousands=".")
    return None


def _digits(known: pl.Series) -> int:
    digits = known.str.replace(r"[eE].*$", "").str.replace_all(r"[^0-9]", "").str.strip_chars_start("0").str.strip_chars_end("0")
    return int(str(digits.str.len_chars().max() or 0))


def dates(values: pl.Series) -> str | None:
    """The format in which all values of a text column are dates or times."""
    known = values.drop_nulls()
    if known.is_empty() or not known.head(50).str.contains(r"^[0-9]{1,4}[-/. 年]?[0-9A-Z]|^[A-Z][a-z]{2} [0-9]").all():
        return None
    for each in (*DATES, *TIMES):
        if _are_dates(known, each):
            return each
    return None


def other_reading(values: pl.Series, chosen: str) -> str | None:
    """Another format that reads all values as dates too, where month and day may have changed places."""
    swapped = {"%m/%d/%Y": "%d/%m/%Y", "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M"}.get(chosen)
    return swapped if swapped is not None and _are_dates(values.drop_nulls(), swapped) else None


def _are_dates(known: pl.Series, each: str) -> bool:
    try:
        if each in DATES:
            made = known.str.to_date(each, strict=False)
        else:
            texts = known.str.replace(r"[zZ]$", "+00:00") if each.endswith("Z") else known
            made = texts.str.to_datetime(each.removesuffix("Z") + "%:z" if each.endswith("Z") else each, strict=False)
        years = made.dt.year()
    except pl.exceptions.PolarsError:
        return False
    return made.null_count() == 0 and bool(years.is_between(*_YEARS).all())


def nested_type(texts: pl.Series) -> pl.DataType | None:
    """The list or struct that all JSON texts of a column are; None where keys or values differ, and where keys are data."""
    known = texts.drop_nulls()
    if known.is_empty():
        return None
    try:
        found = known.str.json_decode(infer_schema_length=None).dtype
    except pl.exceptions.PolarsError:
        return None
    if _depth(found) > _DEEPEST or _is_open(found) or nested(known, found).null_count():
        return None
    return found if isinstance(found, pl.List | pl.Struct) and not _keys_are_data(known, found) else None


def _depth(dtype: pl.DataType) -> int:
    """How many types are within one another, counted as far as it matters."""
    level, depth = [dtype], 0
    while level and depth <= _DEEPEST:
        depth += 1
        inner = [made(one.inner) for one in level if isinstance(one, pl.List)]
        level = inner + [made(field.dtype) for one in level if isinstance(one, pl.Struct) for field in one.fields]
    return depth


def _is_open(dtype: pl.DataType) -> bool:
    """Whether a part of it has no type yet, or one that Delta has not: whole numbers of more than 64 bits."""
    if isinstance(dtype, pl.List):
        return _is_open(dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner())
    if isinstance(dtype, pl.Struct):
        return not dtype.fields or any(_is_open(f.dtype if isinstance(f.dtype, pl.DataType) else f.dtype()) for f in dtype.fields)
    return isinstance(dtype, pl.Null | pl.Int128 | pl.UInt64)


def _keys_are_data(known: pl.Series, found: pl.DataType) -> bool:
    """Whether an object holds a value a key of its own, such as counts by word: most keys are missing in most rows."""
    if not isinstance(found, pl.Struct):
        return False
    values = known.str.json_decode(found).struct.unnest()
    return len(found.fields) > _FIELDS or sum(values.null_count().row(0)) > 0.5 * values.height * values.width
