"""Signatures that near-duplicate steps share: simplified text, shingles, 112 hashes of which 16 bits are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, minhash, simplify

Unit = Literal["words", "characters"]
HASHES = 112
BANDS, ROWS = 16, 7
"""With 16 bands of 7 rows a pair of similarity 0.8 shares a band with probability 1 - (1 - 0.8^7)^16 = 0.98."""


def signature(column: str, unit: Unit, size: int, ignored: Sequence[simplify.Aspect]) -> pl.Expr:
    """A Binary of 224 bytes: 112 minima, 16 bits each, over shingles of `size` words or code points of the simplified text, for which what
    is `ignored` does not count; null for a text without any.

    Two unequal minima share 16 bits once in 65,536: next to the sampling error of 112 hashes that is nothing, at a quarter of the room.
    """
    a, b = minhash.permutations(HASHES)
    simple = simplify.table(tuple(sorted(set(ignored))))

    def kernel(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        minima, valid = minhash.signatures(data, offsets, size, unit == "words", a, b, simple)
        return buffers.fixed_binary(texts.name, minima.astype(np.uint16), valid)

    return compiled(pl.col(column), kernel, pl.Binary)


def matrix(signatures: pl.Series) -> NDArray[np.uint16]:
    """The signatures (none null) as an array (n, 112)."""
    data, offsets = buffers.binary(signatures)
    if len(signatures) == 0:
        return np.zeros((0, HASHES), dtype=np.uint16)
    return data[offsets[0] : offsets[-1]].view(np.uint16).reshape(len(signatures), HASHES)


def agreement(signatures: NDArray[np.uint16], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of hashes that agree, of each pair: the estimate of their Jaccard similarity. Of several texts each, that of the least."""
    agree = (signatures[left] == signatures[right]).reshape(len(left), signatures.shape[1] // HASHES, HASHES)
    return np.asarray(agree.mean(axis=2).min(axis=1), dtype=np.float64)
