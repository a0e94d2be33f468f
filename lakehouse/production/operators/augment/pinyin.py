"""Chinese characters that sound alike, from the installed packages pypinyin (readings) and jieba (how common a character is)."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import exchange
from lakehouse.production.operators.augment import common

_TONES = {"\u0300", "\u0301", "\u0304", "\u030c"}


def folder() -> Path:
    """Where pypinyin is installed.

    Raises:
        MissingExtraError: it is not, or jieba is not.
    """
    return common.folder_of("pypinyin", "homophones")


@lru_cache(maxsize=1)
def homophones() -> exchange.ExchangeTable:
    """The common characters with the others of them that sound alike, weighted by how common they are; made once, then kept."""
    folder()
    return exchange.table(_pairs())


def toneless(reading: str) -> str:
    """A pinyin syllable without its tone; ü stays."""
    return unicodedata.normalize("NFC", "".join(c for c in unicodedata.normalize("NFD", reading) if c not in _TONES))


def _pairs() -> NDArray[np.int64]:
    readings = json.loads((folder() / "pinyin_dict.json").read_text(encoding="utf-8"))
    syllables = [toneless(readings[str(ord(character))].split(",")[0]) for character in common.CHARACTERS]
    spoken = pl.DataFrame({"code": [ord(character) for character in common.CHARACTERS], "syllable": syllables})
    characters = common.characters().join(spoken, on="code")
    pairs = characters.join(characters, on="syllable", suffix="_other").filter(pl.col("code") != pl.col("code_other"))
    ordered = pairs.sort("code", "times_other", "code_other", descending=[False, True, False])
    return ordered.select("code", "code_other", "times_other").to_numpy().astype(np.int64)
