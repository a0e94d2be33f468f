"""Fields of a mail's header: encoded words (RFC 2047) wherever they stand, and bytes beyond ASCII that say no encoding."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from lakehouse.core.text.encoding import decoded

_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?]*)\?=")
_ID = re.compile(r"<([^<>]+)>")


def field(message: Message, name: str, label: str | None = None) -> str | None:
    """The text of the first field of this name; None where there is none, or it is empty.

    Args:
        label: the encoding of the mail's body, in which its fields are likely where they say none.
    """
    for found, value in message.raw_items():
        if found.lower() == name:
            return text_of(str(value).encode("utf-8", "surrogateescape"), label) or None
    return None


def text_of(raw: bytes, label: str | None = None) -> str:
    """A field's bytes as text: lines joined, encoded words decoded, also those within quotes and of broken base64.

    Words next to each other in one encoding are one text: programs cut characters of several bytes between them.
    """
    line = re.sub(r"[\r\n]+[ \t]*", " ", decoded(raw, label).text)
    out, end = "", 0
    held: list[_Word] = []
    for match in _WORD.finditer(line):
        between = line[end : match.start()]
        charset = match[1].partition("*")[0].lower()  # RFC 2231: a language may follow
        if not held or between.strip() or held[0].charset != charset:
            out += _joined(held) + (between if between.strip() or not held else "")
            held = []
        held.append(_Word(charset, match[2].lower(), match[3]))
        end = match.end()
    return " ".join((out + _joined(held) + line[end:]).split())


class _Word(NamedTuple):
    charset: str
    kind: str
    text: str


def _joined(words: list[_Word]) -> str:
    """The text of words in one encoding; base64 that is cut within four of its characters goes on in the next word."""
    data, base64 = b"", ""
    for word in words:
        if word.kind == "b":
            base64 += word.text
        if base64 and (word.kind != "b" or base64.endswith("=") or len(base64) % 4 == 0):
            data, base64 = data + _base64(base64), ""
        if word.kind == "q":
            data += _quoted_printable(word.text)
    return decoded(data + _base64(base64), words[0].charset).text if words else ""


def _base64(text: str) -> bytes:
    """The bytes of base64, as many as there are: a missing end is filled, what is no base64 is left out."""
    kept = re.sub(r"[^A-Za-z0-9+/]", "", text)
    kept = kept[:-1] if len(kept) % 4 == 1 else kept
    return binascii.a2b_base64(kept + "=" * (-len(kept) % 4))


def _quoted_printable(text: str) -> bytes:
    return binascii.a2b_qp(text.replace("_", " ").encode("utf-8", "surrogateescape"), header=False)


def date_of(message: Message) -> datetime | None:
    """When the mail was written, in UTC; None where its field says no point in time (RFC 5322, 3.3)."""
    text = field(message, "date")
    try:
        found = parsedate_to_datetime(text or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def identifier(message: Message, name: str) -> str | None:
    """The first identifier of a field, without its angle brackets (RFC 5322, 3.6.4)."""
    text = field(message, name)
    found = _ID.search(text or "")
    return found[1].strip() if found else text
