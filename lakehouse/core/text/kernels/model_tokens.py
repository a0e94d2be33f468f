"""The tokens that language models count, folded as CCNet folds text before its models (Wenzek et al. 2020): lower case, no marks, digits as
0, runs of spaces as one. Punctuation stays."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.hashes import FNV_OFFSET, FNV_PRIME, mixed
from lakehouse.core.text.kernels.simplify import BLANK, GONE, simple_code_point


@numba.njit(nogil=True, cache=True, inline="always")
def _stands_alone(c):  # type: ignore[no-untyped-def]
    """Whether a code point is a word of its own: an ideograph."""
    return (0x3400 <= c <= 0x9FFF) or (0xF900 <= c <= 0xFAFF) or c >= 0x20000


@numba.njit(nogil=True, cache=True)
def tokens_of(data, start, end, by_word, simple, flags, tokens):  # type: ignore[no-untyped-def]
    """Hash the tokens of data[start:end] into `tokens`, of at least end - start places; returns their number.

    by_word: runs of letters and digits, and every ideograph, punctuation mark and symbol for itself; else code points and single spaces.
    """
    count = 0
    h = FNV_OFFSET
    inside, blank = False, False
    i = start
    while i < end:
        c, i = code_point_at(data, i)
        kept = np.int64(simple_code_point(c, simple))
        if kept == GONE:
            continue
        alone = not by_word
        if kept == BLANK:
            if flags_of(c, flags) & SPACE:
                blank = True
                if inside:
                    tokens[count] = mixed(h)
                    count += 1
                    h, inside = FNV_OFFSET, False
                continue
            kept, alone = c, True
        if blank and not by_word and count > 0:
            tokens[count] = mixed((FNV_OFFSET ^ np.uint64(BLANK)) * FNV_PRIME)
            count += 1
        blank = False
        if alone or _stands_alone(kept):
            if inside:
                tokens[count] = mixed(h)
                count += 1
                h, inside = FNV_OFFSET, False
            tokens[count] = mixed((FNV_OFFSET ^ np.uint64(kept)) * FNV_PRIME)
            count += 1
        else:
            h = (h ^ np.uint64(kept)) * FNV_PRIME
            inside = True
    if inside:
        tokens[count] = mixed(h)
        count += 1
    return count
