"""Phone numbers in running text, as people of many countries write them; Google's metadata decides what a number of a country is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_REGIONS = (
    "CN US GB DE FR IT ES PT NL BE CH AT SE NO DK FI PL CZ HU RO GR RU UA TR IL AE SA EG ZA NG KE IN PK BD ID MY SG TH VN PH HK TW JP KR "
    "AU NZ BR MX AR CL CO"
)
REGIONS = tuple(_REGIONS.split())
"""Countries whose numbers are known without their calling code (ISO 3166-1)."""
_ABOUT = (
    r"(?:\b(?:tele?(?:f|ph)on\w*|tel|tél|tlf|telef\w*|phone|call(?:ed|ing)?|dial|ring|rang|sms|mobil\w*|mob|cell|cellul\w*|cel|celular|handy|"
    r"fax|whatsapp|viber|hotline|helpline|landline|rufnummer|ruf|móvil|llam\w+|appel\w+|anruf\w*|chiam\w+|lig\w+|bel|zadzwo\w+|dzwo\w+|"
    r"puh|puhelin\w*|contact|телефон\w*|тел|моб\w*|звон\w*|điện thoại|gọi|sđt|hubungi|telp)\b|电话|手机|联系|热线|座机|拨打|致电|传真|電話|"
    r"手機|携帯|전화|휴대폰|연락|هاتف|جوال|اتصل|טלפון|נייד|फोन|फ़ोन|मोबाइल|โทร|ফোন|মোবাইল)"
)
_REACH = 24
"""Characters other than digits and line ends that may stand between such a word and a number."""
_GAP = r"[ \x{A0}\x{2011}\x{2013}\-./()]{0,3}"
CANDIDATES = "|".join(
    (
        rf"(?:\+[ (]{{0,2}}|(?-u:\b)00[ \-]?)[1-9](?:{_GAP}[0-9]){{6}}",
        r"1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}",
        r"(?:\([0-9]{1,5}\)|(?-u:\b)0[0-9]{0,5})[ \x{A0}\-./]{1,2}[0-9]",
        r"(?-u:\b)[2-9][0-9]{2}[ \x{A0}\-.][0-9]{3}[ \x{A0}\-.][0-9]{4}(?-u:\b)",
        rf"(?i){_ABOUT}[^0-9\n]{{0,{_REACH}}}[0-9](?:{_GAP}[0-9]){{6}}",
    )
)
"""Pattern without look-around, for Polars, of texts that may hold one."""

_BEHIND = re.compile(rf"(?i){_ABOUT}[^0-9\n]{{0,{_REACH}}}$")
_SPACED = "[ \u00a0\u2011\u2013\\-./()]{0,3}"
_INTERNATIONAL = re.compile(
    rf"(?<![0-9A-Za-z+])(?:\+[ (]{{0,2}}|00[ \-]?)[1-9](?:{_SPACED}[0-9]){{6,16}}(?![0-9])"
    r"(?:,? ?(?:ext\.?|x|доб\.?) ?[0-9]{1,5}(?![0-9]))?"
)
_BEFORE = r"(?<![0-9A-Za-z_+.,])(?<![0-9]:)"
_AFTER = r"(?![0-9A-Za-z_]|[.,\-/][0-9])"
_CHINESE = re.compile(
    rf"{_BEFORE}(?:(?:0086|86)[ \-]?)?1[3-9][0-9][ \-]?[0-9]{{4}}[ \-]?[0-9]{{4}}{_AFTER}"
    rf"|(?<!-){_BEFORE}(?:[(（]0[1-9][0-9]{{1,2}}[)）][\- ]?|0[1-9][0-9]{{1,2}}[\- ])[2-9][0-9]{{6,7}}{_AFTER}"
)
_NATIONAL = re.compile(
    r"(?<![0-9A-Za-z_+])(?<![0-9][.,:\-/ ])(?:(?:8 ?)?\([0-9]{1,5}(?: [0-9])?\)[ \-]?[0-9]{2,10}|[0-9]{1,11})"
    "(?:[ \u00a0\u2011\\-./]{1,2}[0-9]{1,9}){0,5}(?![0-9A-Za-z_]|[.,\\-/][0-9])"
)
_LONGEST_WORD = 20
_DATE = re.compile(r"(?:19|20)[0-9]{2}([ \-./])[01]?[0-9]\1[0-3]?[0-9]|[0-3]?[0-9]([ \-./])[01]?[0-9]\2(?:19|20)?[0-9]{2}")


def places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every phone number of a text, from the left.

    - With `+` or 00 and a country's calling code (ITU-T E.164, E.123): what has a possible length for that country; behind 00, what is
      valid there.
    - Chinese mobile numbers, and landline numbers behind their area code.
    - Else a number that is valid in one of REGIONS: in the groups in which its country writes it, if it begins with the trunk prefix or an
      area code in brackets, or as in North America; in any groups, behind a word such as `call` or `тел.`.

    A piece of a longer number, a date, a version or a section number is none.
    """
    end = -1
    for start, stop in sorted({*_international(text), *(hit.span() for hit in _CHINESE.finditer(text)), *_national(text)}, key=_first):
        if start >= end:
            yield start, stop
            end = stop


