"""Letter case as people write in a hurry, compiled, straight over Arrow buffers."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.chance import again, below
from lakehouse.core.text.kernels.characters import ALPHANUMERIC, code_point_at, flags_of
from lakehouse.core.text.kernels.pieces import copied, in_piece, mark, piece_at, with_room
from lakehouse.core.text.kernels.trie import write_code_point

LOWER, UPPER, TITLE, SWAP_FIRST = range(4)
KNOWN = 0x1EA00
"""No letter from here on has a case."""


@lru_cache(maxsize=1)
def cases() -> NDArray[np.int32]:
    """The small and the capital letter of each letter, itself where that is none or more than one: shape (2, KNOWN)."""
    return _cases()


def _cases() -> NDArray[np.int32]:
    table = np.tile(np.arange(KNOWN, dtype=np.int32), (2, 1))
    for code in filter(lambda code: chr(code).isalpha(), range(KNOWN)):
        for row, other in enumerate((chr(code).lower(), chr(code).upper())):
            if len(other) == 1:
                table[row, code] = ord(other)
    return table


@numba.njit(nogil=True, cache=True)
def recased(data, offsets, seeds, kinds, cases, flags):  # type: ignore[no-untyped-def]
    """Every text in the letter case of one of the `kinds`, chosen by its seed.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        seeds: uint64, shape (n,).
        kinds: int64, of LOWER, UPPER, TITLE, SWAP_FIRST.
        cases: `cases()`.
        flags: `characters.table()`.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = np.empty((offsets[n] - offsets[0]) * 5 // 4 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    at = 0
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        kind = kinds[below(again(again(seeds[row])), len(kinds))]
        out = with_room(out, at, (end - i) * 3 // 2 + 4)
        stop, inside, swapped = i, False, False
        while i < end:
            code, after = code_point_at(data, i)
            if i >= stop and in_piece(code):
                stop, address = piece_at(data, i, end, flags)
                if address:
                    at = copied(data, i, stop, out, at)
                    i, inside = stop, True
                    continue
            new = code
            if code < KNOWN:
                small, capital = np.int64(cases[0, code]), np.int64(cases[1, code])
                if kind == LOWER:
                    new = small
                elif kind == UPPER:
                    new = capital
                elif kind == TITLE:
                    if not inside:
                        new = capital
                elif not swapped and (small != code or capital != code):
                    new, swapped = small if small != code else capital, True
            at = write_code_point(out, at, new)
            apostrophe = code == 39 or code == 0x2019
            inside = flags_of(code, flags) & ALPHANUMERIC != 0 or (inside and (apostrophe or mark(code)))
            i = after
        ends[row + 1] = at
    return out[:at], ends
