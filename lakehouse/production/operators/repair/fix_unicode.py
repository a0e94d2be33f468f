"""Repair of garbled text."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Change

# What ftfy mends besides garbled encodings: entities while no tag was seen, escape sequences and control characters, line separators.
_OTHERS = r"\A[^<]*&#?[A-Za-z0-9]{1,24};|[\x00-\x08\x0b\x0e-\x1f\x7f\u2028\u2029\u206a-\u206f\ufeff\ufff9-\ufffc]"


@OPERATORS.register(version=1, cardinality="1:1", packages=("ftfy",))
def fix_unicode(*, column: str) -> Change:
    """Undo garbled encodings, HTML entities, control characters and ligatures; put text in normal form C.

    The repair is ftfy's (Speer 2019, doi:10.5281/zenodo.2591652) without its two changes of style: full-width
    characters and curly quotes are right in Chinese text and stay. A null stays null.

    Example:
        `{fix_unicode: {column: text}}` turns `cafÃ© &amp; bar` into `café & bar`.
    """
    return Change({column: compiled(pl.col(column), _repaired, pl.String)})


def _repaired(texts: pl.Series) -> pl.Series:
    """ftfy costs half a second a megabyte: only texts that it would change, and few others, are handed to it."""
    suspect = _suspect()
    suspicious, fixed = texts.str.contains(suspect), texts.clone()  # `scatter` works in place
    decomposed = texts.str.contains(_not_composed()).arg_true()
    if len(decomposed):
        normal = texts.gather(decomposed).str.normalize("NFC")
        fixed = fixed.scatter(decomposed, normal)
        # A composed letter can betray garbled text that its parts did not.
        suspicious = suspicious.scatter(decomposed, suspicious.gather(decomposed) | normal.str.contains(suspect))
    rows = suspicious.arg_true()
    if len(rows):
        fixed = fixed.scatter(rows, pl.Series(_by_ftfy(texts.gather(rows)), dtype=pl.String))
    return fixed.str.replace_all("\r\n?", "\n")


def _by_ftfy(texts: pl.Series) -> list[str]:
    import ftfy

    config = ftfy.TextFixerConfig(fix_character_width=False, uncurl_quotes=False, explain=False)
    return [ftfy.fix_text(text, config) for text in texts]


@lru_cache(maxsize=1)
def _not_composed() -> str:
    """A pattern that matches every text not in normal form C: marks, vowels and finals of Hangul, letters that decompose (UAX #15, 9)."""
    alone = "".join(map(chr, _decomposing().tolist()))
    return rf"[\p{{M}}\u1161-\u1175\u11a8-\u11c2{alone}]"


def _decomposing() -> NDArray[np.int64]:
    """The code points that are not in normal form C alone."""
    known = (c for c in range(0x80, 0x30000) if not 0xD800 <= c < 0xE000)
    return np.array([c for c in known if not unicodedata.is_normalized("NFC", chr(c))], dtype=np.int64)


@lru_cache(maxsize=1)
def _suspect() -> str:
    """A pattern that matches every text ftfy changes otherwise than by normal form and line ends, in the syntax of Polars.

    ftfy touches an encoding only where its pattern of bad sequences matches (`badness.is_bad`). The pattern is taken from there, free
    spacing resolved, which Rust's engine would also apply inside of classes.
    """
    from ftfy import badness, chardata

    out, inside, comment, escaped = [], False, False, False
    for character in badness.BADNESS_RE.pattern:
        if comment:
            comment = character != "\n"
        elif escaped:
            out.append(character)
            escaped = False
        elif not inside and character == "#":
            comment = True
        elif inside or not character.isspace() or character == "\xa0":
            out.append(character)
            escaped = character == "\\"
            inside = character == "[" or (inside and character != "]")
    bad = "".join(out).replace(r"\s", r"[\s\x1c-\x1f]")
    ligatures = "".join(map(chr, chardata.LIGATURES))
    return f"(?m:{bad})|{_OTHERS}|[{ligatures}]"
