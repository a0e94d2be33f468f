"""Trigrams of characters: how many different ones a text has, and which of them other texts know."""

from __future__ import annotations

import polars as pl

_GROUP = 50
"""Rows a group: the number of different trigrams grows slower than their number, so only groups of one size compare."""
_CHARACTERS = 300
"""Characters of a row that are looked at, so that no long row speaks for its group."""


def distinct(texts: pl.Series) -> tuple[list[int], list[int]]:
    """Different trigrams and all trigrams of each full group of 50 texts, or of all texts where there are fewer."""
    found = _grouped(texts).group_by("group").agg(pl.col("gram").n_unique().alias("different"), pl.len()).sort("group")
    return found["different"].to_list(), found["len"].to_list()


def covered(texts: pl.Series, known: pl.Series) -> tuple[list[int], list[int]]:
    """Trigrams of each group of 50 `texts` that occur in `known`, and all of them."""
    grams = _grams(known)["gram"].unique()
    found = _grouped(texts).with_columns(pl.col("gram").is_in(grams.implode()))
    counts = found.group_by("group").agg(pl.col("gram").sum(), pl.len()).sort("group")
    return counts["gram"].to_list(), counts["len"].to_list()


def _grouped(texts: pl.Series) -> pl.DataFrame:
    full = max(_GROUP, len(texts) // _GROUP * _GROUP)
    return _grams(texts.head(full)).with_columns(group=pl.col("row") // _GROUP)


def _grams(texts: pl.Series) -> pl.DataFrame:
    """`row`, `gram`: every three characters in a row of each text."""
    characters = texts.fill_null("").str.slice(0, _CHARACTERS).str.split("").alias("first")
    long = pl.DataFrame([characters]).with_row_index("row").explode("first").drop_nulls("first")
    second, third = (pl.col("first").shift(-n).over("row") for n in (1, 2))
    return long.select("row", (pl.col("first") + second + third).alias("gram")).drop_nulls("gram")
