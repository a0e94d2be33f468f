"""Near-duplicates by SimHash."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, simhash
from lakehouse.production.engine.operator import OPERATORS, Merge
from lakehouse.production.operators.duplicates import survivors
from lakehouse.production.operators.repair import patterns

Tokenization = Literal["space", "punctuation", "character"]


@OPERATORS.register(version=1, cardinality="N:1", decides=("num_blocks", "hamming_distance", "keep"))
def dedup_simhash(
    *,
    column: str,
    tokenization: Tokenization = "space",
    window_size: Annotated[int, Field(ge=1)] = 6,
    lowercase: bool = True,
    ignore_pattern: str | None = None,
    num_blocks: Annotated[int, Field(ge=1, le=12)] = 6,
    hamming_distance: Annotated[int, Field(ge=0)] = 4,
    keep: survivors.Policy = "first",
) -> Merge:
    """Merge near-duplicates: texts whose SimHash fingerprints of 64 bits differ in at most `hamming_distance` bits.

    SimHash (Charikar 2002) over shingles of `window_size` tokens, with the parameters of Data-Juicer's document_simhash_deduplicator:
    what matches `ignore_pattern` (after `lowercase`) is left out; tokens are parted by spaces, by punctuation, or are single characters
    (for Chinese). A text shorter than a shingle is one shingle; there, all such texts are equal. All pairs within the distance are found:
    two of them agree in `num_blocks` - `hamming_distance` of `num_blocks` blocks at least (Manku et al. 2007), and every candidate is
    verified. Clusters are connected components and do not depend on order. `keep` decides which row stays: the first by `_row_id`, the
    longest text, or `all` (nothing merges, the cluster is only named, and splits keep it together). Signals `fingerprint` and `length`.
    The evidence is the share of bits that agree. A null text, or one without tokens, equals no other.

    Example:
        `{dedup_simhash: {column: text, tokenization: character, hamming_distance: 3}}`
    """
    if hamming_distance >= num_blocks:
        raise RecipeError(
            f"dedup_simhash: `hamming_distance` {hamming_distance} is not less than `num_blocks` {num_blocks}",
            fix=f"num_blocks: {hamming_distance + 2}, or a smaller distance",
        )
    text = pl.col(column).str.to_lowercase() if lowercase else pl.col(column)
    text = text.str.replace_all(patterns.checked(ignore_pattern), "") if ignore_pattern else text

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found, valid = simhash.fingerprints(data, offsets, _separators(tokenization), tokenization == "punctuation", window_size)
        return pl.select(pl.when(pl.Series(valid)).then(pl.Series(found.view(np.int64)))).to_series().alias(texts.name)

    def decide(rows: pl.Series) -> pl.Series:
        known = rows.struct.unnest().filter(pl.col("fingerprint").is_not_null()).sort("_index")
        prints = known["fingerprint"].to_numpy().view(np.uint64)
        component = simhash.clusters(prints, num_blocks, hamming_distance)
        agreement = lambda left, right: 1 - simhash.differing_bits(prints, left, right) / simhash.BITS  # noqa: E731
        return survivors.merged(rows, known["_index"], component, known["length"], keep, agreement)

    found = pl.struct("_index", "fingerprint", "length").map_batches(decide, return_dtype=survivors.MERGED)
    return Merge(
        {"fingerprint": compiled(text, measure, pl.Int64), "length": pl.col(column).str.len_chars().cast(pl.Int64)},
        survivor=found.struct.field("survivor"),
        cluster=found.struct.field("cluster"),
        evidence=found.struct.field("similarity"),
    )


@lru_cache(maxsize=3)
def _separators(tokenization: Tokenization) -> NDArray[np.bool_]:
    """By code point what parts tokens; empty where every character is one."""
    if tokenization == "character":
        return np.zeros(0, dtype=np.bool_)
    if tokenization == "space":
        return np.array([c == 0x20 for c in range(0x21)])
    return np.array([unicodedata.category(chr(c))[0] == "P" for c in range(0x20000)])
