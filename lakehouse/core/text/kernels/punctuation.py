"""Punctuation as people write it in a hurry, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.chance import again, below, drawn_at, happens
from lakehouse.core.text.kernels.characters import DIGIT, SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.pieces import copied, in_piece, latin, piece_at, with_room
from lakehouse.core.text.kernels.trie import write_code_point

DROP, WIDTH, DOUBLE, BLANK = range(4)


@numba.njit(nogil=True, cache=True, inline="always")
def _other_width(code):  # type: ignore[no-untyped-def]
    """The full-width form of `, . ! ?`, the ASCII form of `，。！？`, or 0."""
    if code < 0x80:
        if code == 33 or code == 44 or code == 63:
            return code + 0xFEE0
        return np.int64(0x3002) if code == 46 else np.int64(0)
    if code == 0xFF01 or code == 0xFF0C or code == 0xFF1F:
        return code - 0xFEE0
    return np.int64(46) if code == 0x3002 else np.int64(0)


@numba.njit(nogil=True, cache=True)
def repunctuated(data, offsets, seeds, rate, flags):  # type: ignore[no-untyped-def]
    """Every text with some of its signs dropped, in the other width, doubled, or without the space after them.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        seeds: uint64, shape (n,).
        rate: the chance of each sign, a `chance.threshold`.
        flags: `characters.table()`.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = np.empty((offsets[n] - offsets[0]) * 5 // 4 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    options = np.empty(4, dtype=np.int64)
    at = 0
    for row in range(n):
        first, end = offsets[row], offsets[row + 1]
        seed = again(seeds[row])
        out = with_room(out, at, 3 * (end - first))
        i, stop, before = first, first, np.int64(32)
        while i < end:
            code, after = code_point_at(data, i)
            if i >= stop and in_piece(code):
                stop, address = piece_at(data, i, end, flags)
                if address:
                    # The last sign of an address also counts as the one before what follows.
                    last = stop - 1
                    while data[last] & 0xC0 == 0x80:
                        last -= 1
                    before, _ = code_point_at(data, last)
                    at = copied(data, i, stop, out, at)
                    i = stop
                    continue
            other = _other_width(code)
            if other == 0 or _other_width(before) != 0:
                at = copied(data, i, after, out, at)
                i, before = after, code
                continue
            follows, beyond = code_point_at(data, after) if after < end else (np.int64(32), end)
            drawn = drawn_at(seed, i - first)
            free = _other_width(follows) == 0 and not latin(follows) and flags_of(follows, flags) & DIGIT == 0
            before = code
            if not free or not happens(drawn, rate):
                at = copied(data, i, after, out, at)
                i = after
                continue
            options[0], options[1], count = DROP, WIDTH, 2
            if code == 33 or code == 63 or code == 0xFF01 or code == 0xFF1F:
                options[count] = DOUBLE
                count += 1
            if code == 44 and after < end and follows == 32 and beyond < end:
                over, _ = code_point_at(data, beyond)
                if flags_of(over, flags) & (SPACE | DIGIT) == 0:
                    options[count] = BLANK
                    count += 1
            kind = options[below(again(drawn), count)]
            if kind == WIDTH:
                at = write_code_point(out, at, other)
            elif kind != DROP:
                at = copied(data, i, after, out, at)
                if kind == DOUBLE:
                    at = copied(data, i, after, out, at)
            i = beyond if kind == BLANK else after
            if kind == BLANK:
                before = np.int64(32)
        ends[row + 1] = at
    return out[:at], ends
