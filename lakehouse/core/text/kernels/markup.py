"""How deep the elements of web pages are nested, compiled, straight over Arrow buffers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import buffers
from lakehouse.core.text.kernels.spans import find_word, word_table

# The void elements of the HTML standard (13.1.2), and those whose end tags may be left out (13.1.2.4): these close themselves.
_CLOSED = (
    "area base br col embed hr img input link meta source track wbr p li dt dd rt rp optgroup option colgroup caption "
    "thead tbody tfoot tr td th html head body"
)


@lru_cache(maxsize=1)
def _closed() -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    data, offsets = buffers.utf8(pl.Series(f"{_CLOSED} {_CLOSED.upper()}".split()))
    return word_table(data, offsets), data, offsets


@numba.njit(nogil=True, cache=True)
def _deepest(data, offsets, table, names, places):  # type: ignore[no-untyped-def]
    out = np.zeros(len(offsets) - 1, dtype=np.int64)
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        depth, deepest = 0, 0
        while i < end:
            if data[i] != 60:
                i += 1
                continue
            i += 1
            closing = i < end and data[i] == 47
            start = i + closing
            i = start
            while i < end and (65 <= data[i] <= 90 or 97 <= data[i] <= 122 or 48 <= data[i] <= 57):
                i += 1
            if i == start or find_word(data, start, i, table, names, places) >= 0:
                continue
            depth = max(depth - 1, 0) if closing else depth + 1
            deepest = max(deepest, depth)
        out[row] = deepest
    return out


def deepest(pages: pl.Series) -> NDArray[Any]:
    """By page the most elements that are open at one place, those left out that close themselves; int64, shape (n,)."""
    data, offsets = buffers.utf8(pages)
    found: NDArray[Any] = _deepest(data, offsets, *_closed())
    return found
