"""What stands inside of a column: its texts and whole numbers, each by its path and row, however deep they are nested."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.nested import ends, items
from lakehouse.core.text.paths import Parts, TextPath

KEYS = " (keys)"
"""Behind the path of an object in JSON text: the names of its members."""


@dataclass(frozen=True)
class ValuesAt:
    """Values at one path.

    Attributes:
        path: as a recipe writes it; the column's name where the values are the column's own.
        rows: of each value its row, int64, shape (n,).
        values: texts or whole numbers, shape (n,).
    """

    path: str
    rows: NDArray[np.int64]
    values: pl.Series


def leaves_of(values: pl.Series, worth_parsing: Callable[[pl.Series], bool]) -> Iterator[ValuesAt]:
    """The texts and whole numbers of a column; bytes, times, booleans and numbers with fractions are left out.

    JSON text is taken apart where `worth_parsing` says so of all such texts together; else it stays one text a row.
    """
    yield from _leaves(values, values.name, (), np.arange(len(values), dtype=np.int64), worth_parsing)


def _leaves(
    values: pl.Series, root: str, parts: Parts, rows: NDArray[np.int64], worth_parsing: Callable[[pl.Series], bool]
) -> Iterator[ValuesAt]:
    dtype = values.dtype
    if isinstance(dtype, pl.Array):
        values, dtype = values.arr.to_list(), pl.List(dtype.inner)
    if isinstance(dtype, pl.List):
        inner = np.repeat(rows, np.diff(ends(values)))
        yield from _leaves(items(values), root, (*parts, None), inner, worth_parsing)
    elif isinstance(dtype, pl.Struct):
        for each in dtype.fields:
            yield from _leaves(values.struct.field(each.name), root, (*parts, each.name), rows, worth_parsing)
    elif isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        yield from _of_texts(values.cast(pl.String), root, parts, rows, worth_parsing)
    elif dtype.is_integer():
        yield ValuesAt(str(TextPath(root, parts)), rows, values)


def _of_texts(
    texts: pl.Series, root: str, parts: Parts, rows: NDArray[np.int64], worth_parsing: Callable[[pl.Series], bool]
) -> Iterator[ValuesAt]:
    like = texts.str.contains(r"^\s*(?:\{|\[)").fill_null(False)
    documents = texts.filter(like)
    if len(documents) and worth_parsing(documents):
        found: dict[tuple[str, bool], tuple[list[int], list[Any]]] = {}
        broken = []
        for row, document in zip(rows[like.to_numpy()].tolist(), documents.to_list(), strict=True):
            value = _document(document)
            broken.append(value is None)
            for path, leaf in _within(value, parts, root, whole=bool(parts)):
                at, held = found.setdefault((path, isinstance(leaf, int)), ([], []))
                at.append(row)
                held.append(leaf)
        for (path, number), (at, held) in found.items():
            # Digits as text: a number of JSON may have more of them than any integer type.
            yield ValuesAt(path, np.array(at, dtype=np.int64), pl.Series([str(each) for each in held] if number else held, dtype=pl.String))
        kept = ~like.scatter(like.arg_true().filter(pl.Series(broken, dtype=pl.Boolean)), False)
        texts, rows = texts.filter(kept), rows[kept.to_numpy()]
    if len(texts):
        yield ValuesAt(str(TextPath(root, parts)), rows, texts)


def _within(value: Any, parts: Parts, root: str, *, whole: bool) -> Iterator[tuple[str, str | int]]:
    """The texts, whole numbers and names of members of a JSON value, each with its path; no recursion, however deep it is.

    Args:
        whole: the value is itself a text within a column, as arguments of a call are: no path leads into it, and all has its path.
    """
    waiting: list[tuple[Parts, bool, Any]] = [(parts, whole, value)]
    while waiting:
        at, fixed, each = waiting.pop()
        if isinstance(each, dict):
            for key, inner in each.items():
                yield str(TextPath(root, at)) + ("" if fixed else KEYS), key
                waiting.append((at if fixed else (*at, key), fixed, inner))
        elif isinstance(each, list):
            waiting += [(at if fixed else (*at, None), fixed, inner) for inner in each]
        elif isinstance(each, str) and (document := _document(each)) is not None:
            waiting.append((at, True, document))
        elif isinstance(each, str) or (isinstance(each, int) and not isinstance(each, bool)):
            yield str(TextPath(root, at)), each


def _document(text: str) -> Any:
    """The object or list that a text is as JSON; None where it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
