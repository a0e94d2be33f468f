"""Texts that repeat the same words."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters
from lakehouse.core.text.kernels.statistics import word_runs
from lakehouse.core.text.kernels.structs import share
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def word_repetition(
    *,
    column: str,
    lang: str = "en",
    tokenization: measures.Untokenised = False,
    rep_len: Annotated[int, Field(ge=1)] = 10,
    min_ratio: float = 0.0,
    max_ratio: float = 0.5,
) -> Keep:
    """Drop a text in which too many runs of `rep_len` words come more than once, in the dialect of Data-Juicer 1.6.

    Words are parted by spaces, line feeds and tabs, special characters at their ends (see special_characters) cut off, empty ones left
    out; `lang` is for the reader, words are found alike in every language. They are compared in lower case. Signal `word_rep_ratio`: of
    all runs of `rep_len` words the share that comes more than once, 0 for a shorter text. Reasons `below_min`, `above_max`. A null text
    has no signal and is quarantined.

    Example:
        `{word_repetition: {column: text, rep_len: 10, max_ratio: 0.2}}`
    """

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = word_runs(data, offsets, characters.table(), rep_len)
        return measures.where_known(texts, pl.Series(share(found[:, 1], found[:, 0])))

    return measures.within("word_rep_ratio", compiled(pl.col(column).str.to_lowercase(), measure, pl.Float64), min_ratio, max_ratio)
