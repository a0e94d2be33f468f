"""Text as a terminal may have it: control characters and terminal escapes are shown as marks, so that none of them acts."""

from __future__ import annotations

import re

_ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # the controls C0 and C1, without tab and line feed
    "\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f"  # line ends, directions, half characters, tags
)
_MARKED = re.compile(f"[{_ACTING}]")
_MARKED_IN_LINE = re.compile(f"[{_ACTING}\t\n]")


def visible(text: str) -> str:
    """The text with a mark for each character that would act on a terminal, other than tab and line feed: ␛ for an escape."""
    return _MARKED.sub(_mark, text)


def in_line(text: str) -> str:
    """The text in one line: tabs and line feeds are marks too."""
    return _MARKED_IN_LINE.sub(_mark, text)


def json_safe(text: str) -> str:
    """JSON with the same characters escaped as JSON escapes them: the values are exact."""
    return _MARKED.sub(lambda found: "".join(f"\\u{unit:04x}" for unit in _units(found[0])), text)


def _mark(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def _units(character: str) -> list[int]:
    """Its UTF-16 units."""
    code = ord(character)
    return [code] if code < 0x10000 else [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF)]
