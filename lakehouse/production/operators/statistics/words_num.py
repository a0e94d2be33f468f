"""Texts of few words."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_num", "max_num"))
def words_num(
    *, column: str, lang: str = "en", tokenization: measures.Untokenised = False, min_num: int = 10, max_num: int | None = None
) -> Keep:
    """Drop a text with too few or too many words, in the dialect of Data-Juicer 1.6.

    Words are parted by spaces, line feeds and tabs, special characters at their ends (see special_characters) cut off, empty ones left
    out; `lang` is for the reader, words are found alike in every language. Signal `num_words`. Reasons `below_min`, `above_max`. A null
    text has no signal and is quarantined.

    Example:
        `{words_num: {column: text, min_num: 20}}`
    """
    return measures.within("num_words", measures.number_of_words(column), min_num, max_num)
