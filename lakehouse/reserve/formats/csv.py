"""`csv`: delimited records (RFC 4180), all values text; an empty field is null, an empty quoted one is empty text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from lakehouse.core.errors import ShapeError
from lakehouse.core.row_model import READ
from lakehouse.reserve.formats import csv_recovery
from lakehouse.reserve.formats.splitting import BOM, lengths, spill, spill_line
from lakehouse.reserve.material import BadItem, Reading, good_rows, no_rows, own_name, with_bad

MEDIA_TYPE = "text/csv"
_BLOCK = 1024 * 1024
"""Bytes scanned at a time; small, since what follows a stray quote is scanned again."""


def header(handle: BinaryIO, reading: Reading) -> list[str]:
    """The column names of the first record; a name within quotes may span lines.

    Raises:
        ShapeError: no header, or a name given twice.
    """
    return _header(handle, reading)[0]


def _header(handle: BinaryIO, reading: Reading) -> tuple[list[str], bytes]:
    """The column names, and the bytes of their line behind a bare carriage return, which ends the header as a newline does."""
    line = _skipped(handle, reading).readline(reading.max_item_bytes).removeprefix(BOM)
    quote = reading.quote.encode() if reading.quote is not None else None
    while quote is not None and line.count(quote) % 2 and len(line) < reading.max_item_bytes:
        if not (more := handle.readline(reading.max_item_bytes)):
            break
        line += more
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise ShapeError("the header is not UTF-8 text", fix="convert the file to UTF-8") from None
    lines = list(io.StringIO(text, newline=""))
    plain = csv.reader(lines, delimiter=reading.separator, quoting=csv.QUOTE_NONE)
    reader = plain if reading.quote is None else csv.reader(lines, delimiter=reading.separator, quotechar=reading.quote)
    names = [name or f"column_{number}" for number, name in enumerate(next(reader, []), 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ShapeError(
            f"the header names {', '.join(f'`{n}`' for n in twice)} twice",
            fix="give each column its own name, or skip the header (`skip_before_header:`, `header: false`) and name them under `columns:`",
        )
    rest = "".join(lines[reader.line_num :]).encode()
    return names, rest if rest.strip(b"\r\n") else b""


def numbered_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, each its own: one that was there before gets a number."""
    taken: list[str] = []
    for name in names:
        new, number = name, 2
        while new in taken or (new != name and new in names):
            new, number = f"{name}_{number}", number + 1
        taken.append(new)
    return tuple(taken)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """Records as rows of text columns; blank lines are left out, positions count the records after the header.

    A record is a row with a finding when it has `wrong_field_count`, `invalid_utf8`, `malformed_quotes` (a quote opened and not
    closed, or closed within a field) or is `oversized`. A record broken over lines by a stray quote counts line by line, and so does
    one of several lines that together are over the limit.

    Raises:
        ShapeError: the header lacks some of `columns`, or has others.
    """
    names, rest = _header(handle, reading) if reading.header else (columns, b"")
    if not reading.header:
        _skipped(handle, reading)
    if set(names) != set(columns):
        raise _shape_error(names, columns)
    for _ in range(reading.skip_after_header if reading.header else 0):
        handle.readline(reading.max_item_bytes)
    position, buffer = 1, rest if reading.header else handle.read(len(BOM)).removeprefix(BOM)
    final, hungry = False, True
    while not final or buffer:
        if hungry and not final:
            block = handle.read(min(reading.chunk_bytes, _BLOCK))
            final = not block
            buffer = buffer + block
            if final and buffer and not buffer.endswith(b"\n"):
                buffer += b"\n"
        if b"\n" not in buffer:
            if len(buffer) > reading.max_item_bytes + 1:  # a carriage return at its end does not count
                item, buffer = spill_line(buffer, handle, position, reading)
                position += 1
                yield with_bad(no_rows(columns), [item])
            hungry = True
            continue
        rows, consumed, position = _records(buffer, position, names, reading, final)
        buffer = buffer[consumed:]
        hungry = consumed == 0 or not buffer
        if not rows.is_empty():
            yield rows.select(*map(own_name, columns), *READ)


def _skipped(handle: BinaryIO, reading: Reading) -> BinaryIO:
    for _ in range(reading.skip_before_header):
        handle.readline(reading.max_item_bytes)
    return handle


def _shape_error(found: list[str], columns: list[str]) -> ShapeError:
    missing = sorted(set(columns) - set(found))
    extra = sorted(set(found) - set(columns))
    parts = [f"lacks {_listed(missing)}"] if missing else []
    parts += [f"has unknown {_listed(extra)}"] if extra else []
    return ShapeError(
        f"the table {' and '.join(parts)}; found {_listed(found)}",
        fix="correct the file, or declare its columns under `columns:` (and `rename:`) of the source",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no columns"


@dataclass(frozen=True)
class _Scan:
    """Records of a buffer: offsets (newline left out), separators outside quotes, and where quoting goes wrong."""

    starts: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]
    separators: np.ndarray[Any, Any]
    malformed: int | None


