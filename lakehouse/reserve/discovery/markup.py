"""Where the records of a document are: the element of XML that repeats next below the root, the array in a JSON object."""

from __future__ import annotations

import re
from collections import Counter

from lakehouse.reserve.formats.json_text import arrays_of
from lakehouse.reserve.formats.xml import hardened

_PAGES = ("html", "svg")
"""Roots of documents, which hold no records."""


_HEADER = re.compile(rb"^([A-Za-z][A-Za-z0-9-]*):[ \t]")
_OF_MAIL = {
    b"from",
    b"to",
    b"date",
    b"subject",
    b"message-id",
    b"received",
    b"return-path",
    b"mime-version",
    b"delivered-to",
    b"content-type",
}


def is_mail(head: bytes) -> bool:
    """Whether a text is a mail: at least three of its first lines are the fields of one (RFC 5322), and none is anything else."""
    fields = set()
    for line in head.split(b"\n")[:200]:
        if not line.strip():
            break
        if line[:1] in b" \t":
            continue
        found = _HEADER.match(line)
        if found is None:
            return False
        fields.add(found[1].lower())
    return len(fields & _OF_MAIL) >= 3 and b"from" in fields


def record_of(head: bytes) -> str | None:
    """The name of the element that repeats, without its namespace: of those least deep the most frequent; None: no XML, or none repeats.

    Args:
        head: the first bytes, cut anywhere.
    """
    if not head[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<?xml"):
        return None
    from lxml import etree

    parser = hardened(etree, None)
    path: list[str] = []
    counts = Counter[tuple[str, ...]]()
    try:
        parser.feed(head)
    except etree.XMLSyntaxError:
        return None
    for event, element in parser.read_events():
        if event == "end":
            path.pop()
            continue
        path.append(str(element.tag).rpartition("}")[2])
        counts[tuple(path)] += 1
    if not counts or next(iter(counts))[0].lower() in _PAGES:
        return None
    repeated = [(len(names), -count, names[-1]) for names, count in counts.items() if count > 1]
    return min(repeated)[2] if repeated else None


def json_record(head: str) -> tuple[str | None, tuple[str, ...]]:
    """Where in a JSON object an array of objects stands, of several the one with most of them, and the object's other keys.

    Args:
        head: the first characters, cut anywhere.
    """
    counts, keys = arrays_of(head)
    if not counts:
        return None, ()
    record = max(counts, key=lambda path: counts[path])
    return record, tuple(key for key in keys if key != record and not record.startswith(f"{key}."))
