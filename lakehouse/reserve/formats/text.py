"""`text`: one item a file, column `text`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from lakehouse.reserve.formats.splitting import BOM, held_or_spilled
from lakehouse.reserve.material import BadItem, Reading, good_rows, no_rows, with_bad

COLUMNS = {"text": "string"}
MEDIA_TYPE = "text/plain"


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The whole file as one row; a file of no byte has the finding `empty_item`, one that is not UTF-8 `invalid_utf8`."""
    data = held_or_spilled(handle, reading)
    if isinstance(data, BadItem):
        yield with_bad(no_rows(["text"]), [data])
        return
    if not data:
        yield with_bad(no_rows(["text"]), [BadItem(1, 0, "empty_item", raw=b"")])
        return
    try:
        text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        yield with_bad(no_rows(["text"]), [BadItem(1, len(data), "invalid_utf8", raw=data)])
        return
    yield good_rows(pl.DataFrame({"text": [text]}, schema={"text": pl.String}), pl.Series([1]), pl.Series([len(data)]))
