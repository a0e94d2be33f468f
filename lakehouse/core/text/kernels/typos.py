"""Slips of a keyboard in words of Latin letters, compiled, straight over Arrow buffers."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.chance import again, below, drawn_at, happens
from lakehouse.core.text.kernels.characters import code_point_at
from lakehouse.core.text.kernels.pieces import copied, in_piece, inside_word, latin, piece_at, with_room

SWAP, DROP, DOUBLE, NEIGHBOUR = (1 << bit for bit in range(4))
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_STARTS = (0.0, 0.25, 0.75)


@lru_cache(maxsize=1)
def neighbours() -> NDArray[np.uint8]:
    """The keys that touch each letter's on a QWERTY keyboard, shape (26, 9): how many, then they, a to z.

    The keys of a row are one apart; as on most boards the second row is a quarter of a key further right than the first, the third half a
    key more. Two keys touch that are next to each other in a row, or in neighbouring rows and less than one apart.
    """
    places = {key: (row, _STARTS[row] + k) for row, keys in enumerate(_ROWS) for k, key in enumerate(keys)}
    table = np.zeros((26, 9), dtype=np.uint8)
    for key, (row, x) in places.items():
        touch = [
            other
            for other, (other_row, other_x) in sorted(places.items())
            if other != key and abs(other_row - row) <= 1 and abs(other_x - x) <= (1.0 if other_row == row else 0.75)
        ]
        table[ord(key) - 97, 0] = len(touch)
        table[ord(key) - 97, 1 : len(touch) + 1] = [ord(other) for other in touch]
    table.setflags(write=False)
    return table


@numba.njit(nogil=True, cache=True)
def _slipped(data, first, i, end, seed, rate, kinds, near, out, at):  # type: ignore[no-untyped-def]
    """Write the word data[i:end] with its slips; `first` is the byte at which the text begins. Returns where it ends."""
    options = np.empty(4, dtype=np.int64)
    _, after = code_point_at(data, i)
    at = copied(data, i, after, out, at)
    i = after
    while i < end:
        code, after = code_point_at(data, i)
        drawn = drawn_at(seed, i - first)
        if not happens(drawn, rate):
            at = copied(data, i, after, out, at)
            i = after
            continue
        n, over = 0, after
        if kinds & SWAP and after < end:
            other, over = code_point_at(data, after)
            if other != code:
                options[n] = SWAP
                n += 1
        if kinds & DROP:
            options[n] = DROP
            n += 1
        if kinds & DOUBLE:
            options[n] = DOUBLE
            n += 1
        if kinds & NEIGHBOUR and code < 0x80:
            options[n] = NEIGHBOUR
            n += 1
        drawn = again(drawn)
        kind = options[below(drawn, n)] if n else 0
        if kind == SWAP:
            at = copied(data, after, over, out, at)
            at = copied(data, i, after, out, at)
            after = over
        elif kind == DOUBLE:
            at = copied(data, i, after, out, at)
            at = copied(data, i, after, out, at)
        elif kind == NEIGHBOUR:
            key = (code | 0x20) - 97
            out[at] = near[key, 1 + below(again(drawn), near[key, 0])] - (0 if code & 0x20 else 32)
            at += 1
        elif kind == 0:
            at = copied(data, i, after, out, at)
        i = after
    return at


@numba.njit(nogil=True, cache=True)
def slips(data, offsets, seeds, rate, kinds, near, flags):  # type: ignore[no-untyped-def]
    """Every text with slips in its words.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        seeds: uint64, shape (n,).
        rate: the chance of each letter, a `chance.threshold`.
        kinds: SWAP | DROP | DOUBLE | NEIGHBOUR.
        near: `neighbours()`.
        flags: `characters.table()`.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = np.empty((offsets[n] - offsets[0]) * 5 // 4 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    at = 0
    for row in range(n):
        first, end = offsets[row], offsets[row + 1]
        seed = again(seeds[row])
        out = with_room(out, at, 2 * (end - first))
        i, stop, before = first, first, np.int64(32)
        while i < end:
            code, after = code_point_at(data, i)
            if i >= stop and in_piece(code):
                stop, address = piece_at(data, i, end, flags)
                if address:
                    at = copied(data, i, stop, out, at)
                    i, before = stop, np.int64(32)
                    continue
            if not latin(code):
                at = copied(data, i, after, out, at)
                i, before = after, code
                continue
            over, next_one = after, np.int64(32)
            while over < end:
                next_one, after = code_point_at(data, over)
                if not latin(next_one):
                    break
                over = after
            if inside_word(before, flags) or (over < end and inside_word(next_one, flags)):
                at = copied(data, i, over, out, at)
            else:
                at = _slipped(data, first, i, over, seed, rate, kinds, near, out, at)
            i, before = over, np.int64(97)
        ends[row + 1] = at
    return out[:at], ends
