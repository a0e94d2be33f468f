"""`json`: the objects of a JSON array are items, of a whole file or under a key of the object that it is; read as JSON lines are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import polars as pl

from lakehouse.core.lake.streams import Pieces
from lakehouse.reserve.formats import jsonl
from lakehouse.reserve.formats.json_text import elements
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/json"


def shape(handle: BinaryIO, reading: Reading) -> dict[str, Any]:
    """Column types as those of JSON lines.

    Raises:
        SourceError: no JSON.
    """
    return dict(jsonl.shape(lines(handle, reading.record), reading))


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The objects, whatever the array's size, some megabytes at a time; raises as `shape` does."""
    yield from jsonl.read(lines(handle, reading.record), reading, columns)


def lines(handle: BinaryIO, record: str | None) -> BinaryIO:
    """The elements of the array as JSON lines.

    Args:
        record: where the array is in the object that the file is: `data`, `result.data.items`; else the file is the array, or one item.
    """
    return cast(BinaryIO, io.BufferedReader(_Objects(handle, record), 1 << 16))


class _Objects(Pieces):
    def __init__(self, handle: BinaryIO, record: str | None) -> None:
        super().__init__(handle)
        self._objects = elements(handle, record)

    def piece(self) -> bytes | None:
        return next(self._objects, None)
