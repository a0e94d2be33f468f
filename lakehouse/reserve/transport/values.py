"""Rows of a database driver as frames: each value in a type that holds it whole, or as text.

A column's kind is the one that the database declares, else that of its values; columns without any value yet are `null`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa

from lakehouse.core.errors import SourceError

_KINDS: Mapping[str, pl.DataType] = {
    "null": pl.Null(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "binary": pl.Binary(),
    "date": pl.Date(),
    "time": pl.Datetime("us"),  # without a zone
    "instant": pl.Datetime("us", "UTC"),
}
_OF_CLASS: Mapping[type[object], str] = {
    bool: "bool",
    int: "int",
    float: "float",
    bytes: "binary",
    bytearray: "binary",
    memoryview: "binary",
    date: "date",
}
_WIDER = {frozenset({"int", "float"}): "float", frozenset({"int", "decimal(38,0)"}): "decimal(38,0)"}
_POSTGRES: Mapping[int, str] = {
    16: "bool",
    17: "binary",
    20: "int",
    21: "int",
    23: "int",
    26: "int",
    700: "float",
    701: "float",
    1082: "date",
    1114: "time",
    1184: "instant",
}
"""Kinds by the OIDs of PostgreSQL's catalogue (`pg_type.dat`)."""
_POSTGRES_NUMERIC = 1700
_MYSQL_DECIMAL, _MYSQL_TIMESTAMP = (0, 246), 7
_DIGITS = 38
_INT64 = range(-(1 << 63), 1 << 63)
_EXACT = 1 << 53
"""Integers up to this size are floats without loss."""


def described(dialect: str, cursor: Any) -> list[str | None]:
    """The kinds that a database declares for its result; None where the values decide."""
    if dialect == "postgresql" and hasattr(cursor.description[0], "type_code"):
        return [_postgres(column, cursor.connection.adapters.types) for column in cursor.description]
    if dialect in ("mysql", "mariadb"):
        return [_mysql(column) for column in cursor.description]
    return [None] * len(cursor.description)


def _postgres(column: Any, types: Any) -> str:
    if column.type_code == _POSTGRES_NUMERIC:
        digits, scale = column.precision or 0, column.scale or 0
        return f"decimal({digits},{scale})" if 0 < digits <= _DIGITS and 0 <= scale <= digits else "text"
    info = types.get(column.type_code)
    if info is not None and info.array_oid == column.type_code:
        return f"list({_POSTGRES.get(info.oid, 'text')})"
    return _POSTGRES.get(column.type_code, "text")


def _mysql(column: Sequence[Any]) -> str | None:
    if column[1] in _MYSQL_DECIMAL:
        # The length counts the sign and the point.
        digits = column[3] - 1 - (column[5] > 0)
        return f"decimal({_DIGITS},{column[5]})" if digits <= _DIGITS else "text"
    return "instant" if column[1] == _MYSQL_TIMESTAMP else None


def found(values: Sequence[Any]) -> str:
    """The kind of values.

    Raises:
        TypeError: they are of several kinds that none holds.
    """
    kind = "null"
    for each in set(map(type, values)) - {type(None)}:
        if each is datetime:
            zones = {value.tzinfo is not None for value in values if isinstance(value, datetime)}
            one = "instant" if zones == {True} else "time" if zones == {False} else "instant and time"
        elif each is int:
            whole = [value for value in values if type(value) is int]
            one = "int" if min(whole) in _INT64 and max(whole) in _INT64 else "decimal(38,0)"
        else:
            one = _OF_CLASS.get(each, "text")
        kind = wider(kind, one)
    return kind


def wider(first: str, second: str) -> str:
    """The kind that holds the values of both.

    Raises:
        TypeError: there is none.
    """
    if first == second or second == "null":
        return first
    if first == "null":
        return second
    if (both := frozenset({first, second})) in _WIDER:
        return _WIDER[both]
    raise TypeError(f"{first} and {second}")


def dtype_of(kind: str) -> pl.DataType:
    """The Polars type of a kind."""
    if kind.startswith("list("):
        return pl.List(dtype_of(kind[5:-1]))
    if match := re.fullmatch(r"decimal\((\d+),(\d+)\)", kind):
        return pl.Decimal(int(match[1]), int(match[2]))
    return _KINDS[kind]


def series(name: str, values: Sequence[Any], kind: str) -> pl.Series:
    """Values of a kind as a column.

    Raises:
        TypeError, ValueError, OverflowError, pl.exceptions.PolarsError: one that the kind does not hold.
    """
    dtype = dtype_of(kind)
    if kind.startswith("list("):
        inner = kind[5:-1]
        parts = [None if value is None else series("", value, inner).to_list() for value in values]
        return pl.Series(name, parts, dtype=dtype, strict=True)
    if kind == "float" and any(type(value) is int and abs(value) > _EXACT for value in values):
        raise ValueError("an integer too large for a float")
    if isinstance(dtype, pl.Decimal):
        given = [None if value is None else Decimal(value) for value in values]
        numbers = pa.array(given, pa.decimal128(dtype.precision, dtype.scale))
        if numbers.to_pylist() != given:  # what is far below the last digit, pyarrow rounds to nothing
            raise ValueError("a number with more digits than its column holds")
        return pl.Series(name, numbers)
    change = _CHANGES.get(kind)
    return pl.Series(name, [None if value is None else change(value) for value in values] if change else list(values), dtype=dtype)


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(value: Any) -> str:
    if isinstance(value, timedelta):  # MySQL's `time`
        seconds, sign = abs(value), "-" if value < timedelta(0) else ""
        hours, rest = divmod(seconds, timedelta(hours=1))
        return f"{sign}{hours:02}:{str(rest).partition(':')[2]}"
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


_CHANGES: Mapping[str, Callable[[Any], Any]] = {"text": _text, "binary": bytes, "instant": _instant, "float": float}


def as_kinds(rows: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    """`rows` whose columns had other kinds when they were read, in these.

    Raises:
        SourceError: an integer that is no float.
    """
    for name, kind in kinds.items():
        before, target = rows.schema[name], dtype_of(kind)
        if before == target:
            continue
        made = rows[name].cast(target)
        if before != pl.Null and not (made.cast(before) == rows[name]).all():
            fix = f"cast it in a `query:`, such as `cast({name} as text)`"
            raise SourceError(f"column `{name}` has fractions, and whole numbers too large for them", fix=fix)
        rows = rows.with_columns(made)
    return rows


def to_json(value: Any) -> Any:
    """A value of a row as JSON from which `from_json` makes it again."""
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"hex": bytes(value).hex()}
    return value if isinstance(value, str | int | float | bool) else str(value)


def from_json(value: Any) -> Any:
    """The value that `to_json` wrote."""
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    read: Mapping[str, Callable[[str], Any]] = {
        "time": datetime.fromisoformat,
        "date": date.fromisoformat,
        "decimal": Decimal,
        "hex": bytes.fromhex,
    }
    return read[kind](text)
