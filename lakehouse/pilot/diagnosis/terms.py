"""The words of texts, and those that separate some texts from others."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import MissingExtraError
from lakehouse.production.operators.chinese.segment_chinese import segment_chinese

SHOWN = 8
_LEAST_Z = 1.96
_RARE = 2
"""Fewest texts that a word has to be in."""


def words(texts: pl.Series) -> pl.Series:
    """The distinct words of each text in lower case, of two letters or digits at least; null is empty.

    Chinese is parted by jieba where that is installed (extra `chinese`), else into pairs of characters.
    """
    plain = texts.fill_null("").str.to_lowercase().alias("text")
    if plain.str.contains(r"\p{Han}").any():
        plain = _parted(plain)
    return plain.str.extract_all(r"[\p{L}\p{N}_]{2,}").list.unique().alias("words")


def _parted(texts: pl.Series) -> pl.Series:
    try:
        change: Any = segment_chinese(column="text").columns["text"]
    except MissingExtraError:
        pairs = pl.col("text").str.replace_all(r"(\p{Han})", " $1 ").str.replace_all(r"(\p{Han})\s+(\p{Han})", "$1$2 $2")
        return texts.to_frame().select(pairs).to_series()
    return texts.to_frame().select(change).to_series()


def telling(words: pl.Series, some: NDArray[np.bool_], shown: int = SHOWN, common: float = 0.2) -> list[str]:
    """The words that are in more of `some` texts than of the others, surest first.

    By the z score of the logarithm of their odds ratio under a prior from all texts (Monroe, Colaresi, Quinn: Fightin' Words, Political
    Analysis 16, 2008, section 3.5), counted by texts, so that no single text makes a word telling.

    Args:
        words: of each text, as `words` gives them.
        some: shape (texts,).
        common: share of the texts from which on a word is too common to count.
    """
    n, other = int(some.sum()), int((~some).sum())
    if not n or not other:
        return []
    frame = pl.DataFrame({"word": words, "some": pl.Series(some)}).explode("word").drop_nulls("word")
    counts = frame.group_by("word").agg(a=pl.col("some").sum(), b=(~pl.col("some")).sum())
    counts = counts.filter((pl.col("a") >= _RARE) & (pl.col("a") + pl.col("b") <= max(_RARE, common * (n + other))))
    prior = (pl.col("a") + pl.col("b")) / (n + other)  # of one text
    a, b = pl.col("a") + prior, pl.col("b") + prior
    odds = (a / (n + 1 - a)).log() - (b / (other + 1 - b)).log()
    scored = counts.with_columns(z=odds / (1 / a + 1 / b).sqrt()).filter(pl.col("z") >= _LEAST_Z)
    return scored.sort("z", "word", descending=[True, False]).head(shown)["word"].to_list()
