"""Words of a list, also where they hide."""

from __future__ import annotations

import polars as pl

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.text.terms import listed, search
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, TextLook


@DETECTORS.register(version=1, action="warn", decides=("at_least",), files=("file",))
def sensitive_words(
    *, columns: list[str] | None = None, terms: list[str] | None = None, file: str | None = None, leet: bool = False, at_least: float = 1.0
) -> TextLook:
    """Flag texts with words of a list, however they are written; the comparison is that of the operator `sensitive_words`.

    One finding a text, of kind `term`: the score is how many terms it holds; the detail, the number of the first (its place in `terms`, its
    line in `file`). The words themselves are not repeated. No place in the text is given: the word is found in another form of it.

    Args:
        columns: Text columns; without it, all.
        terms: The words, English, Chinese or others.
        file: A UTF-8 file in the project folder with one word a line, in the place of `terms`.
        leet: Read `0 1 3 4 5 7 @ $` in a word as `o i e a s t a s`.
        at_least: Number of terms from which a text is flagged.
    """
    try:
        given = listed(terms, file, "sensitive_words")
    except RecipeError as error:
        raise SpecError(error.what, fix=error.fix) from error

    def find(texts: pl.Series) -> pl.DataFrame:
        seen = search(texts, given, leet).struct.unnest().with_row_index("_at").filter(pl.col("hits") > 0)
        detail = pl.concat_str(pl.lit("first is term "), pl.col("term").cast(pl.String))
        named = seen.select(pl.col("_at").cast(pl.Int64), kind=pl.lit("term"), score=pl.col("hits").cast(pl.Float64), detail=detail)
        return pl.concat([FOUND.to_frame(), named], how="diagonal")

    return TextLook(tuple(columns) if columns is not None else None, find)
