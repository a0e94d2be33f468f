"""Chinese characters that sound alike, from the installed packages pypinyin (readings) and jieba (how common a character is)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.errors import MissingExtraError
from lakehouse.production.kernels import exchange
from lakehouse.production.kernels.segment import FIRST_HAN, LAST_HAN
from lakehouse.production.kernels.tables import kept
from lakehouse.production.operators.chinese import jieba

COMMON = "".join(bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312") for row in range(16, 56) for cell in range(1, 95 if row < 55 else 90))
"""The 3,755 characters of level one, the common ones, of GB/T 2312-1980: rows 16 to 55."""
_TONES = {"\u0300", "\u0301", "\u0304", "\u030c"}


def folder() -> Path:
    """Where pypinyin is installed.

    Raises:
        MissingExtraError: it is not, or jieba is not.
    """
    package = importlib.util.find_spec("pypinyin")
    if package is None or package.origin is None:
        raise MissingExtraError("`homophones`", "chinese")
    jieba.folder()
    return Path(package.origin).parent


@lru_cache(maxsize=1)
def homophones() -> exchange.Table:
    """COMMON characters with the others of them that sound alike, weighted by how common they are; made once, then kept."""
    folder()
    versions = "-".join(importlib.metadata.version(package) for package in ("pypinyin", "jieba"))
    return exchange.table(kept(__file__, f"homophones-{versions}", _pairs))


def toneless(reading: str) -> str:
    """A pinyin syllable without its tone; ü stays."""
    return unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", reading) if c not in _TONES))


def _pairs() -> NDArray[np.int64]:
    readings = json.loads((folder() / "pinyin_dict.json").read_text(encoding="utf-8"))
    syllables = {int(code): toneless(reading.split(",")[0]) for code, reading in readings.items() if FIRST_HAN <= int(code) <= LAST_HAN}
    known = pl.DataFrame({"code": list(syllables), "syllable": list(syllables.values())}, schema={"code": pl.Int64, "syllable": pl.String})
    common = characters().filter(pl.col("code").is_in([ord(character) for character in COMMON])).join(known, on="code")
    pairs = common.join(common, on="syllable", suffix="_other").filter(pl.col("code") != pl.col("code_other"))
    ordered = pairs.sort("code", "times_other", "code_other", descending=[False, True, False])
    return ordered.select("code", "code_other", "times_other").to_numpy().astype(np.int64)


def characters() -> pl.DataFrame:
    """Characters (`code`) of the words of jieba's dictionary and how often (`times`) they stand in the text that it was counted on."""
    lines = pl.Series((jieba.folder() / "dict.txt").read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    parts = lines.str.strip_chars().str.split(" ")
    words = pl.DataFrame({"character": parts.list.get(0).str.split(""), "times": parts.list.get(1).cast(pl.Int64)})
    counted = words.explode("character").group_by("character").agg(pl.col("times").sum()).filter(pl.col("times") > 0)
    codes = [ord(character) if len(character) == 1 else 0 for character in counted["character"]]
    return counted.select(code=pl.Series(codes, dtype=pl.Int64), times="times")
