"""`json`: the objects of a JSON array are items, of a whole file or under a key of the object that it is; read as JSON lines are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO, cast

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.lake.streams import Pieces
from lakehouse.reserve.formats import jsonl
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
        record: the key of the array in the object that the file is, `data` or `a.b`; without it the file is the array, or one item.
    """
    return cast(BinaryIO, io.BufferedReader(_Objects(handle, record), 1 << 16))


class _Objects(Pieces):
    def __init__(self, handle: BinaryIO, record: str | None) -> None:
        super().__init__(handle)
        self._objects = _objects(handle, record)

    def piece(self) -> bytes | None:
        return next(self._objects, None)


def _objects(handle: BinaryIO, record: str | None) -> Iterator[bytes]:
    import ijson

    head = cast(io.BufferedReader, handle).peek(1024).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head not in (b"[", b"{"):
        raise SourceError("no JSON array, and no object", fix="take `format: jsonl` for lines, or `text`")
    number = 0
    try:
        place = f"{record}.item" if record is not None and head == b"{" else "item" if head == b"[" else ""
        for number, item in enumerate(ijson.items(_Bare(handle), place), 1):  # noqa: B007 - the message names it
            yield json.dumps(item, ensure_ascii=False, default=_number).encode() + b"\n"
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise SourceError(f"damaged JSON behind item {number}: {str(error).splitlines()[0]}", fix="fetch the file again") from error


def _number(value: Any) -> int | float:
    assert isinstance(value, Decimal)
    return int(value) if value == value.to_integral_value() and "." not in str(value) and "E" not in str(value) else float(value)


class _Bare:
    """A file behind its byte order mark, which the parser does not know."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._begun = handle, False

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._handle.read(size)
        if not self._begun and size:
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf")
        return data
