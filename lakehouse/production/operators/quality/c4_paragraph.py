"""Pages without paragraphs, by the rule of mC4."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_paragraph_len",))
def c4_paragraph(*, column: str, min_paragraphs: Annotated[int, Field(ge=1)] = 3, min_paragraph_len: int = 200) -> Keep:
    """Drop a text that has not `min_paragraphs` lines of at least `min_paragraph_len` code points (mC4, Xue et al. 2021, section 3.1).

    Lines are what line feeds part. Signal `paragraph_length`: that of the last of the `min_paragraphs` longest lines, -1 where there are
    fewer. Reason `too_few_paragraphs`. A null text has no length and is quarantined.

    Example:
        `{c4_paragraph: {column: text}}`
    """
    lengths = pl.col(column).str.split("\n").list.eval(pl.element().str.len_chars().cast(pl.Int64)).list.sort(descending=True)
    length = lengths.list.get(min_paragraphs - 1, null_on_oob=True).fill_null(-1)
    return Keep(
        {"paragraph_length": pl.when(pl.col(column).is_not_null()).then(length)},
        {"too_few_paragraphs": pl.col("paragraph_length") < min_paragraph_len},
    )
