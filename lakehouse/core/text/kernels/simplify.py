"""Simplified texts, by code points: what does not count is taken away before texts are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

Aspect = Literal["case", "marks", "digits", "punctuation", "symbols", "width"]
"""What need not count: case; marks that a word can do without (`_optional`); digits, all as 0; punctuation and symbols, each as a space;
full and half width."""
FOLDED: tuple[Aspect, ...] = ("case", "marks", "digits", "punctuation", "symbols")
"""As CCNet folds text before it compares lines and counts words (Wenzek et al. 2020), but for marks that spell."""
TYPOGRAPHY: tuple[Aspect, ...] = ("case", "marks", "punctuation", "width")
"""What only sets a text: a word, a number or a sign of reckoning that differs is another text."""
BLANK, GONE, MINUS, HYPHEN = 32, 0, 1, 45
_KNOWN = 0x20000
"""The table covers planes 0 and 1; planes 2 and 3 are ideographs and stay, what is above holds no text."""
_SIGNS = "%‰‱#\u066a\ufe6a\uff05\uff03\ufe5f"
"""Punctuation to Unicode, a sign with a meaning to whoever writes `5 %` and `C#`."""
_ACCENTS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xE0100, 0xE01EF))
_POINTS = (
    (0x0483, 0x0489),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x0898, 0x089F),
    (0x08CA, 0x08FF),
)


def simplified(character: str, ignored: Collection[Aspect] = FOLDED) -> int:
    """The code point that replaces a character where what is `ignored` does not count: BLANK for spaces and controls, and for punctuation
    and symbols; GONE for a mark; MINUS for a hyphen that may be a sign, where punctuation does not count and digits do; else itself, in
    lower case, without its marks, a digit as 0 (Unicode of Python's database)."""
    if "width" in ignored and unicodedata.decomposition(character).startswith(("<wide>", "<narrow>")):
        character = unicodedata.normalize("NFKD", character)[:1]
    lower = character.lower() if "case" in ignored else character
    base = unicodedata.normalize("NFD", lower)
    kept = base if len(base) == 1 else lower[0]
    marks = [c for c in base if unicodedata.category(c)[0] == "M"]
    if "marks" in ignored and marks and all(map(_optional, marks)):
        bare = [c for c in base if c not in marks]
        if not bare:
            return GONE
        kept = bare[0] if len(bare) == 1 else kept
    category = unicodedata.category(kept)
    if category == "Nd":
        return ord("0") if "digits" in ignored else ord(kept)
    if kept == "-" and "punctuation" in ignored and "digits" not in ignored:
        return MINUS
    kind = "symbols" if category[0] == "S" or kept in _SIGNS else "punctuation" if category[0] == "P" else None
    return BLANK if kind in ignored or category[0] in "ZC" else ord(kept)


def _optional(mark: str) -> bool:
    """Whether a mark is one that a word can do without: accents of European scripts, points of Hebrew and Arabic, variation selectors.
    Those of other scripts are vowels, voicing, tones: they spell the word."""
    return any(first <= ord(mark) <= last for first, last in (*_ACCENTS, *_POINTS))


@lru_cache(maxsize=16)
def table(ignored: tuple[Aspect, ...] = FOLDED) -> NDArray[np.uint32]:
    """`simplified` of every code point of planes 0 and 1, shape (131072,)."""
    named = frozenset(ignored)
    return np.array([simplified(chr(c), named) if not 0xD800 <= c < 0xE000 else BLANK for c in range(_KNOWN)], dtype=np.uint32)


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
