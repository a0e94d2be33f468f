"""Counts of characters by kind, and how they are spread, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import LINE_END, code_point_at, flags_of
from lakehouse.core.text.kernels.scripts import BLANK, DIGIT, EMOJI, HAN, LATIN, PUNCTUATION, kind_of
from lakehouse.core.text.kernels.spans import longest_span

COUNTS = ("characters", "han", "latin", "digits", "punctuation", "blanks", "emoji", "other", "words", "lines", "bytes", "distinct")
"""The columns of `profiles`, in order."""


@numba.njit(nogil=True, cache=True)
def profiles(data, offsets, kinds, flags):  # type: ignore[no-untyped-def]
    """Per text the COUNTS, shape (n, 12), and the entropy of its code points in bits a character, shape (n,); 0 for an empty text.

    Args:
        kinds: `scripts.table()`.
        flags: `characters.table()`.
    """
    n = len(offsets) - 1
    out, entropies = np.zeros((n, 12), dtype=np.int64), np.zeros(n, dtype=np.float64)
    times, seen = np.zeros(0x110000, dtype=np.int32), np.empty(min(longest_span(offsets), 0x110000) + 1, dtype=np.int32)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        total, han, latin, digits, punctuation, blanks, emoji, words, lines, distinct = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        in_word, open_line, carriage = False, False, False
        while i < end:
            code_point, after = code_point_at(data, i)
            kind = kind_of(code_point, kinds)
            if times[code_point] == 0:
                seen[distinct] = code_point
                distinct += 1
            times[code_point] += 1
            total += 1
            han += kind & HAN != 0
            latin += kind & LATIN != 0
            digits += kind & DIGIT != 0
            punctuation += kind & PUNCTUATION != 0
            emoji += kind & EMOJI != 0
            if kind & BLANK:
                blanks += 1
                in_word = False
            elif not in_word:
                words += 1
                in_word = True
            if code_point == 10 and carriage:
                carriage, open_line = False, False  # the line ended before it
            elif flags_of(code_point, flags) & LINE_END:
                lines += 1
                carriage, open_line = code_point == 13, False
            else:
                carriage, open_line = False, True
            i = after
        spread = 0.0
        for k in range(distinct):
            count = times[seen[k]]
            times[seen[k]] = 0
            spread += count * np.log2(np.float64(count))
        if total:
            entropies[row] = max(0.0, np.log2(np.float64(total)) - spread / total)
        named = han + latin + digits + punctuation + blanks + emoji
        for k, value in enumerate(
            (total, han, latin, digits, punctuation, blanks, emoji, total - named, words, lines + open_line, end - offsets[row], distinct)
        ):
            out[row, k] = value
    return out, entropies
