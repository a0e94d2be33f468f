"""Lines and paragraphs that a text holds twice, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.production.kernels.characters import SPACE, code_point_at, flags_of
from lakehouse.production.kernels.spans import first_like, longest_span, mask_for, span_hash


@numba.njit(nogil=True, cache=True)
def _line(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Of the line that begins at byte i: where it begins and ends without blanks at its ends (twice its end for a blank one), its code
    points between them, where it ends (before CR LF or LF), and where the next one begins."""
    first, last, characters, filled = i, i, 0, 0
    begun = False
    while i < end and data[i] != 10:
        c, after = code_point_at(data, i)
        if flags_of(c, flags) & SPACE:
            characters += begun
        else:
            if not begun:
                first, begun = i, True
            characters += 1
            last, filled = after, characters
        i = after
    stop = i - 1 if i < end and i > first and data[i - 1] == 13 else i
    if not begun:
        first, last = stop, stop
    return first, last, filled, stop, min(i + 1, end)


@numba.njit(nogil=True, cache=True)
def without_repeats(data, offsets, flags, by_paragraph, fewest):  # type: ignore[no-untyped-def]
    """The texts without lines, or paragraphs, that came before in the same text, blanks at their ends aside.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        flags: `characters.table()`.
        by_paragraph: compare runs of lines that are not blank, else single ones.
        fewest: code points, without blanks at the ends, of what is compared.

    Returns:
        bytes and n + 1 offsets. A line goes with the line end before it, a paragraph with the blank lines before it.
    """
    n = len(offsets) - 1
    out = np.empty(offsets[n] - offsets[0], dtype=np.uint8)
    places = np.zeros(n + 1, dtype=np.int64)
    longest = longest_span(offsets)
    starts, ends = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    table = np.zeros(mask_for(longest // 2 + 2) + 1, dtype=np.int64)
    at = np.int64(0)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        mask = mask_for((end - i) // 2 + 2)
        copied, before = i, i  # what stands in `out` so far, and the end of the line, or the paragraph, before
        pieces = 0
        while i < end:
            first, last, characters, stop, i = _line(data, i, end, flags)
            if by_paragraph:
                if last == first:
                    continue
                while i < end:
                    inner, inner_last, more, inner_stop, following = _line(data, i, end, flags)
                    if inner_last == inner:
                        break
                    # Blanks between the lines count as one each: the bound is for short pieces, which have none.
                    characters += more + 1
                    last, stop, i = inner_last, inner_stop, following
            if last > first and characters >= fewest:
                starts[pieces], ends[pieces] = first, last
                if first_like(table, mask, row + 1, span_hash(data, first, last), data, starts, ends, pieces) >= 0:
                    for k in range(copied, before):
                        out[at] = data[k]
                        at += 1
                    copied = stop
                else:
                    pieces += 1
            before = stop
        for k in range(copied, end):
            out[at] = data[k]
            at += 1
        places[row + 1] = at
    return out[:at], places
