"""Repeated lines and paragraphs, in one text or in several, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.hashes import FNV_OFFSET, FNV_PRIME, mixed
from lakehouse.core.text.kernels.simplify import BLANK, GONE, HYPHEN, MINUS, next_code_point, simple_code_point
from lakehouse.core.text.kernels.spans import first_like, longest_span, mask_for, span_hash


@numba.njit(nogil=True, cache=True)
def _line(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Of the line that begins at byte i: where it begins and ends without spaces at its ends (twice its end for a blank one), its code
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
def _piece(data, i, end, flags, by_paragraph):  # type: ignore[no-untyped-def]
    """As `_line`, of the line that begins at byte i or, by paragraph, of the run of lines that are not blank there."""
    first, last, characters, stop, i = _line(data, i, end, flags)
    if by_paragraph and last > first:
        while i < end:
            inner, inner_last, more, inner_stop, following = _line(data, i, end, flags)
            if inner_last == inner:
                break
            # Blanks between the lines count as one each: the bound is for short pieces, which have none.
            characters += more + 1
            last, stop, i = inner_last, inner_stop, following
    return first, last, characters, stop, i


@numba.njit(nogil=True, cache=True)
def without_repeats(data, offsets, flags, by_paragraph, fewest):  # type: ignore[no-untyped-def]
    """The texts without lines, or paragraphs, that came before in the same text, spaces at their ends aside.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        flags: `characters.table()`.
        by_paragraph: compare runs of lines with text, else single lines.
        fewest: code points, without spaces at the ends, of what is compared.

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
        copied, before = i, i  # the bytes copied to `out` so far, and the end of the line, or the paragraph, before
        pieces = 0
        while i < end:
            first, last, characters, stop, i = _piece(data, i, end, flags, by_paragraph)
            if by_paragraph and last == first:
                continue
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


@numba.njit(nogil=True, cache=True)
def pieces(data, offsets, flags, by_paragraph, simple):  # type: ignore[no-untyped-def]
    """A hash and the length of every line, or paragraph, that is not blank.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        flags: `characters.table()`.
        simple: `simplify.table()`: pieces are equal if they are once simplified; 0 is the hash of one of which nothing is left.

    Returns:
        hashes, lengths in code points, and n + 1 offsets into both.
    """
    n = len(offsets) - 1
    room = 1024
    hashes, lengths = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.uint32)
    places = np.zeros(n + 1, dtype=np.int64)
    count = 0
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            first, last, characters, _, i = _piece(data, i, end, flags, by_paragraph)
            if last == first:
                continue
            if count == room:
                room *= 2
                more_hashes, more_lengths = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.uint32)
                more_hashes[:count], more_lengths[:count] = hashes, lengths
                hashes, lengths = more_hashes, more_lengths
            hashes[count], lengths[count] = _simplified_hash(data, first, last, simple), characters
            count += 1
        places[row + 1] = count
    return hashes[:count], lengths[:count], places


@numba.njit(nogil=True, cache=True)
def _simplified_hash(data, i, end, simple):  # type: ignore[no-untyped-def]
    """FNV-1a over the simplified code points, runs of spaces as one and none at the ends, mixed; 0 if there are none."""
    h = FNV_OFFSET
    blank, filled = False, False
    while i < end:
        code_point, i = next_code_point(data, i)
        kept = simple_code_point(code_point, simple)
        if kept == GONE:
            continue
        if kept == MINUS:
            begins = blank or not filled
            kept = np.uint32(HYPHEN) if begins and i < end and 0x30 <= data[i] <= 0x39 else np.uint32(BLANK)
        if kept == BLANK:
            blank = filled
            continue
        if blank:
            h = (h ^ np.uint64(BLANK)) * FNV_PRIME
            blank = False
        h = (h ^ np.uint64(kept)) * FNV_PRIME
        filled = True
    return mixed(h) if filled else np.uint64(0)


@numba.njit(nogil=True, cache=True)
def shared(order, hashes, rows, copies, keep_first, gone):  # type: ignore[no-untyped-def]
    """Mark in `gone` the pieces that at least `copies` rows hold, but those of the first row if `keep_first`.

    Args:
        order: places of pieces by hash, then by row.
        hashes, rows: of each piece; the hash 0 is of nothing.
    """
    start = 0
    while start < len(order):
        h, holders, last = hashes[order[start]], 0, np.int64(-1)
        stop = start
        while stop < len(order) and hashes[order[stop]] == h:
            row = rows[order[stop]]
            holders += row != last
            last = row
            stop += 1
        if holders >= copies and h != 0:
            first = rows[order[start]]
            for k in range(start, stop):
                gone[order[k]] = not keep_first or rows[order[k]] != first
        start = stop


@numba.njit(nogil=True, cache=True)
def bits(gone, places):  # type: ignore[no-untyped-def]
    """`gone` as bytes of the texts that hold a marked piece (the first piece in the lowest bit), and n + 1 offsets of bytes.

    Args:
        gone: a mark of each piece.
        places: n + 1 offsets of the texts' pieces.
    """
    n = len(places) - 1
    out = np.zeros(len(gone) // 8 + n + 1, dtype=np.uint8)
    begins = np.zeros(n + 1, dtype=np.int64)
    for row in range(n):
        at, marked = begins[row], False
        for k in range(places[row], places[row + 1]):
            number = k - places[row]
            if gone[k]:
                out[at + number // 8] |= np.uint8(1 << (number % 8))
                marked = True
        begins[row + 1] = at + (places[row + 1] - places[row] + 7) // 8 if marked else at
    return out[: begins[n]], begins


@numba.njit(nogil=True, cache=True)
def without_pieces(data, offsets, flags, by_paragraph, marks, places):  # type: ignore[no-untyped-def]
    """The texts without the lines, or paragraphs, that are marked.

    Args:
        data, offsets, flags, by_paragraph: as for `pieces`.
        marks, places: bits of the pieces of each text, the first in the lowest bit, as bytes and their n + 1 offsets; none: all stay.

    Returns:
        bytes and n + 1 offsets. A piece goes with the line ends before it, the first of a text with those behind it.
    """
    n = len(offsets) - 1
    out = np.empty(offsets[n] - offsets[0], dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    at = np.int64(0)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        marked = places[row + 1] > places[row]
        copied, before = i, i  # the bytes copied to `out` so far, and where the piece before ended
        number, begun = 0, False
        while marked and i < end:
            line = i
            first, last, _, stop, i = _piece(data, i, end, flags, by_paragraph)
            if last == first:
                if not by_paragraph and begun:
                    before = stop
                continue
            if marks[places[row] + number // 8] >> (number % 8) & 1:
                if begun:
                    for k in range(copied, before):
                        out[at] = data[k]
                        at += 1
                copied = stop
            else:
                if not begun:
                    copied, begun = line, True
                before = stop
            number += 1
        if not marked or begun:
            for k in range(copied, end):
                out[at] = data[k]
                at += 1
        ends[row + 1] = at
    return out[:at], ends
