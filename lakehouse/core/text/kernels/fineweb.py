"""The counts behind FineWeb's line rules (Penedo et al. 2024), compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import SPACE, TERMINAL, code_point_at, flags_of
from lakehouse.core.text.kernels.repetition import duplicates
from lakehouse.core.text.kernels.spans import longest_span, mask_for


@numba.njit(nogil=True, cache=True)
def list_counts(data, offsets, flags, short):  # type: ignore[no-untyped-def]
    """Per text, lines being what line feeds part and is not blank: lines, those whose last character is TERMINAL, those of at most `short`
    code points, code points of lines that came before, code points without line feeds, line feeds, whitespace words. Shape (n, 7)."""
    n = len(offsets) - 1
    out = np.zeros((n, 7), dtype=np.int64)
    longest = longest_span(offsets)
    starts, ends = np.empty(longest + 2, dtype=np.int64), np.empty(longest + 2, dtype=np.int64)
    table = np.zeros(mask_for(longest + 1) + 1, dtype=np.int64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        lines, terminal, shorter, total, feeds, words = 0, 0, 0, 0, 0, 0
        begin, length, filled, ends_well, inside = i, 0, False, False, False
        while i <= end:
            if i == end or data[i] == 10:
                if filled:
                    starts[lines], ends[lines] = begin, i
                    lines += 1
                    terminal += ends_well
                    shorter += length <= short
                feeds += i < end
                total += length
                i += 1
                begin, length, filled, inside = i, 0, False, False
                continue
            c, i = code_point_at(data, i)
            flag = flags_of(c, flags)
            length += 1
            ends_well = flag & TERMINAL != 0
            if flag & SPACE:
                inside = False
            else:
                filled = True
                words += not inside
                inside = True
        out[row, 0], out[row, 1], out[row, 2], out[row, 4], out[row, 5], out[row, 6] = lines, terminal, shorter, total, feeds, words
        _, out[row, 3] = duplicates(table, row + 1, data, starts, ends, lines)
    return out
