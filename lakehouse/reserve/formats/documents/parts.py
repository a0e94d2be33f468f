"""The text of a document, and the members of a document that is a zip archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lakehouse.core.text.html_elements import BLOCKS, CELLS
from lakehouse.reserve.formats.whole_files import Unreadable


@dataclass(frozen=True)
class DocumentText:
    """The text of a document and its properties."""

    text: str
    title: str | None = None
    author: str | None = None
    pages: int | None = None


class Members:
    """The members of a zip archive, none of which may be larger than `limit` bytes once unpacked, nor all of them ten times that."""

    def __init__(self, archive: zipfile.ZipFile, limit: int) -> None:
        self._archive, self._limit, self._left = archive, limit, 10 * limit
        self.names = archive.namelist()

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            Unreadable: it is not there, has a password, or is larger than allowed, whatever size the archive gives.
        """
        if name not in self.names:
            raise Unreadable("damaged_document")
        if self._archive.getinfo(name).flag_bits & 1:
            raise Unreadable("encrypted_document")
        allowed = min(self._limit, self._left)
        with self._archive.open(name) as member:
            data = member.read(allowed + 1)
        self._left -= len(data)
        if len(data) > allowed:
            raise Unreadable("expands_too_much")
        return data

    def xml(self, name: str) -> Any:
        """The root element of a member; entities are not resolved, and nothing is fetched."""
        return parsed(self.read(name))


@contextmanager
def members(data: bytes, limit: int) -> Iterator[Members]:
    """The archive that a document is.

    Raises:
        Unreadable: it is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield Members(archive, limit)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError) as error:
        raise Unreadable("damaged_document") from error


def parsed(data: bytes) -> Any:
    """The root element of XML.

    Raises:
        Unreadable: it is not well-formed, or declares entities.
    """
    etree = xml_library()
    if b"<!ENTITY" in data:
        raise Unreadable("expands_too_much")  # documents need none
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable("damaged_document") from error


def xml_library() -> Any:
    """`lxml.etree`."""
    from lxml import etree

    return etree


def plain(html: bytes) -> str:
    """The text of HTML in UTF-8, a line a block; cells of a row stand apart by tabs."""
    xml_library()
    from lxml import html as library

    try:
        root = library.fromstring(html, parser=library.HTMLParser(encoding="utf-8"))
    except (ValueError, library.etree.ParserError):
        return ""
    for element in root.xpath("//script|//style|//head"):
        if element.getparent() is not None:
            element.drop_tree()
    for element in root.iter(*BLOCKS, *CELLS):
        _stand_apart(element, "\t" if element.tag in CELLS else "\n")
    return lines(str(root.text_content()))


def _stand_apart(element: Any, mark: str) -> None:
    """Put a mark before and behind an element."""
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + mark
    elif (parent := element.getparent()) is not None:
        parent.text = (parent.text or "") + mark
    element.tail = mark + (element.tail or "")


def lines(text: str) -> str:
    """Text without blank lines, and spaces at the ends of lines."""
    return "\n".join(line for line in (each.strip() for each in text.splitlines()) if line)
