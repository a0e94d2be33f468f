"""What kind of character a code point is, by the Unicode classes of Polars' regular expressions, and counts of them, compiled."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels.characters import code_point_at

Kinds = NDArray[np.uint8]

LETTER, HAN, KANA_HANGUL, LATIN, DIGIT, PUNCTUATION, BLANK, EMOJI = (1 << bit for bit in range(8))
"""General category L; script Han; scripts Hiragana, Katakana and Hangul; letters of script Latin; general categories Nd and P;
White_Space; Extended_Pictographic from U+2300 on without CJK signs, regional indicators and skin tones."""

_CLASSES = {
    LETTER: r"\p{L}",
    HAN: r"\p{Han}",
    KANA_HANGUL: r"[\p{Hiragana}\p{Katakana}\p{Hangul}]",
    LATIN: r"[\p{Latin}&&\p{L}]",
    DIGIT: r"\p{Nd}",
    PUNCTUATION: r"\p{P}",
    BLANK: r"\s",
    EMOJI: r"[[\p{Extended_Pictographic}--[\x{0}-\x{22FF}\x{3000}-\x{33FF}]]\x{1F1E6}-\x{1F1FF}\x{1F3FB}-\x{1F3FF}]",
}
_KNOWN = 0x40000
"""No code point above is of any kind: there are only tags, variation selectors and private use."""


@lru_cache(maxsize=1)
def table() -> Kinds:
    """The kinds of every code point below U+40000, shape (262144,): what a pattern such as `\\p{Han}` finds."""
    characters = pl.Series([chr(c) if not 0xD800 <= c < 0xE000 else "" for c in range(_KNOWN)], dtype=pl.String)
    kinds = np.zeros(_KNOWN, dtype=np.uint8)
    for kind, pattern in _CLASSES.items():
        kinds |= np.where(characters.str.contains(pattern).to_numpy(), np.uint8(kind), np.uint8(0))
    kinds.setflags(write=False)
    return kinds


@numba.njit(nogil=True, cache=True, inline="always")
def kind_of(code_point, kinds):  # type: ignore[no-untyped-def]
    """The kinds of any code point, by `table()`."""
    return np.int64(kinds[code_point]) if code_point < 0x40000 else np.int64(0)


@numba.njit(nogil=True, cache=True)
def count_letters(data, offsets, kinds):  # type: ignore[no-untyped-def]
    """Per text its letters, its Han characters, and those of Hiragana, Katakana and Hangul: shape (n, 3)."""
    n = len(offsets) - 1
    out = np.zeros((n, 3), dtype=np.int64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        letters, han, others = 0, 0, 0
        while i < end:
            code_point, i = code_point_at(data, i)
            kind = kind_of(code_point, kinds)
            letters += kind & 1
            han += kind >> 1 & 1
            others += kind >> 2 & 1
        out[row, 0] = letters
        out[row, 1] = han
        out[row, 2] = others
    return out
