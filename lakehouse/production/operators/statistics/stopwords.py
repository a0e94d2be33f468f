"""Texts without the small words of a language."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def stopwords(
    *,
    column: str,
    words: list[str],
    lang: str = "en",
    tokenization: measures.Untokenised = False,
    min_ratio: float = 0.3,
    max_ratio: float = 1.0,
) -> Keep:
    """Drop a text whose share of stop words is out of range, in the dialect of Data-Juicer 1.6.

    Words are parted by spaces, line feeds and tabs, special characters at their ends (see special_characters) cut off, empty ones left
    out; `lang` is for the reader, words are found alike in every language. They are compared in lower case with `words`. Signal
    `stopwords_ratio`, 0 for a text without words. Reasons `below_min`, `above_max`. A null text has no signal and is quarantined.

    Example:
        `{stopwords: {column: text, words: [the, of, and, to, a, in], min_ratio: 0.1}}`
    """
    return measures.within("stopwords_ratio", measures.share_of_words(column, words), min_ratio, max_ratio)
