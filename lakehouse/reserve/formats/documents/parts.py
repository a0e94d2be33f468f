"""The text of a document, and the members of a document that is a zip archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.core.text.encoding import decoded
from lakehouse.core.text.encoding_labels import label_of_markup
from lakehouse.core.text.html_elements import BLOCKS, CELLS
from lakehouse.reserve.formats.whole_files import Unreadable


@dataclass(frozen=True)
class Attachment:
    """What a mail carries: its name, its media type, its size and the hex SHA-256 of its bytes, which are not kept apart from the mail."""

    name: str | None
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DocumentText:
    """The text of a document and its properties.

    Attributes:
        pages_without_text: of a PDF, pages that show something and have no text layer.
        unmapped: of a PDF, the share of its characters that its fonts give no Unicode for.
        date, to, message_id, in_reply_to, attachments, quoted, signature: of a mail; `quoted` and `signature` are no part of `text`.
    """

    text: str
    title: str | None = None
    author: str | None = None
    pages: int | None = None
    pages_without_text: int | None = None
    unmapped: float = 0.0
    date: datetime | None = None
    to: str | None = None
    message_id: str | None = None
    in_reply_to: str | None = None
    attachments: tuple[Attachment, ...] | None = None
    quoted: str | None = None
    signature: str | None = None


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
    """The text of HTML, in the encoding that it declares or is likeliest in: a line a block; cells of a row stand apart by tabs."""
    root = html_tree(decoded(html, label_of_markup(html)).text.encode("utf-8", "replace"))
    return "" if root is None else text_of_tree(root)


def html_tree(html: bytes) -> Any | None:
    """The elements of HTML in UTF-8; None where there are none."""
    xml_library()
    from lxml import html as library

    try:
        root = library.fromstring(html, parser=library.HTMLParser(encoding="utf-8"))
    except (ValueError, library.etree.ParserError):
        return None
    for element in root.xpath("//script|//style|//head"):
        if element.getparent() is not None:
            element.drop_tree()
    return root


def text_of_tree(root: Any) -> str:
    """The text of elements, which are changed by this, a line a block; cells of a row stand apart by tabs."""
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
