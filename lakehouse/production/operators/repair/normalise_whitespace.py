"""One kind of blank."""

from __future__ import annotations

import polars as pl

from lakehouse.production.operator import OPERATORS, Change


@OPERATORS.register(cardinality="1:1")
def normalise_whitespace(*, column: str) -> Change:
    """Fold every run of Unicode blanks to one space, keep at most one empty line, trim the ends, drop zero-width characters.

    Blanks are the Unicode property White_Space (UAX 44); the ideographic space U+3000 is one of them. A null stays null.

    Example:
        `{normalise_whitespace: {column: text}}` turns `"好  \\u3000评\\u200b "` into `"好 评"`.
    """
    return Change(
        {
            column: pl.col(column)
            .str.replace_all(r"[\u200b\u2060\ufeff]", "")
            .str.replace_all(r"\r\n?|\u2028|\u2029|\u0085", "\n")
            .str.replace_all(r"[^\S\n]+", " ")
            .str.replace_all(r" ?\n ?", "\n")
            .str.replace_all(r"\n{3,}", "\n\n")
            .str.strip_chars()
        }
    )
