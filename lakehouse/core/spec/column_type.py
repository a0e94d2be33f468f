"""The types that a declaration gives to columns, as text: `int`, `decimal(12, 2)`, `list<struct<role: string, content: string>>`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import polars as pl

PLAIN: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "category": pl.String(),
    "json": pl.String(),
    "int": pl.Int64(),
    "int8": pl.Int8(),
    "int16": pl.Int16(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float": pl.Float64(),
    "float32": pl.Float32(),
    "float64": pl.Float64(),
    "bool": pl.Boolean(),
    "binary": pl.Binary(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}
"""Types of one word. `category` and `json` are kept as text: the one takes few values, the other holds JSON."""
_MOST_DIGITS = 38
_TOKEN = re.compile(r'\s*([A-Za-z_][\w/+-]*|"(?:[^"\\]|\\.)*"|\d+|[<>(),:])')
_FIELD = re.compile(r"[A-Za-z_]\w*\Z")
WORDS = "string, category, json, int, int8, int16, int32, float, float32, bool, binary, date, timestamp"
_FORMS = f"{WORDS}, timestamp(ZONE), decimal(DIGITS, PLACES), list<TYPE>, struct<NAME: TYPE, ...>"


def parsed(text: str) -> pl.DataType:
    """The Polars type in which values of a declared type are kept.

    A timestamp with a zone is a point in time, kept in UTC; the zone is that of values without an offset.

    Raises:
        ValueError: no such type.
    """
    if text in PLAIN:
        return PLAIN[text]
    reader = _Reader(text)
    found = reader.type()
    reader.end()
    return found


def with_json(text: str) -> pl.DataType:
    """The type that a declared type is, with `Object` in the place of JSON text."""
    reader = _Reader(text, pl.Object())
    found = reader.type()
    reader.end()
    return found


def zone(text: str) -> str:
    """The zone in which a declared timestamp without an offset is read."""
    found = re.fullmatch(r"\s*timestamp\s*\(\s*\"?([^\s\")]+)\"?\s*\)\s*", text)
    return found[1] if found else "UTC"


def written(dtype: pl.DataType) -> str:
    """The type of a column of a table as a declaration writes it; types that no declaration has stand as Polars shows them."""
    if isinstance(dtype, pl.Datetime):
        return "timestamp" if dtype.time_zone is None else "timestamp(UTC)"
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"list<{written(made(dtype.inner))}>"
    if isinstance(dtype, pl.Struct):
        fields = (f"{_name(field.name)}: {written(made(field.dtype))}" for field in dtype.fields)
        return f"struct<{', '.join(fields)}>"
    return next((word for word, plain in PLAIN.items() if plain == dtype and word not in ("category", "json")), str(dtype))


def made(dtype: Any) -> pl.DataType:
    """The inner type of a list or a field, which Polars gives as a type or as its class."""
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def _name(name: str) -> str:
    return name if _FIELD.match(name) else json.dumps(name, ensure_ascii=False)


class _Reader:
    """Reads one type from its text, token by token."""

    def __init__(self, text: str, json: pl.DataType | None = None) -> None:
        self.text = text
        self.plain = PLAIN if json is None else {**PLAIN, "json": json}
        self.tokens: list[str] = []
        place, length = 0, len(text.rstrip())
        while place < length:
            found = _TOKEN.match(text, place)
            if found is None:
                raise self.wrong()
            self.tokens.append(found[1])
            place = found.end()
        self.at = 0

    def wrong(self) -> ValueError:
        return ValueError(f"`{self.text}` is no column type; types are {_FORMS}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise self.wrong()
        self.at += 1
        return token

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self.wrong()

    def type(self) -> pl.DataType:
        word = self.take()
        if word == "list":
            self.take("<")
            inner = self.type()
            self.take(">")
            return pl.List(inner)
        if word == "struct":
            return self.struct()
        if word == "decimal":
            self.take("(")
            digits, _, places = self.number(), self.take(","), self.number()
            self.take(")")
            if not 1 <= digits <= _MOST_DIGITS or places > digits:
                raise ValueError(f"`{self.text}`: a decimal has 1 to {_MOST_DIGITS} digits, and no more places than digits")
            return pl.Decimal(digits, places)
        if word == "timestamp" and self.peek() == "(":
            self.take("(")
            named = self.take().strip('"')
            self.take(")")
            if named not in available_timezones():
                raise ValueError(f"`{named}` is no time zone; zones are named as in `Europe/Berlin`, `Asia/Shanghai`, `UTC`")
            return pl.Datetime("us", "UTC")
        if word in self.plain:
            return self.plain[word]
        raise self.wrong()

    def number(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise self.wrong()
        return int(token)

    def struct(self) -> pl.DataType:
        self.take("<")
        fields: dict[str, pl.DataType] = {}
        while True:
            token = self.take()
            name = json.loads(token) if token.startswith('"') else token
            self.take(":")
            if name in fields:
                raise ValueError(f"`{self.text}`: the field `{name}` stands twice")
            fields[name] = self.type()
            if self.take() == ">":
                return pl.Struct(fields)
            if self.tokens[self.at - 1] != ",":
                raise self.wrong()
