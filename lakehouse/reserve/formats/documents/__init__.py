"""`document`: a document is an item, its text and its properties as columns; its content decides its type, not its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import polars as pl

from lakehouse.reserve.discovery.media import media_type
from lakehouse.reserve.formats.documents import mail, office, old_office, pdf, rtf
from lakehouse.reserve.formats.documents.parts import DocumentText
from lakehouse.reserve.formats.whole_files import Unreadable, one_item
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/*"
COLUMNS: Mapping[str, pl.DataType] = {
    "sha256": pl.String(),
    "format": pl.String(),  # pdf, docx, doc, pptx, ppt, odt, odp, epub, rtf, eml
    "text": pl.String(),  # paragraphs with a line each, pages and chapters parted by an empty line
    "title": pl.String(),
    "author": pl.String(),
    "pages": pl.Int64(),  # of pdf, pptx and ppt
}
_READERS: Mapping[str, tuple[str, Callable[[bytes, int], DocumentText]]] = {
    "application/pdf": ("pdf", pdf.read),
    "application/rtf": ("rtf", rtf.read),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx", office.read_docx),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx", office.read_pptx),
    "application/vnd.oasis.opendocument.text": ("odt", office.read_odt),
    "application/vnd.oasis.opendocument.presentation": ("odp", office.read_odt),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods", office.read_odt),
    "application/msword": ("doc", old_office.read_doc),
    "application/vnd.ms-powerpoint": ("ppt", old_office.read_ppt),
    "application/epub+zip": ("epub", office.read_epub),
}


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """The columns, which are the same for all documents."""
    return dict(COLUMNS)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The document as one row; findings are `not_a_document`, `damaged_document`, `encrypted_document`, `expands_too_much` and
    `needs_converter`: an Office file of 97 to 2003 on a machine without LibreOffice."""
    yield from one_item(handle, reading, columns, COLUMNS, _facts)


def _facts(data: bytes, reading: Reading) -> dict[str, str | int | None]:
    media = media_type(data)
    if media is not None and media.type == "application/x-encrypted-office":
        raise Unreadable("encrypted_document")
    kind, reader = _READERS.get(media.type, (None, None)) if media is not None else ("eml", mail.read)
    if kind is None or reader is None:
        raise Unreadable("not_a_document")
    found = reader(data, reading.max_item_bytes)
    text = found.text.encode("utf-8", "replace").decode()
    return {"format": kind, "text": text, "title": found.title or None, "author": found.author or None, "pages": found.pages}