def _scan(buffer: bytes, reading: Reading) -> _Scan:
    data = np.frombuffer(buffer, dtype=np.uint8)
    newlines = np.flatnonzero(data == 10)
    separators = np.flatnonzero(data == ord(reading.separator))
    malformed = None
    quotes = np.flatnonzero(data == ord(reading.quote)) if reading.quote is not None else np.zeros(0, dtype=np.int64)
    if len(quotes):
        # Outside quotes = an even number of quotes before. An escaped quote closes and opens at once.
        newlines = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
        assert reading.quote is not None
        edges = np.array([ord(reading.separator), 10, ord(reading.quote)], dtype=np.uint8)
        opens, closes = quotes[0::2], quotes[1::2]
        before = data[np.maximum(opens - 1, 0)]
        wrong = [opens[(opens > 0) & ~np.isin(before, edges)]]
        inside = closes[closes < len(data) - 1]
        wrong.append(inside[~np.isin(data[inside + 1], [*edges, 13])])
        places = np.concatenate(wrong)
        malformed = int(places.min()) if len(places) else None
    starts = np.concatenate([np.zeros(1, dtype=np.int64), newlines + 1])[:-1]
    counts = np.searchsorted(separators, newlines) - np.searchsorted(separators, starts)
    return _Scan(starts, newlines, counts, malformed)


def _records(buffer: bytes, position: int, names: list[str], reading: Reading, final: bool) -> tuple[pl.DataFrame, int, int]:
    """The rows of the records at the start of `buffer`, how many bytes they take, and the next position."""
    scan = _scan(buffer, reading)
    blank = _blank(buffer, scan)
    ragged = (scan.separators != len(names) - 1) & ~blank
    sizes = lengths(buffer, scan.starts, scan.ends)
    # A wrong field count or an oversize in a record of several lines is the sign of a stray quote: recover there.
    trouble = [scan.malformed] if scan.malformed is not None else []
    for index in np.flatnonzero(ragged | (sizes > reading.max_item_bytes)).tolist():
        if b"\n" in buffer[scan.starts[index] : scan.ends[index]]:
            trouble.append(int(scan.starts[index]))
            break
    upto = len(scan.ends)
    if trouble:
        upto = int(np.searchsorted(scan.ends, min(trouble)))
    pending = len(buffer) - (int(scan.ends[-1]) + 1 if len(scan.ends) else 0)
    stuck = upto == 0 and (bool(trouble) or final or pending > reading.max_item_bytes + 1)
    if stuck:
        return _recovered(buffer, position, names, reading, final)
    if upto == 0:
        return no_rows(names), 0, position
    bad: list[BadItem] = []
    keep = ~blank[:upto]
    for index in np.flatnonzero((ragged | (sizes > reading.max_item_bytes))[:upto] & keep).tolist():
        record = buffer[scan.starts[index] : scan.ends[index]].removesuffix(b"\r")
        keep[index] = False
        if len(record) > reading.max_item_bytes:
            bad.append(spill(record, position + index, reading))
        else:
            bad.append(BadItem(position + index, len(record), "wrong_field_count", raw=record))
    consumed = int(scan.ends[upto - 1]) + 1
    try:
        buffer[:consumed].decode("utf-8")
    except UnicodeDecodeError:
        for index in np.flatnonzero(keep).tolist():
            record = buffer[scan.starts[index] : scan.ends[index]].removesuffix(b"\r")
            try:
                record.decode("utf-8")
            except UnicodeDecodeError:
                keep[index] = False
                bad.append(BadItem(position + index, len(record), "invalid_utf8", raw=record))
    picked = np.flatnonzero(keep)
    whole = len(picked) == upto
    data = buffer[:consumed] if whole else b"".join(buffer[scan.starts[i] : scan.ends[i] + 1] for i in picked.tolist())
    rows = good_rows(_parse(data, names, reading), pl.Series(position + picked), pl.Series(sizes[picked]))
    return with_bad(rows, bad), consumed, position + upto


def _parse(data: bytes, names: list[str], reading: Reading) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String())
    if not data:
        return pl.DataFrame(schema=schema)
    # Polars takes some first bytes, `x^` among them, for compressed data: an empty line before them, which it skips, keeps it from that.
    packed = data.startswith(_MAGIC)
    plain = b"\n" + data if packed else data
    sign = reading.quote
    return pl.read_csv(plain, has_header=False, skip_lines=int(packed), schema=schema, separator=reading.separator, quote_char=sign)


_MAGIC = (b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""First bytes of zlib, gzip and zstd data."""


def _blank(buffer: bytes, scan: _Scan) -> np.ndarray[Any, Any]:
    blank: np.ndarray[Any, Any] = lengths(buffer, scan.starts, scan.ends) == 0
    return blank


def _recovered(buffer: bytes, position: int, names: list[str], reading: Reading, final: bool) -> tuple[pl.DataFrame, int, int]:
    found = csv_recovery.recover(buffer, position, len(names), reading, final)
    values = {name: [fields[index] for _, _, fields in found.good] for index, name in enumerate(names)}
    own = pl.DataFrame(values, schema=dict.fromkeys(names, pl.String()))
    positions = pl.Series([at for at, _, _ in found.good], dtype=pl.Int64)
    sizes = pl.Series([size for _, size, _ in found.good], dtype=pl.Int64)
    return with_bad(good_rows(own, positions, sizes), found.bad), found.consumed, found.position
