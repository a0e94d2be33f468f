"""Numbers and codes that carry check digits, found in a text and verified, and keys that are known by their shape."""

from __future__ import annotations

import re
from collections.abc import Iterator

CANDIDATES = {
    "cn_id": r"[0-9]{17}[0-9Xx]",
    "cn_uscc": r"[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}",
    "iban": r"[A-Z]{2}[0-9]{2}[ \-]?[0-9A-Z]{4}[ \-]?[0-9A-Z]{3}",
    "bank_card": r"[0-9](?:[ \-]?[0-9]){12}",
}
"""Patterns without look-around of texts that may hold one."""

_CN_ID = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]\.)[0-9]{17}[0-9Xx](?![0-9A-Za-z])")
_CN_USCC = re.compile(rf"(?<![0-9A-Za-z])(?<![0-9]\.){CANDIDATES['cn_uscc']}(?![0-9A-Za-z])")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ \-]?[0-9A-Z])+(?![0-9A-Za-z])")
_NUMBERS = re.compile(r"(?<![0-9A-Za-z+])(?<![0-9]\.)[0-9]+(?:[ \-][0-9]+)*(?![0-9A-Za-z]|\.[0-9])")
_NUMBER = re.compile(r"[0-9]+")
_GROUP = 3
"""Fewest digits in a group of a card number set in groups: 4-4-4-4, 4-6-5, 6-13."""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION = (3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = "10 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82"
_ISSUED = re.compile(r"2[2-7]|3[0-9]|4|5[0-8]|6|81|9792")
"""How numbers of cards begin (ISO/IEC 7812-1, the issuers' public ranges): an ISBN, as one, is none."""
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 "
    "FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 "
    "MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 "
    "SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTH = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS.split()}
"""Characters of an IBAN by country (ISO 13616, registry of SWIFT)."""

_EDGE = r"(?-u:\b)"
KEY = "|".join(
    (
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:[^\-]|-[^\-])*-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"|[A-Za-z0-9+/=\s]*)",
        rf"{_EDGE}eyJ[A-Za-z0-9_\-]{{8,}}\.eyJ[A-Za-z0-9_\-]{{8,}}\.[A-Za-z0-9_\-]*",
        rf"{_EDGE}(?:AKIA|ASIA|AIDA|AROA|AGPA|AIPA|ANPA|ANVA)[A-Z2-7]{{16}}{_EDGE}",
        rf"{_EDGE}(?:gh[pousr]_[A-Za-z0-9]{{36,255}}|github_pat_[A-Za-z0-9_]{{59,255}}|glpat-[A-Za-z0-9_\-]{{20,}}){_EDGE}",
        rf"{_EDGE}(?:xox[abeoprs]-[A-Za-z0-9\-]{{10,}}|xapp-[A-Za-z0-9\-]{{20,}})",
        rf"{_EDGE}AIza[A-Za-z0-9_\-]{{35}}",
        rf"{_EDGE}sk-(?:(?:proj|svcacct|admin|ant)-[A-Za-z0-9_\-]{{24,}}|[A-Za-z0-9]{{32,}})",
        rf"{_EDGE}(?:hf_[A-Za-z]{{34}}|[rs]k_live_[A-Za-z0-9]{{24,}}|npm_[A-Za-z0-9]{{36}}|LTAI[A-Za-z0-9]{{16,20}}){_EDGE}",
    )
)
"""Keys as their makers shape them, for Polars: PEM private keys (RFC 7468; one cut off as well), JSON Web Tokens (RFC 7519), access key
ids of AWS and Aliyun, tokens of GitHub, GitLab, Slack, Hugging Face, npm and Stripe, API keys of Google, OpenAI, Anthropic and others."""


def cn_ids(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every Chinese resident id of a text, from the left."""
    yield from (hit.span() for hit in _CN_ID.finditer(text) if cn_id_valid(hit.group()))


def usccs(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every Chinese unified social credit code of a text, from the left."""
    yield from (hit.span() for hit in _CN_USCC.finditer(text) if cn_uscc_valid(hit.group()))


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Account numbers at the start of a run of letters and digits in groups, also with other characters behind them."""
    for hit in _IBAN.finditer(text):
        run, length, seen = hit.group(), IBAN_LENGTH.get(hit.group()[:2]), 0
        for at, character in enumerate(run):
            seen += character.isalnum()
            if seen == length:
                if (at + 1 == len(run) or not run[at + 1].isalnum()) and iban_valid(run[: at + 1]):
                    yield hit.start(), hit.start() + at + 1
                break


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Card numbers in runs of digit groups: from the left, the longest run of groups that is one."""
    for hit in _NUMBERS.finditer(text):
        groups = list(_NUMBER.finditer(hit.group()))
        first = 0
        while first < len(groups):
            start = groups[first].start()
            for last in range(min(first + 7, len(groups)) - 1, first - 1, -1):
                whole = all(len(group.group()) >= _GROUP for group in groups[first : last + 1])
                if whole and luhn_valid(hit.group()[start : groups[last].end()]):
                    yield hit.start() + start, hit.start() + groups[last].end()
                    first = last
                    break
            first += 1


def cn_id_valid(number: str) -> bool:
    """Whether 18 characters are a possible Chinese resident id: month, day and check character (GB 11643-1999)."""
    month, day = int(number[10:12]), int(number[12:14])
    if number[0] == "0" or number[6:8] not in ("18", "19", "20") or not 1 <= month <= 12 or not 1 <= day <= 31:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def cn_uscc_valid(code: str) -> bool:
    """Whether 18 characters of its alphabet are a unified social credit code by its check character (GB 32100-2015).

    One of digits alone, as any long number may be, also has a province and the check digit of the organisation's code within (GB 11714).
    """
    if code.isdigit():
        inner = -sum(int(digit) * weight for digit, weight in zip(code[8:16], _ORGANISATION, strict=True)) % 11
        if code[2:4] not in _PROVINCES.split() or inner == 10 or inner != int(code[16]):
            return False
    total = sum(_USCC.index(character) * pow(3, i, 31) for i, character in enumerate(code[:17]))
    return _USCC[-total % 31] == code[17]


def iban_valid(number: str) -> bool:
    """Whether a number has its country's length and the check digits of ISO 13616 (ISO 7064 MOD 97-10); spaces and hyphens aside."""
    plain = number.replace(" ", "").replace("-", "")
    return len(plain) == IBAN_LENGTH.get(plain[:2]) and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def luhn_valid(number: str) -> bool:
    """Whether the digits of `number` (spaces and hyphens aside) are 13 to 19, begin as cards do and pass Luhn (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1 or not _ISSUED.match("".join(map(str, digits))):
        return False
    return sum(d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))) % 10 == 0
