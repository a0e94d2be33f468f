"""Languages, copies and size of a column of texts."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import TYPOGRAPHY
from lakehouse.core.text.language import detected

THRESHOLD = 0.8
_TOKENS = r"\p{Han}|\p{Hiragana}|\p{Katakana}|[^\s\p{P}\p{Han}\p{Hiragana}\p{Katakana}]+"


@dataclass(frozen=True)
class Copies:
    """Copies in the sample of a text column.

    Attributes:
        exact: share of the texts that repeat an earlier one.
        near: share that repeats an earlier one nearly or exactly: Jaccard similarity of at least 0.8, estimated as `dedup_minhash` does.
    """

    column: str
    exact: float
    near: float


def languages(texts: pl.Series) -> dict[str, float]:
    """Share by language code, the most frequent first; a text without words has none."""
    codes = texts.alias("_").to_frame().select(detected("_").struct.field("code").alias("code"))["code"].drop_nulls()
    if codes.is_empty():
        return {}
    return {code: round(n / len(codes), 4) for code, n in codes.value_counts(sort=True).iter_rows()}


def copies(texts: pl.Series, *, chinese: bool) -> Copies:
    """Exact and near copies among the texts."""
    known = texts.drop_nulls()
    known = known.filter(known != "")
    if known.is_empty():
        return Copies(texts.name, 0.0, 0.0)
    exact = 1 - known.n_unique() / len(known)
    unit: shingles.Unit = "characters" if chinese else "words"
    signed = known.alias("_").to_frame().select(shingles.signature("_", unit, 3, TYPOGRAPHY).alias("s"), "_")
    able = signed.filter(pl.col("s").is_not_null())
    clusters = near_duplicate_clusters(shingles.matrix(able["s"]), shingles.BANDS, shingles.ROWS, THRESHOLD)
    # A text too short for a shingle is compared as a whole.
    short = signed.filter(pl.col("s").is_null())["_"].n_unique()
    near = 1 - (pl.Series(clusters).n_unique() + short) / len(known)
    return Copies(texts.name, round(exact, 4), round(max(near, exact), 4))


def tokens(texts: pl.Series) -> int:
    """Words, each Han character and kana as one: a measure of size that belongs to no model's tokenizer."""
    return int(texts.str.count_matches(_TOKENS).sum() or 0)
