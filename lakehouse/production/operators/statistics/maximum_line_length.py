"""Texts without a full line, or with an endless one."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_len", "max_len"))
def maximum_line_length(*, column: str, min_len: int = 10, max_len: int | None = None) -> Keep:
    """Drop a text whose longest line is too short or too long, in the dialect of Data-Juicer 1.6.

    Signal `max_line_length`: code points of the longest line of `str.splitlines()`, 0 without any. Reasons `below_min`, `above_max`. A
    null text has no signal and is quarantined.

    Example:
        `{maximum_line_length: {column: text, max_len: 1000}}`
    """
    return measures.within("max_line_length", measures.line_lengths(column, longest=True), min_len, max_len)
