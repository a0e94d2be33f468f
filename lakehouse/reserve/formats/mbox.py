"""`mbox`: a mail of a mailbox is an item, read as .eml is; `>From ` loses one sign of quoting (RFC 4155, the mboxrd rule)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import polars as pl

from lakehouse.core.errors import ShapeError, SourceError
from lakehouse.reserve.formats.documents import MAIL_COLUMNS, TEXT_COLUMNS, mail, values_of, with_shares
from lakehouse.reserve.formats.whole_files import Unreadable
from lakehouse.reserve.material import BadItem, Reading, Sink, good_rows, no_rows, with_bad

MEDIA_TYPE = "message/rfc822"
_VALUES: Mapping[str, pl.DataType] = {"text": pl.String(), "title": pl.String(), "author": pl.String(), **MAIL_COLUMNS}
COLUMNS: Mapping[str, pl.DataType] = {**_VALUES, **TEXT_COLUMNS}
STARTS = re.compile(rb"From \S.*\d{2}:\d{2}.*\d{4}")
"""The line before a mail: who sent it, and when."""
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MAILS = 500
"""Mails of a frame at most."""


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """The columns, which are the same for all mails."""
    return dict(COLUMNS)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The mails in their order; one that cannot be read is a row with its finding and its bytes, one over the limit is `oversized`.

    Raises:
        ShapeError: a column is asked for that the format has not. SourceError: no mailbox.
    """
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise ShapeError(f"the format has no column {unknown}", fix=f"declare some of {', '.join(COLUMNS)}")
    rows: list[dict[str, Any]] = []
    places: list[tuple[int, int]] = []
    bad: list[BadItem] = []
    held = 0
    for position, item in enumerate(_mails(handle, reading), 1):
        size = item.size if isinstance(item, BadItem) else len(item)
        if isinstance(item, BadItem):
            bad.append(BadItem(position, size, item.finding, blob=item.blob))
        else:
            try:
                found = mail.read(_QUOTED.sub(rb"\1", item), reading.max_item_bytes)
            except Unreadable as error:
                bad.append(BadItem(position, size, error.finding, raw=item))
            else:
                values = values_of(found)
                rows.append({name: values[name] for name in _VALUES})
                places.append((position, size))
            held += size
        if held >= reading.chunk_bytes or len(rows) + len(bad) >= _MAILS:
            yield _frame(rows, places, bad, columns)
            rows, places, bad, held = [], [], [], 0
    if rows or bad:
        yield _frame(rows, places, bad, columns)


def _frame(rows: list[dict[str, Any]], places: list[tuple[int, int]], bad: list[BadItem], columns: list[str]) -> pl.DataFrame:
    if not rows:
        return with_bad(no_rows({name: COLUMNS[name] for name in columns}), bad)
    own = with_shares(pl.DataFrame(rows, schema=dict(_VALUES))).select(columns)
    positions, sizes = zip(*places, strict=True)
    return with_bad(good_rows(own, pl.Series(positions), pl.Series(sizes)), bad)


def _mails(handle: BinaryIO, reading: Reading) -> Iterator[bytes | BadItem]:
    """The bytes of each mail without the line before it; one over the limit goes to the sink as it comes."""
    first = handle.readline(reading.max_item_bytes)
    if not STARTS.match(first):
        raise SourceError("no mailbox: it does not begin with a line `From SENDER DATE`", fix="take `format: document` for one mail")
    parts: list[bytes] = []
    size, sink, after_blank = 0, None, False
    while line := handle.readline(reading.max_item_bytes):
        if after_blank and STARTS.match(line):
            yield _whole(parts, size, sink)
            parts, size, sink, after_blank = [], 0, None, False
            continue
        after_blank = line in (b"\n", b"\r\n")
        parts.append(line)
        size += len(line)
        if size > reading.max_item_bytes or sink is not None:
            sink = sink or reading.sink()
            sink.write(b"".join(parts))
            parts = []
    yield _whole(parts, size, sink)


def _whole(parts: list[bytes], size: int, sink: Sink | None) -> bytes | BadItem:
    return b"".join(parts) if sink is None else BadItem(0, size, "oversized", blob=sink.close())
