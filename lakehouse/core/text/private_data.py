"""Private data in texts: the patterns and check digits of each kind, which operators, detectors and discovery share."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import polars as pl

from lakehouse.core.text import identifiers

Kind = Literal["email", "phone", "url", "ip", "cn_id", "bank_card", "cn_uscc", "iban", "key"]

# Polars' regular expressions have no look-around. `(?-u:\b)` is a boundary of ASCII words: a number set in Chinese text has one on
# both sides, though the characters around it are letters to Unicode.
_EDGE = r"(?-u:\b)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PATTERNS: dict[str, str] = {
    "url": r"(?i)(?:https?://|ftp://|www\.)[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[a-z0-9/#=&]",
    "key": identifiers.KEY,
    "email": r"(?i)[a-z0-9._%+\-]+@[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)*\.[a-z]{2,24}",
    "ip": rf"{_EDGE}(?:{_OCTET}\.){{3}}{_OCTET}{_EDGE}|(?i)(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}",
    "phone": rf"(?:\+|{_EDGE})(?:86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{{4}}[ \-]?[0-9]{{4}}{_EDGE}"
    rf"|{_EDGE}0[1-9][0-9]{{1,2}}-[2-9][0-9]{{6,7}}{_EDGE}|\+[1-9][0-9]{{0,2}}[ \-][0-9][0-9 \-]{{6,13}}[0-9]{_EDGE}",
}
ORDER: tuple[Kind, ...] = ("url", "key", "email", "cn_id", "cn_uscc", "iban", "bank_card", "ip", "phone")
"""In which kinds are looked for: what one took is not found as another."""

# Numbers set in full-width digits, with the signs in and around them; all of it has an ASCII character of the same meaning.
_WIDE = r"[0-9A-Za-z@_.+\-\uFF0B\uFF0D\uFF0E\uFF10-\uFF19\uFF20-\uFF3A\uFF3F\uFF41-\uFF5A]"
_WIDE_RUN = re.compile(rf"{_WIDE}+(?: {_WIDE}+)*")
WIDE_DIGITS = re.compile("[\uff10-\uff19]{3}")
NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}


def redacted(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """Texts with their private data of `kinds` as `[KIND]`, kinds applied in ORDER; null stays null."""
    texts = _replaced(texts.clone(), kinds)  # `scatter` writes into the series that it is called on
    rows = texts.str.contains(WIDE_DIGITS.pattern).fill_null(False).arg_true()
    return texts.scatter(rows, _narrowed(texts.gather(rows), kinds)) if len(rows) else texts


def _replaced(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    for kind in ORDER:
        if kind not in kinds:
            continue
        if kind in PATTERNS:
            texts = texts.str.replace_all(PATTERNS[kind], f"[{kind.upper()}]")
            continue
        rows = texts.str.contains(identifiers.CANDIDATES[kind]).fill_null(False).arg_true()
        if len(rows):  # few: check digits are looked at row by row
            texts = texts.scatter(rows, pl.Series([identifiers.without(kind, text) for text in texts.gather(rows)], dtype=pl.String))
    return texts


def _narrowed(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """Texts with the private data among their runs of full-width characters replaced; runs that hold none stay as they are."""
    runs = sorted({run for text in texts for run in _WIDE_RUN.findall(text) if WIDE_DIGITS.search(run)})
    narrow = [run.translate(NARROW) for run in runs]
    cleaned = _replaced(pl.Series(narrow, dtype=pl.String), kinds)
    private = {run: after for run, before, after in zip(runs, narrow, cleaned, strict=True) if before != after}
    return pl.Series([_WIDE_RUN.sub(lambda found: private.get(found.group(), found.group()), text) for text in texts], dtype=pl.String)
