"""White space normalised."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, spaces
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1")
def normalise_whitespace(*, column: str) -> Change:
    """Fold every run of Unicode white space to one space, keep at most one empty line, trim the ends, drop zero-width characters.

    Blanks are the Unicode property White_Space (UAX 44); the ideographic space U+3000 is one of them. A null stays null.

    Example:
        `{normalise_whitespace: {column: text}}` turns `"好  \\u3000评\\u200b "` into `"好 评"`.
    """
    return Change({column: compiled(pl.col(column), _folded, pl.String)})


def _folded(texts: pl.Series) -> pl.Series:
    data, offsets = spaces.fold(*buffers.utf8(texts))
    return buffers.strings(texts.name, data, offsets, texts.is_not_null())
