"""Signatures that near-duplicate steps share: simplified text, shingles, 112 hashes of which 16 bits are kept."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.production.kernels import buffers, minhash
from lakehouse.production.operator import compiled

Unit = Literal["words", "characters"]
HASHES = 112
BANDS, ROWS = 16, 7
"""With 16 bands of 7 rows a pair of similarity 0.8 shares a band with probability 1 - (1 - 0.8^7)^16 = 0.98."""


def simplified(text: pl.Expr) -> pl.Expr:
    """Lower case, digits as 0, no marks (NFD), punctuation and blanks folded to one space: what near-duplicates agree on."""
    return (
        text.str.to_lowercase()
        .str.normalize("NFD")
        .str.replace_all(r"\p{M}+", "")
        .str.replace_all(r"\p{Nd}", "0")
        .str.replace_all(r"[\p{P}\p{S}\p{Z}\p{C}]+", " ")
        .str.strip_chars(" ")
    )


def signature(column: str, unit: Unit, size: int) -> pl.Expr:
    """A Binary of 224 bytes: 112 minima, 16 bits each, over shingles of `size` words or code points; null for an empty text.

    Two unequal minima share 16 bits once in 65,536: next to the sampling error of 112 hashes that is nothing, at a quarter of the room.
    """
    a, b = minhash.permutations(HASHES)
    text = simplified(pl.col(column))
    if unit == "characters":
        text = text.str.replace_all(" ", "")

    def kernel(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        minima, valid = minhash.signatures(data, offsets, size, unit == "words", a, b)
        return buffers.fixed_binary(texts.name, minima.astype(np.uint16), valid)

    return compiled(text, kernel, pl.Binary)


def matrix(signatures: pl.Series) -> NDArray[np.uint16]:
    """The signatures (none null) as an array (n, 112)."""
    data, offsets = buffers.binary(signatures)
    if len(signatures) == 0:
        return np.zeros((0, HASHES), dtype=np.uint16)
    return data[offsets[0] : offsets[-1]].view(np.uint16).reshape(len(signatures), HASHES)
