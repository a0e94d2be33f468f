"""Texts of short lines, or of endless ones."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_len", "max_len"))
def average_line_length(*, column: str, min_len: int = 10, max_len: int | None = None) -> Keep:
    """Drop a text whose average line is too short or too long, in the dialect of Data-Juicer 1.6.

    Signal `avg_line_length`: code points of the text over lines of `str.splitlines()`, 0 without any. Reasons `below_min`, `above_max`. A
    null text has no signal and is quarantined.

    Example:
        `{average_line_length: {column: text, min_len: 10}}`
    """
    return measures.within("avg_line_length", measures.line_lengths(column, longest=False), min_len, max_len)
