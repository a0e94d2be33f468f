"""Lines that are no prose, by the rules of C4."""

from __future__ import annotations

from functools import partial

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import c4
from lakehouse.production.engine.operator import OPERATORS, Change


@OPERATORS.register(version=1, cardinality="1:1")
def c4_lines(
    *,
    column: str,
    remove_citations: bool = True,
    filter_no_terminal_punct: bool = True,
    min_words_per_line: int = 3,
    max_word_length: int = 1000,
    filter_javascript: bool = True,
    filter_policy: bool = True,
) -> Change:
    """Keep the lines that C4 keeps (Raffel et al. 2020, section 2.2), trimmed, in the dialect of datatrove 0.10. For `c4_quality` after it.

    Per line of `str.splitlines()`, in this order: a word of more than `max_word_length` code points drops it (-1: any passes); citations
    `[1]`, `[]`, `[edit]`, `[citation needed]` are deleted; without one of `. ? ! " '` at its end, or with `...`, it is dropped
    (FineWeb sets `filter_no_terminal_punct: false`); with fewer than `min_words_per_line` words, before the deletion, it is dropped; with
    `javascript`, or a phrase of a cookie or privacy notice, in any case of letters, it is dropped. A line that condemns the whole
    text stays, so that `c4_quality` can see it: one with `lorem ipsum`, or, unless it holds `javascript`, one with `{`. A null stays null.

    Example:
        `{c4_lines: {column: text, filter_no_terminal_punct: false}}`
    """
    keep = partial(
        c4.kept_lines,
        citations=remove_citations,
        unended=not filter_no_terminal_punct,
        fewest=min_words_per_line,
        longest=max_word_length,
        scripts=filter_javascript,
        policies=filter_policy,
    )
    return Change({column: compiled(pl.col(column), keep, pl.String)})
