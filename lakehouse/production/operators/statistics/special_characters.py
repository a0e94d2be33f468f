"""Texts full of signs."""

from __future__ import annotations

from lakehouse.core.text.kernels.characters import SPECIAL
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def special_characters(*, column: str, min_ratio: float = 0.0, max_ratio: float = 0.25) -> Keep:
    """Drop a text whose share of special characters is out of range, in the dialect of Data-Juicer 1.6.

    Special are ASCII punctuation, digits, spaces, a published list of signs, and emoji of one code point. Signal `special_char_ratio`, 0
    for an empty text. Reasons `below_min`, `above_max`. A null text has no signal and is quarantined.

    Example:
        `{special_characters: {column: text, max_ratio: 0.25}}`
    """
    return measures.within("special_char_ratio", measures.share_of_characters(column, SPECIAL), min_ratio, max_ratio)
