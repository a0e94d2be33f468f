"""Long texts cut into pieces, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np
import polars as pl
import pyarrow as pa

from lakehouse.core.text.kernels import buffers


@numba.njit(nogil=True, cache=True, inline="always")
def _width(byte):  # type: ignore[no-untyped-def]
    """Bytes of the code point that starts with `byte`."""
    if byte < 0x80:
        return 1
    if byte < 0xE0:
        return 2
    return 3 if byte < 0xF0 else 4


@numba.njit(nogil=True, cache=True, inline="always")
def _blank(data, i):  # type: ignore[no-untyped-def]
    """Whether the code point at byte i has the Unicode property White_Space (UAX 44)."""
    b = data[i]
    if b < 0x80:
        return b == 32 or 9 <= b <= 13
    if b == 0xC2:
        return data[i + 1] == 0x85 or data[i + 1] == 0xA0
    if b == 0xE1:
        return data[i + 1] == 0x9A and data[i + 2] == 0x80
    if b == 0xE2:
        if data[i + 1] == 0x80:
            return data[i + 2] <= 0x8A or data[i + 2] == 0xA8 or data[i + 2] == 0xA9 or data[i + 2] == 0xAF
        return data[i + 1] == 0x81 and data[i + 2] == 0x9F
    return b == 0xE3 and data[i + 1] == 0x80 and data[i + 2] == 0x80


@numba.njit(nogil=True, cache=True)
def _cut(data, start, end, at_most, starts, ends, count):  # type: ignore[no-untyped-def]
    """Write the byte spans of the pieces of data[start:end] from index `count` on; returns the next free index."""
    while True:
        while start < end and _blank(data, start):
            start += _width(data[start])
        if start >= end:
            return count
        # `filled` ends the last character in reach that is no space; a cut may also be at the space right after `at_most` characters.
        i, taken, filled = start, 0, start
        line, space = -1, -1
        while i < end and taken <= at_most:
            if _blank(data, i):
                if data[i] == 10:
                    line = filled
                space = filled
                i += _width(data[i])
                taken += 1
            elif taken == at_most:
                break
            else:
                i += _width(data[i])
                taken += 1
                filled = i
        rest = i
        while rest < end and _blank(data, rest):
            rest += _width(data[rest])
        if rest >= end:
            stop = filled
        elif line > 0:
            stop = line
        elif space > 0:
            stop = space
        else:
            stop = filled
        starts[count] = start
        ends[count] = stop
        count += 1
        start = stop


@numba.njit(nogil=True, cache=True)
def _spans(data, offsets, at_most, starts, ends, counts):  # type: ignore[no-untyped-def]
    total = 0
    for row in range(len(offsets) - 1):
        before = total
        total = _cut(data, offsets[row], offsets[row + 1], at_most, starts, ends, total)
        counts[row] = total - before
    return total


@numba.njit(nogil=True, cache=True)
def _gather(data, starts, ends, out):  # type: ignore[no-untyped-def]
    at = 0
    for piece in range(len(starts)):
        for i in range(starts[piece], ends[piece]):
            out[at] = data[i]
            at += 1


def pieces(texts: pl.Series, at_most: int) -> pl.Series:
    """Pieces of at most `at_most` code points: a List(String) a text, empty for a null or blank one.

    A text that fits is one piece. Otherwise a piece ends at the last line end in reach, else at the last space, else after `at_most`
    code points. Pieces have no spaces at their ends and hold every other character, in order.
    """
    data, offsets = buffers.utf8(texts)
    # Every piece but the last of a text is full, or is followed by a space.
    bound = int(offsets[-1] - offsets[0]) // min(at_most, 2) + len(texts) + 1
    starts, ends = np.empty(bound, dtype=np.int64), np.empty(bound, dtype=np.int64)
    counts = np.zeros(len(texts), dtype=np.int64)
    total = _spans(data, offsets, at_most, starts, ends, counts)
    starts, ends = starts[:total], ends[:total]
    places = np.zeros(total + 1, dtype=np.int64)
    np.cumsum(ends - starts, out=places[1:])
    out = np.empty(int(places[-1]), dtype=np.uint8)
    _gather(data, starts, ends, out)
    strings = pa.LargeStringArray.from_buffers(total, pa.py_buffer(places), pa.py_buffer(out))
    rows = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(counts, out=rows[1:])
    lists = pa.LargeListArray.from_arrays(pa.array(rows), strings)
    return pl.Series(texts.name, pl.from_arrow(lists), dtype=pl.List(pl.String))
