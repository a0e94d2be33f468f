"""Copyright notices of source files taken out."""

from __future__ import annotations

import polars as pl

from lakehouse.production.engine.operator import OPERATORS, Change

_COMMENT = r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"
_HEAD = r"\A(?:(?://|#|--)[^\n]*(?:\n|\z)|\n)+"


@OPERATORS.register(version=1, cardinality="1:1")
def clean_copyright(*, column: str) -> Change:
    """Cut a copyright notice out of source code, by the rule of RedPajama and Data-Juicer.

    Where the text has a `/* */` comment, the first one goes if it holds "copyright", in any case of letters, and nothing else changes.
    Otherwise the lines at the beginning that are empty or begin with `//`, `#` or `--` go. A null stays null.

    Example:
        `{clean_copyright: {column: text}}` turns `# (c) us\\nx = 1` into `x = 1`.
    """
    text = pl.col(column)
    comment = text.str.extract(_COMMENT, 0)
    without = pl.when(comment.str.contains("(?i)copyright")).then(text.str.replace(_COMMENT, "", n=1)).otherwise(text)
    return Change({column: pl.when(comment.is_not_null()).then(without).otherwise(text.str.replace(_HEAD, "", n=1))})
