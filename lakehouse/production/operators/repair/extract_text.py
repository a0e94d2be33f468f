"""The main text of web pages."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels.markup import deepest
from lakehouse.production.engine.operator import OPERATORS, Change

Favour = Literal["precision", "balanced", "recall"]
DEEPEST = 1000
"""Elements within one another that a page may have (browsers read 512): the time of parsers grows with the square of it, so that a page
of 250 KB, made for the purpose, would cost a minute."""

# A declaration, an element that only a page has, or a closing tag: what code and mathematics between angle brackets do not look like.
_MARKUP = (
    r"(?i)<!doctype\s+html|<(?:html|head|body)[\s>]|<(?:br|hr|img|meta|link)\b[^<>]*>"
    r"|</(?:p|div|span|a|b|i|em|strong|h[1-6]|ul|ol|li|dl|table|tr|td|th|article|section|main|pre|code|title|script|style)\s*>"
)


@OPERATORS.register(version=1, cardinality="1:1", packages=("resiliparse", "trafilatura"))
def extract_text(
    *,
    column: str,
    to: str | None = None,
    engine: Literal["resiliparse", "trafilatura"] = "resiliparse",
    favour: Favour = "balanced",
) -> Change:
    """Turn web pages into their main text, without menus, footers and scripts, entities as characters. Needs the extra `html`.

    `resiliparse` (Bevendorff et al. 2018) is what DCLM extracts with: as good as trafilatura for a model trained on it and an order of
    magnitude faster (Li et al. 2024, section 4.2). `trafilatura` (Barbaresi 2021) is what FineWeb extracts with (Penedo et al. 2024).
    `favour: precision` leaves out more (with resiliparse: the descriptions of pictures); `recall` keeps more (with resiliparse: all text
    that can be seen). `to` names another column to write to; the page then stays in `column`. A text that has neither a tag that only a
    page has nor a closing tag passes unchanged. A page without a main text, or that cannot be read (or has over 1,000 elements within one
    another, which costs parsers minutes), becomes null; a null stays null.

    Example:
        `{extract_text: {column: page, to: text}}`
    """
    extract = _EXTRACTORS[engine](favour)

    def text_of(pages: pl.Series) -> pl.Series:
        rows = pages.str.contains(_MARKUP).fill_null(False).arg_true()
        if rows.is_empty():
            return pages
        chosen = pages.gather(rows)
        # Neither library has a batch call; a page costs some milliseconds, the loop adds nothing to see.
        found = [extract(page) if depth <= DEEPEST else None for page, depth in zip(chosen, deepest(chosen).tolist(), strict=True)]
        return pages.clone().scatter(rows, pl.Series(found, dtype=pl.String))

    return Change({to or column: compiled(pl.col(column), text_of, pl.String)})


def _library(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError("`extract_text`", "html") from None


def _by_resiliparse(favour: Favour) -> Callable[[str], str | None]:
    extract = _library("resiliparse.extract.html2text").extract_plain_text
    unreadable = _library("resiliparse.parse.html").HTMLParserException

    def text_of(page: str) -> str | None:
        try:
            found: str = extract(page, main_content=favour != "recall", alt_texts=favour != "precision")
        except unreadable:
            return None
        return found.strip() or None

    return text_of


def _by_trafilatura(favour: Favour) -> Callable[[str], str | None]:
    extract = _library("trafilatura").extract
    # What cannot be parsed is no exception there: the answer is none.
    settings = {"include_comments": favour == "recall", "favor_precision": favour == "precision", "favor_recall": favour == "recall"}

    def text_of(page: str) -> str | None:
        found: str | None = extract(page, **settings)
        return (found or "").strip() or None

    return text_of


_EXTRACTORS = {"resiliparse": _by_resiliparse, "trafilatura": _by_trafilatura}
