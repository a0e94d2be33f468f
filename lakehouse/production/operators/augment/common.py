"""The common characters of Chinese, and how common each is."""

from __future__ import annotations

import polars as pl

from lakehouse.production.operators.chinese import jieba

CHARACTERS = "".join(
    bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312") for row in range(16, 56) for cell in range(1, 95 if row < 55 else 90)
)
"""The 3,755 characters of level one, the common ones, of GB/T 2312-1980: rows 16 to 55."""


def characters() -> pl.DataFrame:
    """`code` of those of CHARACTERS that are in words of jieba's dictionary, and `times` they stand in the text that it was counted on.

    Raises:
        MissingExtraError: jieba is not installed.
    """
    lines = pl.Series((jieba.folder() / "dict.txt").read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    parts = lines.str.strip_chars().str.split(" ")
    words = pl.DataFrame({"character": parts.list.get(0).str.split(""), "times": parts.list.get(1).cast(pl.Int64)})
    counted = words.explode("character").group_by("character").agg(pl.col("times").sum()).filter(pl.col("times") > 0)
    known = pl.DataFrame({"character": list(CHARACTERS), "code": [ord(character) for character in CHARACTERS]})
    return known.join(counted, on="character", maintain_order="left").select("code", "times")
