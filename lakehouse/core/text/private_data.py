"""Private data in texts: the patterns and check digits of each kind, which operators, detectors and discovery share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal

import polars as pl

from lakehouse.core.text import identifiers, ip_addresses, national_ids, phone_numbers
from lakehouse.core.text.json_texts import everywhere

Kind = Literal["email", "phone", "url", "ip", "cn_id", "national_id", "bank_card", "cn_uscc", "iban", "key"]

_WRITTEN_TOGETHER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
_LETTER = rf"[\p{{L}}\p{{M}}\p{{N}}_--{_WRITTEN_TOGETHER}]"
_TOP = (
    r"(?:xn--[a-z0-9\-]{2,59}|中国|中國|公司|网络|網絡|网址|网店|商城|集团|我爱你|中信|香港|台湾|台灣|рф|бел|укр|срб|한국|みんな|भारत|ไทย"
    r"|[a-z]{2,24})"
)
_LABEL = r"[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?"
_ANY_LABEL = r"[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}\-]*[\p{L}\p{M}\p{N}])?"
_AT = r" ?[\[({<] ?(?:at|@|arroba|собака) ?[\])}>] ?"
_DOT = r"(?:\.| ?[\[({<] ?(?:dot|\.|点|punkt|point|punto) ?[\])}>] ?| dot )"
_COMMON_TOP = r"(?:com|org|net|edu|gov|info|io|co|uk|de|fr|eu|cn|in|jp|ru|br|us|ca|au)(?-u:\b)"
_EMAIL = "|".join(
    (
        # RFC 5322 and 6531: letters of every script, apostrophes, quoted names, domains of other letters (RFC 5890). Of scripts without
        # spaces a name is told from the words before it where it has other letters; else all of the run goes.
        rf'(?:"[^"\r\n@]{{1,64}}"|{_LETTER}(?:[\p{{M}}.%+\-\'’&/=?^~!#$*]*{_LETTER})*[+\-]*|{_WRITTEN_TOGETHER}{{1,16}})'
        rf"@(?:(?:{_LABEL}\.)+[a-z]{{2,24}}|(?:{_ANY_LABEL}\.)+{_TOP}|\[(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}\])",
        # Written so that programs shall not find it: `name [at] example [dot] org`, `name at example dot org`.
        rf"[a-z0-9_](?:[a-z0-9._+\-]*[a-z0-9_])?{_AT}{_LABEL}(?:{_DOT}{_LABEL})*{_DOT}[a-z]{{2,24}}",
        rf"[a-z0-9_](?:[a-z0-9._+\-]*[a-z0-9_])? at {_LABEL}(?: dot {_LABEL})* dot {_COMMON_TOP}",
    )
)
PATTERNS: dict[str, str] = {
    "url": r"(?i)(?:https?://|ftp://|www\.)[a-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[a-z0-9/#=&]",
    "key": identifiers.KEY,
    "email": f"(?i){_EMAIL}",
}
"""Kinds that a pattern tells alone, in the syntax of Polars: no look-around."""
CANDIDATES: Mapping[str, str] = {
    **identifiers.CANDIDATES,
    "national_id": national_ids.CANDIDATES,
    "ip": ip_addresses.CANDIDATES,
    "phone": phone_numbers.CANDIDATES,
}
"""Of the other kinds, patterns of texts that may hold one: few, which are then looked at one by one."""
_VERIFIED: Mapping[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "cn_id": identifiers.cn_ids,
    "cn_uscc": identifiers.usccs,
    "iban": identifiers.ibans,
    "bank_card": identifiers.cards,
    "national_id": national_ids.places,
    "ip": ip_addresses.places,
    "phone": phone_numbers.places,
}
ORDER: tuple[Kind, ...] = ("url", "key", "email", "cn_id", "cn_uscc", "iban", "national_id", "bank_card", "ip", "phone")
"""In which kinds are looked for: what one took is not found as another."""

# Numbers set in full-width digits, with the signs in and around them; all of it has an ASCII character of the same meaning.
_WIDE = r"[0-9A-Za-z@_.+\-\uFF0B\uFF0D\uFF0E\uFF10-\uFF19\uFF20-\uFF3A\uFF3F\uFF41-\uFF5A]"
_WIDE_RUN = re.compile(rf"{_WIDE}+(?: {_WIDE}+)*")
WIDE_DIGITS = re.compile("[\uff10-\uff19]{3}")
NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}


def places(kind: str, text: str) -> list[tuple[int, int]]:
    """Start and end of all private data of a kind in CANDIDATES that a text holds, from the left."""
    return list(_VERIFIED[kind](text))


def redacted(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """Texts with their private data of `kinds` as `[KIND]`, kinds applied in ORDER; null stays null, and JSON stays JSON."""
    found = _replaced(texts.clone(), kinds)  # `scatter` writes into the series that it is called on
    rows = found.str.contains(WIDE_DIGITS.pattern).fill_null(False).arg_true()
    found = found.scatter(rows, _narrowed(found.gather(rows), kinds)) if len(rows) else found
    # In JSON an escape may stand before what is replaced, and a number be all of a value: what changed there is done again, so that it
    # stays JSON.
    rows = ((found != texts) & texts.str.contains(r"^\s*(?:\{|\[)")).fill_null(False).arg_true()
    if len(rows):
        documents = [
            everywhere(text, lambda said: redacted(pl.Series(said, dtype=pl.String), kinds).to_list()) for text in texts.gather(rows)
        ]
        done = pl.Series(documents, dtype=pl.String)
        found = found.scatter(rows, pl.select(pl.coalesce(done, found.gather(rows))).to_series())
    return found


def _replaced(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    for kind in ORDER:
        if kind not in kinds:
            continue
        if kind in PATTERNS:
            texts = texts.str.replace_all(PATTERNS[kind], f"[{kind.upper()}]")
            continue
        rows = texts.str.contains(CANDIDATES[kind]).fill_null(False).arg_true()
        if len(rows):  # few: check digits are looked at row by row
            texts = texts.scatter(rows, pl.Series([_without(kind, text) for text in texts.gather(rows)], dtype=pl.String))
    return texts


def _without(kind: str, text: str) -> str:
    out, done = "", 0
    for start, end in _VERIFIED[kind](text):
        out, done = f"{out}{text[done:start]}[{kind.upper()}]", end
    return out + text[done:]


def _narrowed(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """Texts with the private data among their runs of full-width characters replaced; runs that hold none stay as they are."""
    runs = sorted({run for text in texts for run in _WIDE_RUN.findall(text) if WIDE_DIGITS.search(run)})
    narrow = [run.translate(NARROW) for run in runs]
    cleaned = _replaced(pl.Series(narrow, dtype=pl.String), kinds)
    private = {run: after for run, before, after in zip(runs, narrow, cleaned, strict=True) if before != after}
    return pl.Series([_WIDE_RUN.sub(lambda found: private.get(found.group(), found.group()), text) for text in texts], dtype=pl.String)
