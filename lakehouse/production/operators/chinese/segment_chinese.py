"""Words of Chinese text, parted."""

from __future__ import annotations

import numpy as np
import polars as pl

from lakehouse.core.text import words
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, segment
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1", packages=("jieba",))
def segment_chinese(*, column: str, separator: str = " ", hmm: bool = True) -> Change:
    """Put `separator` between the words of Chinese text, as jieba 0.42 parts them (`jieba.cut`).

    Words are those of the likeliest path through jieba's dictionary; with `hmm`, single characters in a row are parted anew by its hidden
    Markov model, which finds names and other words that no dictionary has. Runs of ASCII letters and digits stay whole, each other sign is
    a word. Blanks and line ends stay as they are, with no separator next to them. Needs the extra `chinese`. A null stays null.

    Raises:
        MissingExtraError: jieba is not installed.

    Example:
        `{segment_chinese: {column: text}}` turns `我来到北京清华大学` into `我 来到 北京 清华大学`.
    """
    words.folder()
    between = np.frombuffer(separator.encode(), dtype=np.uint8)

    def part(texts: pl.Series) -> pl.Series:
        out, ends = segment.segment(*buffers.utf8(texts), between, hmm, characters.table(), *words.model().arrays)
        return buffers.strings(texts.name, out, ends, texts.is_not_null())

    return Change({column: compiled(pl.col(column), part, pl.String)})
