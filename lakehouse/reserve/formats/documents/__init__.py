"""`document`: a document is an item, its text and its properties as columns; its content decides its type, not its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

import polars as pl

from lakehouse.core.text.wrong_text import shares
from lakehouse.reserve.discovery.media import media_type
from lakehouse.reserve.formats.documents import mail, office, old_office, pdf, rtf
from lakehouse.reserve.formats.documents.parts import DocumentText
from lakehouse.reserve.formats.whole_files import Unreadable, one_item
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/*"
ATTACHMENTS = pl.List(pl.Struct({"name": pl.String(), "media_type": pl.String(), "bytes": pl.Int64(), "sha256": pl.String()}))
MAIL_COLUMNS: Mapping[str, pl.DataType] = {
    "date": pl.Datetime("us", "UTC"),
    "to": pl.String(),
    "message_id": pl.String(),  # without its angle brackets, as `in_reply_to`
    "in_reply_to": pl.String(),
    "attachments": ATTACHMENTS,
    "quoted": pl.String(),  # lines that are no part of `text`: of other mails, and of the signature
    "signature": pl.String(),
}
"""Of mails; null for other documents."""
TEXT_COLUMNS: Mapping[str, pl.DataType] = {
    "garbled_share": pl.Float64(),  # of the characters that are no white space: those that no one writes, or fonts give no Unicode for
    "replaced_share": pl.Float64(),  # of these, U+FFFD
}
COLUMNS: Mapping[str, pl.DataType] = {
    "sha256": pl.String(),
    "format": pl.String(),  # pdf, docx, doc, pptx, ppt, odt, odp, epub, rtf, eml
    "text": pl.String(),  # paragraphs with a line each, pages and chapters parted by an empty line; of a mail its writer's own words
    "title": pl.String(),
    "author": pl.String(),
    "pages": pl.Int64(),  # of pdf, pptx and ppt
    "pages_without_text": pl.Int64(),  # of pdf: those that show something and have no text layer
    **TEXT_COLUMNS,
    **MAIL_COLUMNS,
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


def _facts(data: bytes, reading: Reading) -> dict[str, Any]:
    media = media_type(data)
    if media is not None and media.type == "application/x-encrypted-office":
        raise Unreadable("encrypted_document")
    kind, reader = _READERS.get(media.type, (None, None)) if media is not None else ("eml", mail.read)
    if kind is None or reader is None:
        raise Unreadable("not_a_document")
    found = reader(data, reading.max_item_bytes)
    values = values_of(found)
    measured = shares(pl.Series([f"{values['text']}\n{values['quoted'] or ''}"])).row(0, named=True)
    garbled = max(measured["garbled_share"] or 0.0, found.unmapped) if values["text"] else measured["garbled_share"]
    return {**values, "format": kind, "garbled_share": garbled, "replaced_share": measured["replaced_share"]}


def values_of(found: DocumentText) -> dict[str, Any]:
    """The values of a document by column, without `sha256`, `format` and the shares."""
    values = {name: getattr(found, name) for name in COLUMNS if hasattr(found, name)}
    texts = {name: _encodable(value) for name, value in values.items() if isinstance(value, str)}
    attachments = None if found.attachments is None else [{**asdict(each), "name": _encodable(each.name)} for each in found.attachments]
    return {**values, **texts, "text": texts["text"] or "", "attachments": attachments}


def with_shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the shares of wrong characters in `text` and `quoted` together."""
    return rows.hstack(shares(rows.select(pl.concat_str("text", "quoted", separator="\n", ignore_nulls=True)).to_series()))


def _encodable(value: str | None) -> str | None:
    """Text without halves of characters, which UTF-8 has not; None for none and for empty text."""
    return value.encode("utf-8", "replace").decode() if value else None
