"""Long texts cut into pieces."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels.cuts import pieces
from lakehouse.production.engine.operator import OPERATORS, Explode


@OPERATORS.register(version=1, cardinality="1:N")
def chunk(*, column: str, at_most: Annotated[int, Field(ge=1)]) -> Explode:
    """Cut a text into pieces of at most `at_most` characters (code points): a text that fits is one piece; a longer one is cut at the
    last line end in reach, else at the last space, else anywhere.

    Each piece is a row `parent#i`; the pieces of one text never part between splits. Pieces have no spaces at their ends. A null or
    blank text has no piece and is dropped.

    Example:
        `{chunk: {column: text, at_most: 2000}}`
    """
    return Explode(column, compiled(pl.col(column), partial(pieces, at_most=at_most), pl.List(pl.String)))
