"""What the statistics share: a range that a signal must lie in, counts of characters and of words."""

from __future__ import annotations

from typing import Literal

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters
from lakehouse.core.text.kernels.spans import word_table
from lakehouse.core.text.kernels.statistics import word_counts
from lakehouse.core.text.kernels.structs import share
from lakehouse.production.engine.operator import Keep, Verdict

Untokenised = Literal[False]
"""Words are parted by spaces: a model that parts them is another operator's business."""


def within(signal: str, measured: pl.Expr, least: float | None, most: float | None) -> Keep:
    """Keep rows whose signal is not below `least` and not above `most`; null: no limit."""
    leaves: dict[str, Verdict] = {}
    if least is not None:
        leaves["below_min"] = pl.col(signal) < least
    if most is not None:
        leaves["above_max"] = pl.col(signal) > most
    return Keep({signal: measured}, leaves)


def where_known(texts: pl.Series, values: pl.Series) -> pl.Series:
    """`values` under the name of `texts`, null where they are."""
    return values.set(texts.is_null(), None).alias(texts.name) if texts.null_count() else values.alias(texts.name)


def share_of_characters(column: str, flag: int) -> pl.Expr:
    """The share of a text's code points that carry a flag of `characters`; 0 for an empty text."""

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = characters.count_flag(data, offsets, characters.table(), flag)
        return where_known(texts, pl.Series(share(found[:, 1], found[:, 0])))

    return compiled(pl.col(column), measure, pl.Float64)


def line_lengths(column: str, longest: bool) -> pl.Expr:
    """The code points of a text's longest line of `str.splitlines()`, or those of the text over its lines; 0 for a text without any."""

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = characters.line_lengths(data, offsets, characters.table())
        return where_known(texts, pl.Series(found[:, 2]) if longest else pl.Series(share(found[:, 0], found[:, 1])))

    return compiled(pl.col(column), measure, pl.Int64 if longest else pl.Float64)


def number_of_words(column: str) -> pl.Expr:
    """A text's words: parted by spaces, line feeds and tabs, special characters at their ends cut off, empty ones left out."""
    none, nowhere = buffers.utf8(pl.Series([], dtype=pl.String))
    table = word_table(none, nowhere)

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        return where_known(texts, pl.Series(word_counts(data, offsets, characters.table(), table, none, nowhere)[:, 0]))

    return compiled(pl.col(column), measure, pl.Int64)


def share_of_words(column: str, words: list[str]) -> pl.Expr:
    """The share of a text's words, in lower case, that are one of `words`; 0 for a text without words."""
    listed, listed_offsets = buffers.utf8(pl.Series(words, dtype=pl.String))
    table = word_table(listed, listed_offsets)

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = word_counts(data, offsets, characters.table(), table, listed, listed_offsets)
        return where_known(texts, pl.Series(share(found[:, 1], found[:, 0])))

    return compiled(pl.col(column).str.to_lowercase(), measure, pl.Float64)
