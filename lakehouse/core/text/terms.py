"""Terms of a list in texts, also where they hide behind other writings."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import RecipeError
from lakehouse.core.text import opencc
from lakehouse.core.text.kernels import buffers, disguise, trie
from lakehouse.core.text.kernels.structs import struct

FOUND = pl.Struct({"hits": pl.Int64, "term": pl.Int64})
"""What `search` gives for each text."""


def listed(terms: Sequence[str] | None, file: str | None, name: str) -> tuple[str, ...]:
    """The terms given, or the lines of the file given: one of the two.

    Raises:
        RecipeError: both or neither, no term at all, or a file that cannot be read.
    """
    found = tuple(lines(file) if file is not None and terms is None else terms or ()) if (file is None) != (terms is None) else ()
    if not any(term.strip() for term in found):
        raise RecipeError(f"{name} has no terms", fix="give `terms: [...]` or `file:` with one term a line, one of the two")
    return found


def search(texts: pl.Series, terms: tuple[str, ...], leet: bool) -> pl.Series:
    """`hits`, the number of terms in each text, and `term`, the number of the first from 1 (null: none), as one Struct column.

    Texts and terms are compared in one form; see the operator `sensitive_words` for what it undoes.
    """
    data, offsets = buffers.utf8(_joined(texts))
    found = disguise.find_terms(data, offsets, *_tables(leet).arrays, *_words(terms, leet).arrays)
    numbers = pl.Series(found[:, 1] + 1).replace(0, None)
    hits = struct(texts, {"hits": found[:, 0]}).struct.field("hits")
    return pl.DataFrame({"hits": hits, "term": numbers}).to_struct(texts.name)


def lines(file: str) -> list[str]:
    """The lines of a UTF-8 file of terms.

    Raises:
        RecipeError: the file cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the list of terms cannot be read: {error}", fix="give a UTF-8 file, one term a line") from error


def _joined(texts: pl.Series) -> pl.Series:
    """Texts in which characters that join are put together (NFKC); the others stay: for them the tables give the same."""
    rows = texts.str.contains(_joining()).fill_null(False).arg_true()
    return texts.scatter(rows, texts.gather(rows).str.normalize("NFKC")) if len(rows) else texts


@cache
def _joining() -> str:
    """A pattern of the characters that join with the one before: by a canonical composition, Hangul letters, half-width voicing marks."""
    parts = (unicodedata.decomposition(chr(c)).split() for c in range(0x12000))
    seconds = sorted({part[1] for part in parts if len(part) == 2 and not part[0].startswith("<")})
    return "[" + "".join(rf"\x{{{second}}}" for second in seconds) + r"\x{1161}-\x{11C2}\x{FF9E}\x{FF9F}]"


@cache
def _tables(leet: bool) -> disguise.Tables:
    return disguise.tables(_simplified(), leet)


@cache
def _simplified() -> NDArray[np.int32]:
    """The simplified character of every code point that is one in OpenCC's dictionaries, itself for the others."""
    characters = pl.Series([chr(c) if not 0xD800 <= c < 0xE000 else "" for c in range(trie.ROOT_CODE_POINTS)], dtype=pl.String)
    data, offsets = buffers.utf8(opencc.converted(characters, "simplified"))
    simplified: NDArray[np.int32] = disguise.first_code_points(data, offsets)
    return simplified


@lru_cache(maxsize=8)
def _words(terms: tuple[str, ...], leet: bool) -> trie.Trie:
    """The trie of terms freed from disguise themselves, spaces at their ends cut off."""
    given = _joined(pl.Series([term.strip() for term in terms], dtype=pl.String))
    codes, ends = disguise.undisguised_texts(*buffers.utf8(given), *_tables(leet).arrays)
    words = ["".join(map(chr, codes[ends[k] : ends[k + 1]])) for k in range(len(terms))]
    return trie.build(pl.Series(words, dtype=pl.String))
