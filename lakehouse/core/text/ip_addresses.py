"""Addresses of the Internet Protocol in running text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

CANDIDATES = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|(?i)[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]|(?i)[0-9a-f]{1,4}::"
"""Pattern without look-around of texts that may hold one."""

_V4 = re.compile(r"(?<![0-9A-Za-z_.\-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|\.[0-9])")
_V6 = re.compile(
    r"(?i)(?<![0-9a-z_:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?::?(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![0-9a-z_:]|\.[0-9])(?:%[0-9a-z]+)?"
)
_VERSION = re.compile(
    r"(?i)(?:\b(?:version|ver|v|release|rel|build|firmware|driver|section|sec|chapter|clause|article|paragraph|figure|table|item|part|step)\b"
    r"[.:]?|§|版本|固件|第|章节|条款|[A-Za-z][A-Za-z0-9_+\-]*/)\s{0,2}$"
)
_REACH = 24


def places(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every address of a text, from the left.

    Four decimal octets (RFC 791), not where more numbers follow, as in a section number, nor behind a word such as `version`; groups of
    IPv6 in full or short form (RFC 4291, 5952), with a zone (RFC 4007). Names such as `std::` and `Dead::Beef` are none: a short form has
    a group of three characters with a digit. The loopback and the unspecified address tell of nobody.
    """
    found = [hit.span() for hit in _V4.finditer(text) if _is_v4(hit.group()) and not _numbers_a_version(text, hit.start())]
    wide = [hit.span() for hit in _V6.finditer(text) if _is_v6(hit.group())]
    yield from sorted([*wide, *(place for place in found if not any(start < place[1] and place[0] < end for start, end in wide))])


def _numbers_a_version(text: str, start: int) -> bool:
    return _VERSION.search(text[max(0, start - _REACH) : start]) is not None


def _is_v4(written: str) -> bool:
    return all(int(octet) <= 255 and (octet == "0" or octet[0] != "0") for octet in written.split("."))


def _is_v6(written: str) -> bool:
    try:
        address = ipaddress.IPv6Address(written)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return False
    groups = written.partition("%")[0].split(":")
    telling = any(len(group) >= 3 and re.search("[0-9]", group) for group in groups)
    return telling and ("::" in written or any(len(group) >= 3 for group in groups))
