"""Long texts cut into pieces."""

from __future__ import annotations

import polars as pl

from lakehouse.production.operator import OPERATORS, Explode


@OPERATORS.register(cardinality="1:N")
def chunk(*, column: str, at_most: int) -> Explode:
    """Cut a text into pieces of at most `at_most` characters, at line ends where there are any in reach, then at blanks, then anywhere.

    Each piece is a row `parent#i`; the pieces of one text never part between splits. A null or blank text has no piece and is dropped.

    Example:
        `{chunk: {column: text, at_most: 2000}}`
    """
    # Greedy alternatives, longest first: up to a line end, up to a blank, any characters.
    pattern = rf"(?s).{{1,{at_most}}}\n|.{{1,{at_most}}}\z|.{{1,{at_most}}}\s|.{{1,{at_most}}}"
    pieces = pl.col(column).str.extract_all(pattern).list.eval(pl.element().str.strip_chars())
    return Explode(column, pieces.list.eval(pl.element().filter(pl.element().str.len_chars() > 0)))
