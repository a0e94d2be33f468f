"""The common characters of Chinese, how common each is, and their exchange for possible replacements."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text import words as jieba
from lakehouse.core.text.kernels import buffers, chance, exchange
from lakehouse.core.text.kernels import characters as kinds
from lakehouse.production.engine.operator import Change
from lakehouse.production.operators.augment.variants import varied

CHARACTERS = "".join(
    bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312") for row in range(16, 56) for cell in range(1, 95 if row < 55 else 90)
)
"""The 3,755 characters of level one, the common ones, of GB/T 2312-1980: rows 16 to 55."""


def characters() -> pl.DataFrame:
    """`code` of those of CHARACTERS that are in words of jieba's dictionary, and `times` they occur in the text that it was counted on.

    Raises:
        MissingExtraError: jieba is not installed.
    """
    lines = pl.Series((jieba.folder() / "dict.txt").read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    parts = lines.str.strip_chars().str.split(" ")
    words = pl.DataFrame({"character": parts.list.get(0).str.split(""), "times": parts.list.get(1).cast(pl.Int64)})
    counted = words.explode("character").group_by("character").agg(pl.col("times").sum()).filter(pl.col("times") > 0)
    known = pl.DataFrame({"character": list(CHARACTERS), "code": [ord(character) for character in CHARACTERS]})
    return known.join(counted, on="character", maintain_order="left").select("code", "times")


def folder_of(module: str, operator: str) -> Path:
    """Where a package with a table of characters is installed.

    Raises:
        MissingExtraError: it is not, or jieba is not.
    """
    package = importlib.util.find_spec(module)
    if package is None or package.origin is None:
        raise MissingExtraError(f"`{operator}`", "chinese")
    jieba.folder()
    return Path(package.origin).parent


def exchanging(operator: str, column: str, rate: float, others: Callable[[], exchange.ExchangeTable]) -> Change:
    """A text column with its characters exchanged, each that has `others` with the chance `rate`."""
    chances = chance.threshold(rate)

    def write(data: buffers.Bytes, offsets: buffers.Offsets, seeds: NDArray[np.uint64]) -> tuple[buffers.Bytes, buffers.Offsets]:
        changed: tuple[buffers.Bytes, buffers.Offsets]
        changed = exchange.exchanged(data, offsets, seeds, chances, *others().arrays, kinds.table())
        return changed

    return varied(operator, column, write)
