"""Read CSV records one at a time around a stray quote, so that it costs one line and not the rest of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lakehouse.reserve.formats.splitting import spill
from lakehouse.reserve.material import BadItem, Reading

CALM_BYTES = 64 * 1024
"""So many bytes without trouble end the recovery; the rest is read at full speed again."""

Record = tuple[int, int, list[str | None]]


@dataclass
class RecoveredRecords:
    """Records read one at a time.

    Attributes:
        good: position, size in bytes, fields.
        consumed: bytes of the buffer that were read.
        position: position of the next record.
    """

    position: int
    good: list[Record] = field(default_factory=list)
    bad: list[BadItem] = field(default_factory=list)
    consumed: int = 0


def recover(buffer: bytes, position: int, fields: int, reading: Reading, final: bool) -> RecoveredRecords:
    """Records from the start of `buffer`, which ends with a newline if it is the `final` one.

    A record whose quotes do not match, or which spans lines and has not `fields` fields, gives up its first line as a bad item
    and reading goes on at the next line. A record that the buffer does not hold to its end is left for later.
    """
    assert reading.quote is not None
    quote, separator = re.escape(reading.quote.encode()), re.escape(reading.separator.encode())
    grammar = re.compile(quote + rb"((?:[^" + quote + rb"]|" + quote + quote + rb")*+)(" + quote + rb")?|([^" + separator + rb"\n]*+)")
    out = RecoveredRecords(position)
    at = calm = 0
    while at < len(buffer) and at - calm < CALM_BYTES:
        line_end = buffer.find(b"\n", at)
        if line_end < 0:
            break
        end, values, finding = _record(buffer, at, grammar, reading, fields)
        if end is None:
            if not final and len(buffer) - at <= reading.max_item_bytes + 1:
                break
            finding = "malformed_quotes"
        elif end > line_end and (finding not in (None, "invalid_utf8") or _size(buffer, at, end) > reading.max_item_bytes):
            finding = "malformed_quotes"
        if end is None or finding in ("malformed_quotes", "wrong_field_count"):
            end = line_end
        if finding is not None:
            calm = end + 1
        size = _size(buffer, at, end)
        if finding is not None:
            out.bad.append(_bad(buffer[at:end].removesuffix(b"\r"), out.position, finding, reading))
        elif size > reading.max_item_bytes:
            out.bad.append(spill(buffer[at:end].removesuffix(b"\r"), out.position, reading))
        elif size:
            out.good.append((out.position, size, values))
        out.position += 1
        at = end + 1
    out.consumed = at
    return out


def _size(buffer: bytes, start: int, end: int) -> int:
    return len(buffer[start:end].removesuffix(b"\r"))


def _bad(line: bytes, position: int, finding: str, reading: Reading) -> BadItem:
    if len(line) > reading.max_item_bytes:
        return spill(line, position, reading)
    return BadItem(position, len(line), finding, raw=line)


def _record(
    buffer: bytes, at: int, grammar: re.Pattern[bytes], reading: Reading, fields: int
) -> tuple[int | None, list[str | None], str | None]:
    """End of the record at `at` (its newline), its values and what is wrong; an end of None: the buffer ends before it."""
    assert reading.quote is not None
    quote, separator = reading.quote.encode(), reading.separator.encode()
    raw: list[bytes | None] = []
    start = at
    while True:
        match = grammar.match(buffer, at)
        assert match is not None
        quoted, closing, plain = match.groups()
        at = match.end()
        if quoted is not None and closing is None:
            return None, [], None
        if at >= len(buffer) or (quoted is not None and buffer[at:] == b"\r"):
            return None, [], None
        if quoted is not None:
            raw.append(quoted.replace(quote + quote, quote))
            if buffer.startswith(b"\r\n", at):
                at += 1
        else:
            value = plain.removesuffix(b"\r") if buffer[at : at + 1] == b"\n" else plain
            raw.append(value or None)
        after = buffer[at : at + 1]
        if after == separator:
            at += 1
            continue
        if after != b"\n":
            return at, [], "malformed_quotes"
        break
    if raw == [None] and at - start <= 1:
        return at, [], None
    if len(raw) != fields:
        return at, [], "wrong_field_count"
    try:
        return at, [None if value is None else value.decode("utf-8") for value in raw], None
    except UnicodeDecodeError:
        return at, [], "invalid_utf8"
