"""The counts behind Gopher's quality rules (Rae et al. 2021, appendix A), compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import LETTER, LINE_END, PUNCTUATION, SPACE, code_point_at, flags_of, line_end_after
from lakehouse.core.text.kernels.spans import find_word

COUNTS = ("words", "symbolic", "characters", "alphabetic", "hashes", "ellipses", "lines", "bullets", "ellipsis_ends", "stop_words")
"""Columns of `counts`. symbolic: words with a character that is no punctuation; characters: code points of those; ellipses: `...` and
`…`; stop_words: how many of the list occur."""


@numba.njit(nogil=True, cache=True)
def counts(data, offsets, flags, stop_table, stop_data, stop_offsets):  # type: ignore[no-untyped-def]
    """COUNTS of each text, shape (n, 10).

    Args:
        flags: `characters.table()`.
        stop_table, stop_data, stop_offsets: `spans.word_table` of the stop words, and what it was made from.
    """
    n = len(offsets) - 1
    out = np.zeros((n, 10), dtype=np.int64)
    longest_stop = 0
    for k in range(len(stop_offsets) - 1):
        longest_stop = max(longest_stop, stop_offsets[k + 1] - stop_offsets[k])
    seen = np.full(len(stop_offsets), -1, dtype=np.int64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        words, symbolic, characters, alphabetic, hashes, ellipses = 0, 0, 0, 0, 0, 0
        lines, bullets, ellipsis_ends, stops = 0, 0, 0, 0
        # The word at hand: where it began (-1: none), its length, what it holds. The line at hand: whether it holds anything, a
        # character that is no space, and what its last such character ends.
        start, length, symbol, letter = np.int64(-1), 0, False, False
        in_line, filled, dots, tail_dots, tail_sign = False, False, 0, 0, False
        while i <= end:
            if i < end:
                c, after = code_point_at(data, i)
                flag = flags_of(c, flags)
            else:
                c, after, flag = np.int64(32), i + 1, np.int64(SPACE)
            if flag & SPACE:
                dots = 0
                if start >= 0:
                    words += 1
                    alphabetic += letter
                    if symbol:
                        symbolic += 1
                        characters += length
                    if i - start <= longest_stop:
                        k = find_word(data, start, i, stop_table, stop_data, stop_offsets)
                        if k >= 0 and seen[k] != row:
                            seen[k] = row
                            stops += 1
                    start = np.int64(-1)
                if i == end or flag & LINE_END:
                    if i < end or in_line:
                        lines += 1
                        ellipsis_ends += tail_dots >= 3 or tail_sign
                    if i < end:
                        after = line_end_after(data, i, after, end)
                    in_line, filled, tail_dots, tail_sign = False, False, 0, False
                else:
                    in_line = True
            else:
                if start < 0:
                    start, length, symbol, letter = i, 0, False, False
                length += 1
                letter = letter or flag & LETTER != 0
                symbol = symbol or flag & PUNCTUATION == 0
                if not filled:
                    bullets += c == 0x2022 or c == 45
                    filled = True
                in_line = True
                if c == 46:
                    dots += 1
                    ellipses += dots % 3 == 0
                else:
                    dots = 0
                    hashes += c == 35
                tail_sign = c == 0x2026
                ellipses += tail_sign
                tail_dots = dots
            i = after
        out[row, 0], out[row, 1], out[row, 2], out[row, 3], out[row, 4] = words, symbolic, characters, alphabetic, hashes
        out[row, 5], out[row, 6], out[row, 7], out[row, 8], out[row, 9] = ellipses, lines, bullets, ellipsis_ends, stops
    return out
