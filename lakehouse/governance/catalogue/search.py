"""Search in the catalogue: SQLite's FTS5, every Chinese, Japanese or Korean character a token, and a run of them in a query a phrase.

So a word is found of whatever length and wherever a segmenter would have cut it; a word of letters is found by how it begins, in its stem.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from lakehouse.core.errors import NotFoundError
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.governance.catalogue.entries import FACETS, CatalogueEntry

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_ONE = re.compile(f"([{_CJK}])")
_TERMS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_WEIGHTS = (10.0, 5.0, 1.0)
"""How much a word counts in the name, in the title and elsewhere."""


@dataclass(frozen=True)
class SearchResult:
    """The hits of a search, best first, and their numbers by value of each facet."""

    hits: tuple[CatalogueEntry, ...]
    facets: Mapping[str, Mapping[str, int]]


_KINDS = {"dataset": 2.0, "source": 2.0, "standard": 1.5}
"""How much more an entry of a kind counts than one of another, such as a column."""


def terms(query: str) -> list[str]:
    """The words of a query, and its runs of Chinese, Japanese or Korean characters."""
    return _TERMS.findall(unicodedata.normalize("NFKC", query))


def search(entries: Sequence[CatalogueEntry], query: str = "", facets: Mapping[str, Sequence[str]] | None = None) -> SearchResult:
    """The entries that hold every word of `query` and have one of the values of each facet; all of them for an empty query.

    Raises:
        NotFoundError: no such facet.
    """
    for name in facets or {}:
        if name not in FACETS:
            raise NotFoundError(f"no facet `{name}`", fix=suggest(name, FACETS))
    ranked = _ranked(entries, terms(query)) if query.strip() else list(entries)
    ranked.sort(key=lambda entry: entry.name.lower() != query.strip().lower())  # what is named in full comes first
    hits = [entry for entry in ranked if all(_has(entry, name, wanted) for name, wanted in (facets or {}).items())]
    counts = {name: Counter(value for entry in hits for value in entry.facets.get(name, ())) for name in FACETS}
    return SearchResult(tuple(hits), {name: dict(count.most_common()) for name, count in counts.items() if count})


def _has(entry: CatalogueEntry, name: str, wanted: Sequence[str]) -> bool:
    """Whether an entry has one of the values; `important` names `important 重要`, and so does `重要`."""
    have = {word.lower() for value in entry.facets.get(name, ()) for word in (value, *value.split())}
    return any(value.lower() in have for value in wanted)


def _ranked(entries: Sequence[CatalogueEntry], words: Sequence[str]) -> list[CatalogueEntry]:
    if not words:
        return []
    match = " AND ".join(f'"{_apart(word)}"' if _ONE.match(word) else f'"{word}" *' for word in words)
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE VIRTUAL TABLE entry USING fts5(name, title, words, tokenize = 'porter unicode61 remove_diacritics 2')")
        base.executemany("INSERT INTO entry VALUES (?, ?, ?)", [tuple(map(_apart, (e.name, e.title, _words(e)))) for e in entries])
        found = base.execute("SELECT rowid, bm25(entry, ?, ?, ?) FROM entry WHERE entry MATCH ?", (*_WEIGHTS, match)).fetchall()
    scored = [(rank * _KINDS.get(entries[row - 1].kind, 1.0), row) for row, rank in found]  # of bm25, the least is the best
    return [entries[row - 1] for _, row in sorted(scored)]


def _words(entry: CatalogueEntry) -> str:
    return " ".join([entry.text, *(value for values in entry.facets.values() for value in values)])


def _apart(text: str) -> str:
    """The text with each Chinese, Japanese or Korean character by itself."""
    return " ".join(_ONE.sub(r" \1 ", unicodedata.normalize("NFKC", text)).split())
