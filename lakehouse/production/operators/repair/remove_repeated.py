"""Boilerplate that one text holds again and again."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters
from lakehouse.core.text.kernels.repeats import without_repeats
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1")
def remove_repeated(*, column: str, unit: Literal["line", "paragraph"] = "line", min_characters: Annotated[int, Field(ge=1)] = 1) -> Change:
    """Remove lines, or paragraphs, that came before in the same text; the first of each stays.

    Lines end at line feeds; a paragraph is a run of lines with text. They are compared whole, byte by byte, spaces at their ends
    aside (Lee et al. 2022 show what such repeats do to a language model; the rule is that of MassiveText's and RefinedWeb's line-wise
    de-duplication). What has fewer than `min_characters` characters (code points; the spaces between lines count as one) stays: short
    lines, such as a closing bracket or a table's cell, repeat with reason. A line goes with the line end before it, and blank lines stay;
    a paragraph goes with the blank lines before it. A null stays null.

    Example:
        `{remove_repeated: {column: text, unit: line, min_characters: 10}}`
    """

    def without(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        kept, places = without_repeats(data, offsets, characters.table(), unit == "paragraph", min_characters)
        return buffers.strings(texts.name, kept, places, texts.is_not_null())

    return Change({column: compiled(pl.col(column), without, pl.String)})
