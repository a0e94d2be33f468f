"""Texts too short or too long."""

from __future__ import annotations

from typing import Literal

import polars as pl

from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", decides=("at_least", "at_most"))
def text_length(*, column: str, at_least: int = 1, at_most: int | None = None, unit: Literal["characters", "words"] = "characters") -> Keep:
    """Drop a text with fewer than `at_least` or more than `at_most` characters (code points) or whitespace words.

    Signal `length`. Reasons `too_short`, `too_long`. A null text has no length and is quarantined.

    Example:
        `{text_length: {column: text, at_least: 4}}`
    """
    text = pl.col(column)
    length = text.str.len_chars() if unit == "characters" else text.str.count_matches(r"\S+")
    leaves = {"too_short": pl.col("length") < at_least}
    if at_most is not None:
        leaves["too_long"] = pl.col("length") > at_most
    return Keep({"length": length.cast(pl.Int64)}, leaves)
