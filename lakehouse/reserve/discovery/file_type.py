"""The type of a file by its first bytes: media type, encoding, layout, and whether its name agrees."""

from __future__ import annotations

import codecs
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lakehouse.core.errors import SourceError
from lakehouse.core.text.encoding import Encoding, encoding
from lakehouse.reserve.discovery.layout import Layout, layout
from lakehouse.reserve.discovery.markup import is_mail, json_record, record_of
from lakehouse.reserve.discovery.media import Kind, media_type
from lakehouse.reserve.discovery.sheets import Sheet, sheet_of
from lakehouse.reserve.formats.compression import damage_named, decompressed, without_compression
from lakehouse.reserve.formats.mbox import STARTS

HEAD = 1024 * 1024
_TYPES = {
    "json_array": "application/json",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "lines": "text/plain",
    "text": "text/plain",
}
_ENDINGS = {
    "json_array": ("json",),
    "json": ("json",),
    "jsonl": ("jsonl", "ndjson"),
    "csv": ("csv", "tsv", "tab"),
    "lines": ("txt", "text", "log"),
    "text": ("md", "html", "htm", "xml", "txt"),
}
_FORMATS = {
    "text/xml": "xml",
    "application/mbox": "mbox",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.file": "arrow",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.orc": "orc",
    "application/avro": "avro",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "excel",
    "application/vnd.oasis.opendocument.spreadsheet": "excel",
    "application/vnd.ms-excel": "excel",
    **dict.fromkeys(("application/x-ole-storage", "application/vnd.ms-outlook", "application/x-encrypted-office"), ""),  # no reader
}
_ITEMS = {"document": "document", "image": "image", "audio": "audio", "video": "video"}
"""Formats whose item is a file, by the kind of its content."""
_KNOWN = {ending for endings in _ENDINGS.values() for ending in endings} | {"parquet", "pq", "png", "jpg", "jpeg", "gif", "pdf", "zip"}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One file.

    Attributes:
        type: media type by content.
        encoding: of a text, else None.
        layout: of a text, else None.
        mismatch: the type that the name gives, where it differs.
        record: of XML, the name of the elements that are items; of one JSON object, the key of the array that holds them.
        sheet: of a workbook, where its table is.
        left_out: keys of a JSON object beside `record`, which are not read.
    """

    file: Path
    size: int
    type: str
    kind: Kind
    encoding: Encoding | None
    layout: Layout | None
    mismatch: str | None
    record: str | None = None
    sheet: Sheet | None = None
    left_out: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether items can be read from it."""
        return bool(self.format)

    @property
    def format(self) -> str:
        """The format by which the collector reads the file; empty: none."""
        return _FORMATS.get(self.type, _ITEMS.get(self.kind, "")) if self.layout is None else self.layout.format


def look(file: Path) -> Look:
    """The type of `file`.

    Raises:
        SourceError: empty, unreadable, or bytes of no known format.
    """
    with damage_named(str(file)):
        size = file.stat().st_size
        with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
            head = handle.read(HEAD)
            whole = not handle.read(1)
    if not head:
        raise SourceError("the file is empty", where=str(file), fix="name another, or fetch it again")
    name = without_compression(file.name.lower())
    ending = name.rpartition(".")[2] if "." in name else ""
    media = media_type(head)
    if media is not None:
        mismatch = f"named .{ending}, but it is {media.type}" if ending in _KNOWN and ending not in media.endings else None
        sheet = _sheet(file) if _FORMATS.get(media.type) == "excel" else None
        return Look(file=file, size=size, type=media.type, kind=media.kind, encoding=None, layout=None, mismatch=mismatch, sheet=sheet)
    if record := record_of(head):
        mismatch = f"named .{ending}, but it is text/xml" if ending in _KNOWN - {"xml"} else None
        return Look(file=file, size=size, type="text/xml", kind="table", encoding=None, layout=None, mismatch=mismatch, record=record)
    if STARTS.match(head):
        mismatch = f"named .{ending}, but it is application/mbox" if ending in _KNOWN else None
        return Look(file=file, size=size, type="application/mbox", kind="document", encoding=None, layout=None, mismatch=mismatch)
    if is_mail(head):
        mismatch = f"named .{ending}, but it is message/rfc822" if ending in _KNOWN else None
        return Look(file=file, size=size, type="message/rfc822", kind="document", encoding=None, layout=None, mismatch=mismatch)
    found = encoding(head)
    if found is None:
        raise SourceError("its bytes are of no known format, and no text", where=str(file), fix="name a file of text, JSON, CSV or Parquet")
    text = codecs.getincrementaldecoder(found.name)("replace").decode(head)
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    how = layout(text, ending, whole=whole)
    kind = _TYPES[how.structure]
    if how.structure == "csv" and how.separator == "\t":
        kind = "text/tab-separated-values"
    if ending in ("html", "htm", "xml") and how.structure == "text":
        kind = "text/xml" if ending == "xml" else "text/html"
    mismatch = f"named .{ending}, but it is {kind}" if ending in _KNOWN and ending not in _ENDINGS[how.structure] else None
    record, left_out = json_record(text) if how.structure == "json" else (None, ())
    return Look(
        file=file,
        size=size,
        type=kind,
        kind="table" if how.structure in ("csv", "jsonl", "json_array", "json") else "text",
        encoding=found,
        layout=how,
        mismatch=mismatch,
        record=record,
        left_out=left_out,
    )


def _sheet(file: Path) -> Sheet:
    with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
        return sheet_of(handle)
