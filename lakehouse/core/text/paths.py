"""Paths to texts inside of values: `messages[].content` leads to the field `content` of every item, `meta.title` to one field.

A name with dots, brackets or quotes in it stands in double quotes, as JSON writes it: `meta."a.b"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

Parts = tuple[str | None, ...]
"""The steps of a path into a value: the name of a field, or None for every item of a list."""
_PART = re.compile(r'\[\]|\.("(?:[^"\\]|\\.)*"|[^.\[\]"]+)')
_ROOT = re.compile(r'[^.\[\]"]+')


@dataclass(frozen=True)
class TextPath:
    """A path from a column to texts inside of it."""

    root: str
    parts: Parts

    def __str__(self) -> str:
        return self.root + "".join("[]" if part is None else f".{_name(part)}" for part in self.parts)


def read_path(text: str, columns: Collection[str] | None) -> TextPath | None:
    """The path that a text is, into the column with the longest name that it begins with; None where it is none.

    Args:
        columns: names of columns, which may hold dots and brackets; None where they are not known.
    """
    found = _ROOT.match(text)
    named = [found[0]] if found and columns is None else sorted((c for c in columns or () if text.startswith(c)), key=len, reverse=True)
    for root in named:
        if parts := _parts(text[len(root) :]):
            return TextPath(root, parts)
    return None


def leaves(dtype: pl.DataType) -> list[tuple[Parts, pl.DataType]]:
    """What a type holds inside, by path: all that is neither list nor struct."""
    if isinstance(dtype, pl.List):
        return [((None, *parts), leaf) for parts, leaf in leaves(_made(dtype.inner))]
    if isinstance(dtype, pl.Struct):
        return [((field.name, *parts), leaf) for field in dtype.fields for parts, leaf in leaves(_made(field.dtype))]
    return [((), dtype)]


def text_paths(root: str, dtype: pl.DataType) -> list[TextPath]:
    """The paths into a column that lead to texts."""
    return [TextPath(root, parts) for parts, leaf in leaves(dtype) if parts and leaf == pl.String]


def _parts(text: str) -> Parts:
    """The steps of a path, none where it is no path."""
    parts: list[str | None] = []
    place = 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None:
            return ()
        name = found[1]
        parts.append(json.loads(name) if name and name.startswith('"') else name)
        place = found.end()
    return tuple(parts)


def _name(name: str) -> str:
    return name if _ROOT.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _made(dtype: object) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()  # type: ignore[operator]
