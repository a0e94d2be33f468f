"""Private data replaced by a word for its kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import polars as pl

from lakehouse.production.operator import OPERATORS, Change, only_where

Kind = Literal["email", "phone", "url", "ip", "cn_id", "bank_card"]

# Polars' regular expressions have no look-around. `(?-u:\b)` is a boundary of ASCII words: a number set in Chinese text has one on
# both sides, though the characters around it are letters to Unicode.
_EDGE = r"(?-u:\b)"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PATTERNS: dict[str, str] = {
    "url": r"(?i)(?:https?://|ftp://|www\.)[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[a-z0-9/#=&]",
    "email": r"(?i)[a-z0-9._%+\-]+@[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)*\.[a-z]{2,24}",
    "ip": rf"{_EDGE}(?:{_OCTET}\.){{3}}{_OCTET}{_EDGE}|(?i)(?:[0-9a-f]{{1,4}}:){{7}}[0-9a-f]{{1,4}}",
    "phone": rf"(?:\+|{_EDGE})(?:86[ \-]?)?1[3-9][0-9][ \-]?[0-9]{{4}}[ \-]?[0-9]{{4}}{_EDGE}"
    rf"|{_EDGE}0[1-9][0-9]{{1,2}}-[2-9][0-9]{{6,7}}{_EDGE}|\+[1-9][0-9]{{0,2}}[ \-][0-9][0-9 \-]{{6,13}}[0-9]{_EDGE}",
}
_CANDIDATES: dict[str, str] = {"cn_id": r"[0-9]{17}[0-9Xx]", "bank_card": r"[0-9](?:[ \-]?[0-9]){12}"}
_CN_ID = re.compile(r"(?<![0-9A-Za-z])[0-9]{17}[0-9Xx](?![0-9A-Za-z])")
_NUMBERS = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?:[ \-][0-9]+)*(?![0-9A-Za-z])")
_NUMBER = re.compile(r"[0-9]+")
_GROUP = 3
"""Fewest digits that stand together in a card number set in groups: 4-4-4-4, 4-6-5, 6-13."""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORDER: tuple[Kind, ...] = ("url", "email", "cn_id", "bank_card", "ip", "phone")


@OPERATORS.register(cardinality="1:1")
def redact(*, column: str, kinds: list[Kind] = ["email", "phone", "cn_id", "bank_card", "ip"]) -> Change:  # noqa: B006 - read, never changed
    """Replace private data by `[EMAIL]`, `[PHONE]`, `[URL]`, `[IP]`, `[CN_ID]`, `[BANK_CARD]`; the column is then free of these classes.

    A Chinese resident id must have a possible birth date and the check character of GB 11643-1999 (ISO 7064 MOD 11-2); a bank
    card must have 13 to 19 digits, together or in groups of at least three, and pass Luhn (ISO/IEC 7812-1), also with other numbers
    next to it. Other numbers stay. Phones: Chinese mobile and land lines, and
    international numbers with `+`. Kinds are applied in the order url, email, cn_id, bank_card, ip, phone. A null stays null.

    Example:
        `{redact: {column: text, kinds: [email, phone]}}` turns `call 13812345678` into `call [PHONE]`.
    """
    text = pl.col(column)
    for kind in _ORDER:
        if kind not in kinds:
            continue
        if kind in _PATTERNS:
            text = text.str.replace_all(_PATTERNS[kind], f"[{kind.upper()}]")
        else:
            text = only_where(text, text.str.contains(_CANDIDATES[kind]), _verified(kind))
    return Change({column: text}, clears={column: frozenset(kinds)})


def _verified(kind: str) -> Callable[[pl.Series], list[str]]:
    rewrite = _without_ids if kind == "cn_id" else _without_cards
    return lambda texts: [rewrite(text) for text in texts]


def _without_ids(text: str) -> str:
    return _CN_ID.sub(lambda found: "[CN_ID]" if cn_id_valid(found.group()) else found.group(), text)


def _without_cards(text: str) -> str:
    return _NUMBERS.sub(lambda found: _cards(found.group()), text)


def _cards(numbers: str) -> str:
    """A run of digit groups with its card numbers replaced: from the left, the longest run of groups that is one."""
    groups = list(_NUMBER.finditer(numbers))
    out, done, first = "", 0, 0
    while first < len(groups):
        start = groups[first].start()
        for last in range(min(first + 7, len(groups)) - 1, first - 1, -1):
            whole = all(len(group.group()) >= _GROUP for group in groups[first : last + 1])
            if whole and luhn_valid(numbers[start : groups[last].end()]):
                out, done, first = f"{out}{numbers[done:start]}[BANK_CARD]", groups[last].end(), last
                break
        first += 1
    return out + numbers[done:]


def cn_id_valid(number: str) -> bool:
    """Whether 18 characters are a possible Chinese resident id: month, day and check character (GB 11643-1999)."""
    month, day = int(number[10:12]), int(number[12:14])
    if number[0] == "0" or number[6:8] not in ("18", "19", "20") or not 1 <= month <= 12 or not 1 <= day <= 31:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def luhn_valid(number: str) -> bool:
    """Whether the digits of `number` (blanks and hyphens aside) are 13 to 19 and pass Luhn (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    return sum(d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))) % 10 == 0
