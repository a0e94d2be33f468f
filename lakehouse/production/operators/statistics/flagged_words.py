"""Texts with words nobody wants."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def flagged_words(
    *,
    column: str,
    words: list[str],
    lang: str = "en",
    tokenization: measures.Untokenised = False,
    min_ratio: float = 0.0,
    max_ratio: float = 0.045,
) -> Keep:
    """Drop a text whose share of flagged words is out of range, in the dialect of Data-Juicer 1.6.

    Words are parted by spaces, line feeds and tabs, special characters at their ends (see special_characters) cut off, empty ones left
    out; `lang` is for the reader, words are found alike in every language. They are compared in lower case with `words`. Signal
    `flagged_words_ratio`, 0 for a text without words. Reasons `below_min`, `above_max`. A null text has no signal and is quarantined.

    Example:
        `{flagged_words: {column: text, words: [casino, viagra], max_ratio: 0.01}}`
    """
    return measures.within("flagged_words_ratio", measures.share_of_words(column, words), min_ratio, max_ratio)
