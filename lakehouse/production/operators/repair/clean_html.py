"""Markup taken out."""

from __future__ import annotations

import html

import polars as pl

from lakehouse.production.engine.operator import OPERATORS, Change, only_where

_HIDDEN = r"(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->"
_TAG = r"""(?s)</?[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>|<[!?][^>]*>"""


@OPERATORS.register(version=1, cardinality="1:1")
def clean_html(*, column: str) -> Change:
    """Turn HTML into its text: list items begin a line with `*`, tags, comments, scripts and styles go, entities become characters.

    `<li>` and `<ol>` become a line feed and `*`, as in RedPajama and Data-Juicer. A `<` that begins no tag stays. Entities are read as
    the HTML standard defines (Python's `html.unescape`). A null stays null.

    Example:
        `{clean_html: {column: text}}` turns `<p>a &lt; b</p>` into `a < b`.
    """

    def unescape(texts: pl.Series) -> list[str]:
        return [html.unescape(text) for text in texts]

    text = pl.col(column).str.replace_many(["<li>", "<ol>", "</li>", "</ol>"], ["\n*", "\n*", "", ""])
    bare = text.str.replace_all(_HIDDEN, "").str.replace_all(_TAG, "")
    return Change({column: only_where(bare, bare.str.contains("&", literal=True), unescape)})
