"""Simplified texts for near-duplicates, by code points: lower case, no marks, digits as 0, punctuation and spaces as one space."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

BLANK, GONE = 32, 0
_KNOWN = 0x20000
"""The table covers planes 0 and 1; planes 2 and 3 are ideographs and stay, what is above holds no text."""


def simplified(character: str) -> int:
    """The code point that replaces a character: BLANK for punctuation, symbols, spaces and controls, GONE for a mark, else its
    lower-case base letter (canonical decomposition, Unicode 15.0 of Python's database; Hangul syllables stay whole)."""
    lower = character.lower()
    base = [c for c in unicodedata.normalize("NFD", lower) if unicodedata.category(c)[0] != "M"]
    if not base:
        return GONE
    kept = base[0] if len(base) == 1 else lower[0]
    category = unicodedata.category(kept)
    if category == "Nd":
        return ord("0")
    return BLANK if category[0] in "PSZC" else ord(kept)


@lru_cache(maxsize=1)
def table() -> NDArray[np.uint32]:
    """`simplified` of every code point of planes 0 and 1, shape (131072,)."""
    return _table()


def _table() -> NDArray[np.uint32]:
    return np.array([simplified(chr(c)) if not 0xD800 <= c < 0xE000 else BLANK for c in range(_KNOWN)], dtype=np.uint32)


@numba.njit(nogil=True, cache=True)
def next_code_point(data, i):  # type: ignore[no-untyped-def]
    """The code point that begins at byte i of valid UTF-8, and where the next one begins."""
    first = np.uint32(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0:
        return (first & np.uint32(0x1F)) << np.uint32(6) | np.uint32(data[i + 1] & 0x3F), i + 2
    if first < 0xF0:
        high = (first & np.uint32(0x0F)) << np.uint32(12) | np.uint32(data[i + 1] & 0x3F) << np.uint32(6)
        return high | np.uint32(data[i + 2] & 0x3F), i + 3
    high = (first & np.uint32(0x07)) << np.uint32(18) | np.uint32(data[i + 1] & 0x3F) << np.uint32(12)
    return high | np.uint32(data[i + 2] & 0x3F) << np.uint32(6) | np.uint32(data[i + 3] & 0x3F), i + 4


@numba.njit(nogil=True, cache=True)
def simple_code_point(code_point, simple):  # type: ignore[no-untyped-def]
    """`simplified` of any code point, by the table `simple`."""
    if code_point < 0x20000:
        return simple[code_point]
    return code_point if code_point < 0x40000 else np.uint32(BLANK)
