"""The record element of XML: the one that repeats next below the root."""

from __future__ import annotations

from collections import Counter

from lakehouse.core.errors import MissingExtraError
from lakehouse.reserve.formats.xml import hardened

_PAGES = ("html", "svg")
"""Roots of documents, which hold no records."""


def record_of(head: bytes) -> str | None:
    """The name of the element that repeats, without its namespace: of those least deep the most frequent; None: no XML, or none repeats.

    Args:
        head: the first bytes, cut anywhere.
    """
    if not head[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<?xml"):
        return None
    try:
        from lxml import etree
    except ModuleNotFoundError:
        raise MissingExtraError("format `xml`", "documents") from None
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
