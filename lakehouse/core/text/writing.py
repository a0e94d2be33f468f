"""In which script a text is written (ISO 15924), Han told apart into simplified and traditional."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from lakehouse.core.text import opencc

_SCRIPTS = {
    "Latn": "Latin", "Hani": "Han", "Cyrl": "Cyrillic", "Arab": "Arabic", "Deva": "Devanagari", "Kana": "Katakana", "Hira": "Hiragana",
    "Hang": "Hangul", "Grek": "Greek", "Hebr": "Hebrew", "Thai": "Thai", "Beng": "Bengali", "Taml": "Tamil", "Telu": "Telugu",
    "Gujr": "Gujarati", "Guru": "Gurmukhi", "Knda": "Kannada", "Mlym": "Malayalam", "Sinh": "Sinhala", "Mymr": "Myanmar", "Khmr": "Khmer",
    "Laoo": "Lao", "Tibt": "Tibetan", "Geor": "Georgian", "Armn": "Armenian", "Ethi": "Ethiopic", "Mong": "Mongolian",
}  # fmt: skip
_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF))
_SEEN = 4096
"""Characters that are looked at."""


def script(texts: pl.Series) -> pl.Series:
    """The script of most letters of each text: an ISO 15924 code, `Jpan` where kana are among Han or alone, `Kore` for Hangul with or
    without Han, `Hans` or `Hant` for Han by the characters that only one of them has (`Hani` where there are none); null without letters.
    """
    heads = texts.str.slice(0, _SEEN)
    counts = pl.DataFrame({code: heads.str.count_matches(rf"\p{{{name}}}").fill_null(0) for code, name in _SCRIPTS.items()})
    kana = pl.col("Kana") + pl.col("Hira")
    counts = counts.with_columns(
        Jpan=pl.when(kana > 0).then(kana + pl.col("Hani")).otherwise(0),
        Kore=pl.when((pl.col("Hang") > 0) & (kana == 0)).then(pl.col("Hang") + pl.col("Hani")).otherwise(0),
    ).drop("Kana", "Hira", "Hang")
    names = [*(name for name in counts.columns if name not in ("Jpan", "Kore")), "Jpan", "Kore"]
    most = counts.select(pl.max_horizontal(names)).to_series()
    found = pl.select(pl.coalesce(pl.when((counts[name] == most) & (most > 0)).then(pl.lit(name)) for name in ("Jpan", "Kore", *names)))
    code = found.to_series().alias(texts.name)
    rows = (code == "Hani").fill_null(False).arg_true()
    return code.scatter(rows, _han(heads.gather(rows))) if len(rows) else code


def _han(texts: pl.Series) -> pl.Series:
    simplified, traditional = _only()
    one, other = texts.str.count_matches(simplified), texts.str.count_matches(traditional)
    return pl.select(pl.when(one > other).then(pl.lit("Hans")).when(other > one).then(pl.lit("Hant")).otherwise(pl.lit("Hani"))).to_series()


@lru_cache(maxsize=1)
def _only() -> tuple[str, str]:
    """Patterns of the characters that only simplified, and only traditional, writing has: those that OpenCC changes one way alone."""
    every = pl.Series([chr(code) for first, last in _IDEOGRAPHS for code in range(first, last + 1)], dtype=pl.String)
    to_traditional, to_simplified = (opencc.converted(every, to) != every for to in ("traditional", "simplified"))
    sides = every.filter(to_traditional & ~to_simplified), every.filter(to_simplified & ~to_traditional)
    return f"[{''.join(sides[0])}]", f"[{''.join(sides[1])}]"
