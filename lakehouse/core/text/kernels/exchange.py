"""Characters exchanged for possible replacements, compiled, straight over Arrow buffers.

The characters are those of three bytes in UTF-8 (U+0800 to U+FFFF, as nearly all Chinese ones are), so that a text keeps its length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.chance import again, below, drawn_at, happens
from lakehouse.core.text.kernels.pieces import piece_at

FIRST, LAST = 0x0800, 0xFFFF


@dataclass(frozen=True)
class ExchangeTable:
    """Characters and their possible replacements.

    Attributes:
        places: int32, shape (65536,): the number of each code point that has others, else -1.
        starts: int64, shape (n + 1,): where the others of number k begin.
        others: int32: their code points.
        upto: int64: their weights, added up from the first of each number on; all of one number are below 2^31.
    """

    places: NDArray[np.int32]
    starts: NDArray[np.int64]
    others: NDArray[np.int32]
    upto: NDArray[np.int64]

    @property
    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """The arguments of the compiled functions."""
        return self.places, self.starts, self.others, self.upto


def table(pairs: NDArray[np.int64]) -> ExchangeTable:
    """The table of `pairs`, shape (m, 3): code point, its possible replacement, its weight (above 0); of one code point in a row.

    Raises:
        ValueError: a code point is not of three bytes.
    """
    if len(pairs) and not (pairs[:, :2].min() >= FIRST and pairs[:, :2].max() <= LAST):
        raise ValueError("only characters of three bytes are exchanged")
    codes, begins = np.unique(pairs[:, 0], return_index=True)
    if (np.diff(begins) <= 0).any():
        raise ValueError("the pairs are not in the order of code points")
    starts = np.append(begins, len(pairs)).astype(np.int64)
    places = np.full(LAST + 1, -1, dtype=np.int32)
    places[codes] = np.arange(len(codes), dtype=np.int32)
    sums = np.cumsum(pairs[:, 2])
    before = np.repeat(np.append(0, sums)[starts[:-1]], np.diff(starts))
    return ExchangeTable(places, starts, pairs[:, 1].astype(np.int32), sums - before)


@numba.njit(nogil=True, cache=True)
def exchanged(data, offsets, seeds, rate, places, starts, others, upto, flags):  # type: ignore[no-untyped-def]
    """Every text with some of its characters exchanged; addresses (kernels/pieces.py) stay.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        seeds: uint64, shape (n,).
        rate: the chance of each character that has others, a `chance.threshold`.
        places, starts, others, upto: `Table.arrays`.
        flags: `characters.table()`.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = data[offsets[0] : offsets[n]].copy()
    shift = offsets[0]
    for row in range(n):
        first, end = offsets[row], offsets[row + 1]
        seed = again(seeds[row])
        i = first
        while i < end:
            byte = data[i]
            if byte < 0x80:
                if byte < 0x21:
                    i += 1
                else:
                    stop, _ = piece_at(data, i, end, flags)
                    i = max(stop, i + 1)
                continue
            if byte < 0xE0:
                stop, _ = piece_at(data, i, end, flags)
                i = max(stop, i + 2)
                continue
            if byte >= 0xF0:
                i += 4
                continue
            place = places[np.int64(byte & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | np.int64(data[i + 2] & 0x3F)]
            if place >= 0:
                drawn = drawn_at(seed, i - first)
                if happens(drawn, rate):
                    low, high = starts[place], starts[place + 1] - 1
                    wanted = below(again(drawn), upto[high])
                    while low < high:
                        middle = (low + high) >> 1
                        if upto[middle] > wanted:
                            high = middle
                        else:
                            low = middle + 1
                    other = others[low]
                    out[i - shift] = 0xE0 | other >> 12
                    out[i - shift + 1] = 0x80 | other >> 6 & 0x3F
                    out[i - shift + 2] = 0x80 | other & 0x3F
            i += 3
    return out, offsets - shift
