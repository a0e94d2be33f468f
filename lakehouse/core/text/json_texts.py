"""Texts inside of JSON text, found and replaced where they stand: all else stays as it was written, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import polars as pl

from lakehouse.core.text.paths import Parts

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9]+(?![0-9.eE])')
Span = tuple[int, int, str]
"""Where a text begins and ends, quotes included, and what it says."""


def spans(document: str, parts: Parts) -> list[Span]:
    """The texts of a JSON document to which the path leads, in order. A key that stands twice in an object leads to both.

    Raises:
        ValueError: it is no JSON.
    """
    json.loads(document)
    found: list[Span] = []
    open_: list[tuple[bool, int | None]] = []  # of each object (true) or list around: so many steps of the path lead to it
    at: int | None = 0  # so many lead to the value that comes next; None where it lies beside the path
    key_next = False
    for token in _TOKEN.finditer(document):
        word = token[0]
        if word in "{[":
            open_.append((word == "{", at))
            key_next = word == "{"
            at = None if key_next else _into(parts, at, None)
        elif word in "}]":
            open_.pop()
            key_next = False
        elif word == ",":
            is_object, outer = open_[-1]
            key_next = is_object
            at = None if is_object else _into(parts, outer, None)
        elif key_next:
            key_next = False
            at = _into(parts, open_[-1][1], json.loads(word))
        elif word != ":" and at == len(parts):
            found.append((token.start(), token.end(), json.loads(word)))
    return found


def everywhere(document: str, rewrite: Callable[[list[str]], list[str]]) -> str | None:
    """A JSON object or list with `rewrite` of all its texts, names of members and whole numbers, each for itself; None where it is none.

    What stays the same stays as it was written; a number that changes becomes a text.
    """
    if not document.lstrip().startswith(("{", "[")):
        return None
    try:
        json.loads(document)
    except (ValueError, RecursionError):
        return None
    tokens = list(_VALUE.finditer(document))
    said = [json.loads(token[0]) if token[0].startswith('"') else token[0] for token in tokens]
    pieces, end = [], 0
    for token, before, after in zip(tokens, said, rewrite(said), strict=True):
        if after != before:
            pieces += [document[end : token.start()], json.dumps(after, ensure_ascii=False)]
            end = token.end()
    return "".join([*pieces, document[end:]])


def _into(parts: Parts, at: int | None, step: str | None) -> int | None:
    """How many steps of the path lead to what stands in a value under `step`, if those up to the value do."""
    return at + 1 if at is not None and at < len(parts) and parts[at] == step else None


def joined(documents: pl.Series, parts: Parts) -> pl.Series:
    """Of each document the texts at the path, joined by newlines; null where there is none."""
    texts = [None if text is None else [said for *_, said in spans(text, parts)] for text in documents]
    return pl.Series(documents.name, ["\n".join(found) if found else None for found in texts], dtype=pl.String)


def rewritten(documents: pl.Series, parts: Parts, rewrite: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The documents with `rewrite` of the texts at the path; a text that stays the same stays as it was written."""
    found = [[] if text is None else spans(text, parts) for text in documents]
    new = rewrite(pl.Series([said for each in found for *_, said in each], dtype=pl.String)).to_list()
    out: list[str | None] = []
    taken = 0
    for document, each in zip(documents, found, strict=True):
        pieces, end = [], 0
        for (start, stop, said), text in zip(each, new[taken : taken + len(each)], strict=True):
            if text != said:
                pieces += [document[end:start], json.dumps(text, ensure_ascii=False)]
                end = stop
        taken += len(each)
        out.append("".join([*pieces, document[end:]]) if pieces else document)
    return pl.Series(documents.name, out, dtype=pl.String)
