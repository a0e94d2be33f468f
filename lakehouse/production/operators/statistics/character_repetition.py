"""Texts that repeat the same characters."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers
from lakehouse.core.text.kernels.statistics import character_runs
from lakehouse.core.text.kernels.structs import share
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def character_repetition(*, column: str, rep_len: Annotated[int, Field(ge=1)] = 10, min_ratio: float = 0.0, max_ratio: float = 0.5) -> Keep:
    """Drop a text whose most frequent runs of `rep_len` characters make up too much of it, in the dialect of Data-Juicer 1.6.

    Signal `char_rep_ratio`: of all runs of `rep_len` code points the share that belongs to the most frequent ones. These are as many as
    the root of the number of different runs, and come more than once. 0 for a shorter text. Reasons `below_min`, `above_max`. A null text
    has no signal and is quarantined.

    Example:
        `{character_repetition: {column: text, rep_len: 10, max_ratio: 0.3}}`
    """

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = character_runs(data, offsets, rep_len)
        return measures.where_known(texts, pl.Series(share(found[:, 1], found[:, 0])))

    return measures.within("char_rep_ratio", compiled(pl.col(column), measure, pl.Float64), min_ratio, max_ratio)
