"""`lines`: one item a line, column `text`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from lakehouse.reserve.formats.splitting import Chunk, chunks, filled
from lakehouse.reserve.material import BadItem, Reading, good_rows, no_rows, with_bad

COLUMNS = {"text": "string"}
MEDIA_TYPE = "text/plain"


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Lines as rows, blank ones left out; a line that is not UTF-8 is a row with the finding `invalid_utf8`."""
    for chunk in chunks(handle, reading):
        if isinstance(chunk, BadItem):
            yield with_bad(no_rows(["text"]), [chunk])
            continue
        rows = _rows(chunk)
        if not rows.is_empty():
            yield rows


def _rows(chunk: Chunk) -> pl.DataFrame:
    bad: list[BadItem] = []
    try:
        whole = chunk.data[:-1].decode("utf-8")
        text = pl.Series("text", [whole]).str.split("\n").explode(empty_as_null=True)
    except UnicodeDecodeError:
        # Only a chunk that holds a broken line is taken line by line.
        texts: list[str | None] = []
        for index in range(len(chunk.ends)):
            line = chunk.line(index)
            try:
                texts.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                texts.append(None)
                bad.append(BadItem(chunk.first + index, len(line), "invalid_utf8", raw=line))
        text = pl.Series("text", texts, dtype=pl.String)
    text = text.str.strip_suffix("\r").alias("text")
    positions = pl.Series(range(chunk.first, chunk.first + len(text)), dtype=pl.Int64)
    rows = good_rows(text.to_frame(), positions, text.str.len_bytes())
    # Broken lines are null here and come back as bad rows.
    keep = pl.Series(filled(chunk)) & text.is_not_null()
    return with_bad(rows.filter(keep), bad)