def _first(place: tuple[int, int]) -> tuple[int, int]:
    return place[0], -place[1]


def _international(text: str) -> Iterator[tuple[int, int]]:
    for hit in _INTERNATIONAL.finditer(text):
        run = hit.group()
        sure = run.startswith("+")
        # A run may go on into the next number: it is cut at the ends of its groups, until it is one.
        ends = [len(run), *(group.end() for group in reversed(list(re.finditer("[0-9]+", run))))]
        kinds = [_kind(run[:end].removeprefix("00") if not sure else run[:end]) for end in ends]
        best = next((end for end, kind in zip(ends, kinds, strict=True) if kind == "valid"), None)
        if best is None and sure:
            best = next((end for end, kind in zip(ends, kinds, strict=True) if kind == "possible"), None)
        if best is not None:
            yield hit.start(), hit.start() + best


def _kind(written: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + written.lstrip("+"), None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_valid_number(number):
        return "valid"
    return "possible" if phonenumbers.is_possible_number(number) else None


def _national(text: str) -> Iterator[tuple[int, int]]:
    for hit in _NATIONAL.finditer(text):
        run = hit.group()
        groups = re.findall("[0-9]+", run)
        digits = "".join(groups)
        if not 7 <= len(digits) <= 13 or _DATE.fullmatch(run):
            continue
        about = _BEHIND.search(text, max(0, hit.start() - _LONGEST_WORD - _REACH), hit.start()) is not None
        if not about and (len(groups) < 2 or not _looks_national(run, groups)):
            continue
        if any(_of_region(digits, groups, region, any_groups=about) for region in REGIONS):
            yield hit.span()


def _looks_national(run: str, groups: list[str]) -> bool:
    """Whether it begins as numbers do that are called within their country, or has North America's groups, parted in one way."""
    separators = {part.strip(" \u00a0") or " " for part in re.findall(r"(?<=[0-9])[^0-9()]+(?=[0-9])", run)}
    north_american = [len(group) for group in groups] == [3, 3, 4] and groups[0][0] in "23456789" and len(separators) == 1
    return run.startswith(("(", "0", "8 (", "8(")) or north_american


def _of_region(digits: str, groups: list[str], region: str, *, any_groups: bool) -> bool:
    trunk, general = _numbering(region)
    significant = [digits.removeprefix(trunk)] if trunk and digits.startswith(trunk) else []
    if region in ("IT", "CN") or not significant:
        significant.append(digits)
    if not any(general.fullmatch(number) for number in significant):
        return False
    import phonenumbers

    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number_for_region(number, region):
        return False
    if any_groups:
        return True
    usual = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return _lengths(re.findall("[0-9]+", usual), trunk) == _lengths(groups, trunk)


def _lengths(groups: list[str], trunk: str) -> list[int]:
    """The lengths of groups, a trunk prefix in a group of its own joined to the next: `(0) 20` as `020`."""
    joined = [groups[0] + groups[1], *groups[2:]] if trunk and groups[0] == trunk and len(groups) > 1 else groups
    return [len(group) for group in joined]


@cache
def _numbering(region: str) -> tuple[str, re.Pattern[str]]:
    """Trunk prefix of a country, and the pattern of its significant numbers."""
    from phonenumbers.phonemetadata import PhoneMetadata

    about = PhoneMetadata.metadata_for_region(region)
    assert about is not None
    assert about.general_desc is not None
    return about.national_prefix or "", re.compile(about.general_desc.national_number_pattern or "")
