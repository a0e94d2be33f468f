"""Values from text: what a text has to look like to be a number, a date, a list; a text that does not becomes null."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lakehouse.core.spec.column_type import made, zone
from lakehouse.core.spec.source import Column

_DATE = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")
_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z")
_LOCAL = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d")
"""The forms of ISO 8601 that tables are written with; others are declared by `format`."""


def value_of(text: pl.Expr, target: pl.DataType, column: Column | None) -> pl.Expr:
    """The values of `target` that texts are; null where a text is none."""
    form = column.format if column is not None else None
    if target == pl.Boolean:
        return text.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    if target == pl.Date:
        return pl.coalesce(text.str.to_date(each, strict=False) for each in ([form] if form else _DATE))
    if isinstance(target, pl.Datetime):
        return _time(text, target, form, zone(column.type) if column is not None else "UTC")
    if isinstance(target, pl.List | pl.Struct):
        return text.map_batches(lambda values: nested(values, target), return_dtype=target, is_elementwise=True)
    if target.is_numeric():
        text = _plain(text.str.strip_chars(), column)
    if isinstance(target, pl.Decimal):
        # Polars would round what has more places than the type.
        fits = text.str.contains(rf"^\s*[+-]?\d*(\.\d{{0,{target.scale}}}0*)?\s*$")
        return pl.when(fits).then(text.cast(target, strict=False))
    if target.is_float():
        # A number beyond the type would become infinite.
        value = text.cast(target, strict=False)
        return pl.when(value.is_infinite() & text.str.contains("[0-9]")).then(None).otherwise(value)
    return text.cast(target, strict=False)


def _plain(text: pl.Expr, column: Column | None) -> pl.Expr:
    """A number as Polars reads it: a point as its decimal mark, nothing between thousands; a misplaced mark makes it none."""
    if column is None or (column.decimal == "." and column.thousands is None):
        return text
    point, mark = re.escape(column.decimal), column.thousands
    whole = r"\d+"
    if mark is not None:
        between = r"[ \u{a0}\u{202f}]" if mark == " " else re.escape(mark)
        whole = rf"(?:\d+|\d{{1,3}}(?:{between}\d{{3}})+)"
    fits = text.str.contains(rf"^[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?$")
    bare = text if mark is None else text.str.replace_all(between, "")
    return pl.when(fits).then(bare.str.replace(column.decimal, ".", literal=True))


def _time(text: pl.Expr, target: pl.Datetime, form: str | None, named: str) -> pl.Expr:
    """A time of the clock, or a point in time in UTC; without an offset it is of the zone `named`."""
    plain = text.str.strip_chars().str.replace(r"[zZ]$", "+00:00")
    local = _naive(text if form else plain, [form] if form and "%z" not in form and "%:z" not in form else [] if form else _LOCAL)
    if target.time_zone is None:
        return local
    offset = [form] if form and ("%z" in form or "%:z" in form) else [] if form else list(_OFFSET)
    aware = [plain.str.to_datetime(each, strict=False, time_zone="UTC", time_unit="us") for each in offset]
    return pl.coalesce(*aware, local.dt.replace_time_zone(named, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC"))


def _naive(text: pl.Expr, forms: list[str] | tuple[str, ...]) -> pl.Expr:
    # A date alone is midnight; `to_datetime` refuses a form without hours.
    made = [
        text.str.to_datetime(each, strict=False, time_unit="us")
        if "%H" in each or "%I" in each or "%s" in each
        else text.str.to_date(each, strict=False).cast(pl.Datetime("us"))
        for each in forms
    ]
    return pl.coalesce(*made) if made else pl.lit(None, pl.Datetime("us"))


def nested(texts: pl.Series, target: pl.DataType) -> pl.Series:
    """JSON texts as lists or structs; null where a text is no JSON, or has a key or a value that `target` has no place for.

    Polars would take a number for a text and a value for a list of it, depending on the texts around them: what fits is decided before.
    """
    places = texts.is_not_null().arg_true()
    known, validator = texts.gather(places).to_list(), _validator(target)
    try:
        fits = len(validator.validate_json(f"[{','.join(known)}]", strict=True)) == len(known)
        return texts.str.json_decode(target) if known and fits else _one_by_one(texts, places, known, validator, target)
    except (ValidationError, pl.exceptions.ComputeError):
        return _one_by_one(texts, places, known, validator, target)


def _one_by_one(texts: pl.Series, places: pl.Series, known: list[str], validator: TypeAdapter[Any], target: pl.DataType) -> pl.Series:
    wrong = [at for at, text in zip(places, known, strict=True) if not _fits(text, validator)]
    if len(wrong) == len(known):
        return pl.Series(texts.name, [None] * len(texts), dtype=target)
    return texts.clone().scatter(wrong, None).str.json_decode(target)


def _fits(text: str, validator: TypeAdapter[Any]) -> bool:
    try:
        json.loads(text)
        return len(validator.validate_json(f"[{text}]", strict=True)) == 1
    except (ValueError, RecursionError):
        return False


@lru_cache(maxsize=64)
def _validator(target: pl.DataType) -> TypeAdapter[Any]:
    return TypeAdapter(list[_python(target)])  # type: ignore[misc, arg-type]


def _python(dtype: pl.DataType) -> Any:
    """The Python type that pydantic holds a value of JSON against."""
    if isinstance(dtype, pl.List):
        return list[_python(made(dtype.inner))] | None  # type: ignore[misc]
    if isinstance(dtype, pl.Struct):
        fields = {field.name: _python(made(field.dtype)) for field in dtype.fields}
        struct = TypedDict("struct", fields, total=False)  # type: ignore[misc, operator]
        struct.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
        return struct | None
    if dtype.is_float():
        return float | None
    if dtype.is_integer():
        bits = 8 * int(np.dtype(str(dtype).lower()).itemsize)
        return Annotated[int, Field(ge=-(2 ** (bits - 1)), lt=2 ** (bits - 1))] | None
    return bool | None if dtype == pl.Boolean else str | None
