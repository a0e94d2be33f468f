"""Detectors: functions of parameters that give a look at texts, at rows, or at all rows together.

`DETECTORS.register` takes `action`, what is done with flagged rows unless the declaration differs; `decides`, the parameters that
only decide over stored scores; `files`, those that name files in the project folder; `speaks="collection"` where findings name no row.
A parameter `at_least` is the score from which a finding flags; without it every finding does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from lakehouse.core.registry import Registry

DETECTORS = Registry("detector", "lakehouse.reserve.screening.detectors")

FOUND = pl.Schema(
    {
        "_at": pl.Int64(),  # number of the row among those looked at; null: a collection
        "kind": pl.String(),
        "column": pl.String(),  # null for texts: the look knows
        "start": pl.Int64(),
        "end": pl.Int64(),
        "score": pl.Float64(),
        "detail": pl.String(),
        "match": pl.String(),  # what was found; it is hashed and forgotten
        "collection": pl.Int64(),  # only where `_at` is null
    }
)
MOST = 16
"""Most findings of one kind that are kept of one text."""


@dataclass(frozen=True)
class TextLook:
    """Looks at each text alone.

    Attributes:
        columns: text columns; None: all of the source.
        find: from a String series to FOUND.
    """

    columns: tuple[str, ...] | None
    find: Callable[[pl.Series], pl.DataFrame]


@dataclass(frozen=True)
class RowLook:
    """Looks at each row alone.

    Attributes:
        columns: what it needs, system columns too.
        find: from a frame of these columns to FOUND.
    """

    columns: tuple[str, ...]
    find: Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class AllRowsLook:
    """Looks at all live rows together, whenever these changed.

    Attributes:
        columns: what it needs, in the memory of one process.
        find: from a frame of these columns, by `_row_id`, to FOUND.
    """

    columns: tuple[str, ...]
    find: Callable[[pl.DataFrame], pl.DataFrame]


Look = TextLook | RowLook | AllRowsLook


def found(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Findings as FOUND; keys that are not given are null."""
    return pl.DataFrame([{**dict.fromkeys(FOUND.names()), "score": 1.0, **row} for row in rows], schema=FOUND, orient="row")


def spans(texts: pl.Series, pattern: str, find: Callable[[str], list[tuple[int, int, str, float]]]) -> pl.DataFrame:
    """FOUND of the texts in which a cheap compiled pattern hits; what it chooses is looked at one text at a time.

    Args:
        pattern: for Polars, without look-around; it has to hit wherever `find` does.
        find: from a text to (start, end, kind, score) in characters; at most MOST of a kind are kept.
    """
    chosen = texts.str.contains(pattern).fill_null(False).arg_true()
    out: list[dict[str, object]] = []
    for at, text in zip(chosen.to_list(), texts.gather(chosen).to_list(), strict=True):
        seen: dict[str, int] = {}
        for start, end, kind, score in find(text):
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= MOST:
                out.append({"_at": at, "kind": kind, "start": start, "end": end, "score": score, "match": text[start:end]})
    return found(out)
