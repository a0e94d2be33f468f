"""Markup taken out."""

from __future__ import annotations

import html

import polars as pl

from lakehouse.core.text.html_elements import BLOCKS, CELLS
from lakehouse.production.engine.operator import OPERATORS, Change, only_where

_HIDDEN = r"(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->"
_REST = r"""(?:[^<>"']|"[^"]*"|'[^']*')*>"""
_TAG = rf"(?s)</?[A-Za-z]{_REST}|<[!?][^>]*>"
_ITEM = rf"(?is)<li(?:[\s/]{_REST}|>)|<ol>"
_LINE, _TAB = "\ufdd0", "\ufdd1"
"""Noncharacters (Unicode 23.7) in the places where a line or a cell ends, until it is known what stands beside them."""
_APART: tuple[tuple[str, str], ...] = (
    (rf"(?is)</?(?:{'|'.join(BLOCKS)})(?:[\s/]{_REST}|>)", _LINE),
    (rf"(?is)</?(?:{'|'.join(CELLS)})(?:[\s/]{_REST}|>)", _TAB),
    (_TAG, ""),
    (rf"(?:{_TAB}[ \t]*)*{_LINE}(?:[ \t]*[{_LINE}{_TAB}])*", _LINE),
    (rf"{_TAB}(?:[ \t]*{_TAB})*", _TAB),
    (rf"\A[{_LINE}{_TAB}]|[{_LINE}{_TAB}]\z", ""),
    (rf"([\r\n])[{_LINE}{_TAB}]", "$1"),
    (rf"[{_LINE}{_TAB}]([\r\n])", "$1"),
)
"""What is replaced in this order, so that a line or a cell ends once, and nowhere that the text has its own end of a line."""


@OPERATORS.register(version=2, cardinality="1:1")
def clean_html(*, column: str) -> Change:
    """Turn HTML into its text: list items begin a line with `*`, tags, comments, scripts and styles go, entities become characters.

    `<li>` and `<ol>` become a line feed and `*`, as in RedPajama and Data-Juicer. Unlike there, words stay apart: a block or `br` between
    two words ends the line, a cell of a table becomes a tab. White space of the text stays as it is, so that code keeps its indentation.
    A `<` that begins no tag stays. Entities are read as the HTML standard defines (Python's `html.unescape`). A null stays null.

    Example:
        `{clean_html: {column: text}}` turns `<p>a &lt; b</p><p>c</p>` into `a < b` and `c` on two lines.
    """

    return Change({column: only_where(pl.col(column), pl.col(column).str.contains("[<&]"), _text)})


def _text(pages: pl.Series) -> pl.Series:
    text = pages.str.replace_all(_HIDDEN, "").str.replace_all(_ITEM, "\n*")
    for pattern, mark in _APART:
        text = text.str.replace_all(pattern, mark)
    text = text.str.replace_all(_LINE, "\n", literal=True).str.replace_all(_TAB, "\t", literal=True)
    entities = text.str.contains("&", literal=True).arg_true()
    return text.scatter(entities, pl.Series([html.unescape(each) for each in text.gather(entities)], dtype=pl.String))
