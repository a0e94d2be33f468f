"""Private data replaced by a word for its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Literal

import polars as pl

from lakehouse.production.operator import OPERATORS, Change, compiled
from lakehouse.production.operators.privacy import identifiers

Kind = Literal["email", "phone", "url", "ip", "cn_id", "bank_card", "cn_uscc", "iban", "key"]

# Polars' regular expressions have no look-around. `(?-u:\b)` is a boundary of ASCII words: a number set in Chinese text has one on
# both sides, though the characters around it are letters to Unicode.
_EDGE = r"(?-u:\b)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PATTERNS: dict[str, str] = {
    "url": r"(?i)(?:https?://|ftp://|www\.)[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[a-z0-9/#=&]",
    "key": identifiers.KEY,
    "email": r"(?i)[a-z0-9._%+\-]+@[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)*\.[a-z]{2,24}",
    "ip": rf"{_EDGE}(?:{_OCTET}\.){{3}}{_OCTET}{_EDGE}|(?i)(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}",
    "phone": rf"(?:\+|{_EDGE})(?:86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{{4}}[ \-]?[0-9]{{4}}{_EDGE}"
    rf"|{_EDGE}0[1-9][0-9]{{1,2}}-[2-9][0-9]{{6,7}}{_EDGE}|\+[1-9][0-9]{{0,2}}[ \-][0-9][0-9 \-]{{6,13}}[0-9]{_EDGE}",
}
_VERIFIED: dict[str, Callable[[str], str]] = {
    "cn_id": identifiers.without_ids,
    "cn_uscc": identifiers.without_usccs,
    "iban": identifiers.without_ibans,
    "bank_card": identifiers.without_cards,
}
_ORDER: tuple[Kind, ...] = ("url", "key", "email", "cn_id", "cn_uscc", "iban", "bank_card", "ip", "phone")

# Numbers set in full-width digits, with what may stand in and around them; all of it has an ASCII character of the same meaning.
_WIDE = r"[0-9A-Za-z@_.+\-\uFF0B\uFF0D\uFF0E\uFF10-\uFF19\uFF20-\uFF3A\uFF3F\uFF41-\uFF5A]"
_WIDE_RUN = re.compile(rf"{_WIDE}+(?: {_WIDE}+)*")
_WIDE_DIGITS = re.compile("[\uff10-\uff19]{3}")
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}


@OPERATORS.register(version=1, cardinality="1:1")
def redact(*, column: str, kinds: list[Kind] = ["email", "phone", "cn_id", "bank_card", "ip"]) -> Change:  # noqa: B006 - read, never changed
    """Replace private data by `[EMAIL]`, `[PHONE]`, `[URL]`, `[IP]`, `[CN_ID]`, `[BANK_CARD]`; the column is then free of these classes.

    A Chinese resident id must have a possible birth date and the check character of GB 11643-1999 (ISO 7064 MOD 11-2); a bank
    card must have 13 to 19 digits, together or in groups of at least three, and pass Luhn (ISO/IEC 7812-1), also with other numbers
    next to it. Other numbers stay. Phones: Chinese mobile and land lines, and international numbers with `+`.

    Three kinds are found only where they are asked for: `cn_uscc`, unified social credit codes with the check character of GB 32100-2015;
    `iban`, account numbers with their country's length and the check digits of ISO 13616, together or in groups; `key`, private keys,
    access keys and tokens known by their shape (PEM, JWT, AWS, Aliyun, GitHub, GitLab, Slack, Google, OpenAI, Hugging Face and others).
    `forbid: [pii]` does not speak of these three: declare and forbid them by their own words.

    Numbers in full-width digits are found as well; what stands next to one without a blank between then turns narrow. Kinds are applied
    in the order url, key, email, cn_id, cn_uscc, iban, bank_card, ip, phone. A null stays null.

    Example:
        `{redact: {column: text, kinds: [email, phone]}}` turns `call 13812345678` into `call [PHONE]`.
    """
    wanted = frozenset(kinds)
    return Change({column: compiled(pl.col(column), lambda texts: _redacted(texts, wanted), pl.String)}, clears={column: wanted})


def _redacted(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    texts = _replaced(texts, kinds)
    rows = texts.str.contains(_WIDE_DIGITS.pattern).fill_null(False).arg_true()
    return texts.scatter(rows, _narrowed(texts.gather(rows), kinds)) if len(rows) else texts


def _replaced(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    for kind in _ORDER:
        if kind not in kinds:
            continue
        if kind in _PATTERNS:
            texts = texts.str.replace_all(_PATTERNS[kind], f"[{kind.upper()}]")
            continue
        rows = texts.str.contains(identifiers.CANDIDATES[kind]).fill_null(False).arg_true()
        if len(rows):  # few: check digits are looked at row by row
            rewrite = _VERIFIED[kind]
            texts = texts.scatter(rows, pl.Series([rewrite(text) for text in texts.gather(rows)], dtype=pl.String))
    return texts


def _narrowed(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """Texts with the private data among their runs of full-width characters replaced; runs that hold none stay as they are."""
    runs = sorted({run for text in texts for run in _WIDE_RUN.findall(text) if _WIDE_DIGITS.search(run)})
    narrow = [run.translate(_NARROW) for run in runs]
    cleaned = _replaced(pl.Series(narrow, dtype=pl.String), kinds)
    private = {run: after for run, before, after in zip(runs, narrow, cleaned, strict=True) if before != after}
    return pl.Series([_WIDE_RUN.sub(lambda found: private.get(found.group(), found.group()), text) for text in texts], dtype=pl.String)
