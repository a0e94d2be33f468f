"""Runs of spaces folded, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import code_point_at


@numba.njit(nogil=True, cache=True, inline="always")
def _kind(c):  # type: ignore[no-untyped-def]
    """0: no space; 1: a space within a line; 2: ends a line; 3: U+000D, which ends one together with a line feed; 4: of no width.

    White_Space of the Unicode Character Database (UAX #44), and the zero-width space, word joiner and byte order mark.
    """
    if c > 32 and c < 0x85:
        return 0
    if c == 32 or c == 9 or c == 11 or c == 12:
        return 1
    if c == 10:
        return 2
    if c == 13:
        return 3
    if c < 0x85 or (c > 0xA0 and c < 0x1680):
        return 0
    if c == 0xA0 or c == 0x1680 or (0x2000 <= c <= 0x200A) or c == 0x202F or c == 0x205F or c == 0x3000:
        return 1
    if c == 0x85 or c == 0x2028 or c == 0x2029:
        return 2
    return 4 if c == 0x200B or c == 0x2060 or c == 0xFEFF else 0


@numba.njit(nogil=True, cache=True)
def fold(data, offsets):  # type: ignore[no-untyped-def]
    """Every text with its runs of spaces folded: none at the ends, one space for a run within a line, else one or two line feeds.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.

    Returns:
        bytes and offsets of the folded texts. Two line feeds replace any number of line ends above one.
    """
    n = len(offsets) - 1
    out = np.empty(offsets[n] - offsets[0], dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    at = 0
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        started, blank, lines, carriage = False, False, 0, False
        while i < end:
            byte = data[i]
            if byte > 32 and byte < 0x80:
                kind, after = 0, i + 1
            else:
                c, after = code_point_at(data, i)
                kind = _kind(c)
            if kind == 0:
                if blank and started:
                    if lines == 0:
                        out[at] = 32
                        at += 1
                    else:
                        out[at] = 10
                        at += 1
                        if lines > 1:
                            out[at] = 10
                            at += 1
                started, blank, lines, carriage = True, False, 0, False
                for k in range(i, after):
                    out[at] = data[k]
                    at += 1
            elif kind != 4:
                blank = True
                lines += kind == 3 or (kind == 2 and not (carriage and byte == 10))
                carriage = kind == 3
            i = after
        ends[row + 1] = at
    return out[:at], ends
