"""Word 97 to 2003: the text of a document by its piece table ([MS-DOC], 2.4.1)."""

from __future__ import annotations

import re
import struct

from lakehouse.reserve.formats.documents.compound import Streams, streams
from lakehouse.reserve.formats.documents.parts import DocumentText, lines
from lakehouse.reserve.formats.whole_files import Unreadable

_WORD, _WORD_97 = 0xA5EC, 0x00C1
_ENCRYPTED, _OTHER_TABLE, _OBFUSCATED = 0x0100, 0x0200, 0x8000
_COUNTS, _CLX = 0x4C, 0x01A2
"""The places in the header of the character counts of the document's parts, and of its piece table."""
_PARTS = (True, True, False, False, False, True, True, False)
"""Of the parts, in their order: the body, footnotes, headers, (nothing), comments, endnotes, text boxes, those of headers."""
_PIECES, _PROPERTIES = 2, 1
_EIGHT_BITS, _PLACE = 0x40000000, 0x3FFFFFFF
_FIELD = re.compile("\x13[^\x13\x14\x15]*(?:\x14([^\x13\x14\x15]*))?\x15")
"""A field: what it asks for, and behind the sign 0x14 what Word showed for it."""
_SIGNS = str.maketrans(
    {"\r": "\n", "\x07": "\n", "\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": None, "\xa0": " "}
    | dict.fromkeys(map(chr, (0, 1, 2, 3, 4, 5, 6, 8, 0x13, 0x14, 0x15)), None)
)
"""Signs of paragraphs, cells, lines, pages and columns; hyphens; and the marks of pictures, notes and the like."""


def read(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of the document, those of its tables among them, then its footnotes, endnotes and text boxes; no headers, no comments.

    Raises:
        Unreadable: damaged, with a password, or of a Word before 97.
    """
    with streams(data) as found:
        return DocumentText(lines(_readable(_text(found, limit))), *found.properties())


def _text(found: Streams, limit: int) -> str:
    main = found.read("WordDocument")
    kind, version = struct.unpack_from("<HH", main)
    (flags,) = struct.unpack_from("<H", main, 0x0A)
    if kind != _WORD or version < _WORD_97:
        raise Unreadable("damaged_document")
    if flags & (_ENCRYPTED | _OBFUSCATED):
        raise Unreadable("encrypted_document")
    at, size = struct.unpack_from("<II", main, _CLX)
    clx = found.read("1Table" if flags & _OTHER_TABLE else "0Table")[at : at + size]
    text, start, parts = _pieces(main, clx, limit), 0, []
    for wanted, length in zip(_PARTS, struct.unpack_from(f"<{len(_PARTS)}i", main, _COUNTS), strict=True):
        if length < 0:
            raise Unreadable("damaged_document")
        if wanted:
            parts.append(text[2 * start : 2 * (start + length)].decode("utf-16-le", "replace"))
        start += length
    return "\n".join(parts)


def _pieces(main: bytes, clx: bytes, limit: int) -> bytes:
    """The characters of all pieces, in their order, as UTF-16: by its units they are counted."""
    at = 0
    while clx[at] == _PROPERTIES:
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if clx[at] != _PIECES:
        raise Unreadable("damaged_document")
    (size,) = struct.unpack_from("<I", clx, at + 1)
    table = clx[at + 5 : at + 5 + size]
    count = (size - 4) // 12
    starts = struct.unpack_from(f"<{count + 1}I", table)
    if starts[-1] > limit:
        raise Unreadable("expands_too_much")  # pieces may name the same bytes over and over
    parts = []
    for number in range(count):
        length = starts[number + 1] - starts[number]
        (place,) = struct.unpack_from("<I", table, 4 * (count + 1) + 8 * number + 2)
        if length < 0:
            raise Unreadable("damaged_document")
        if place & _EIGHT_BITS:
            start = (place & _PLACE) // 2
            parts.append(main[start : start + length].decode("cp1252", "replace").encode("utf-16-le"))
        else:
            parts.append(main[place : place + 2 * length])
    return b"".join(parts)


def _readable(text: str) -> str:
    before = None
    while before != text:
        before, text = text, _FIELD.sub(lambda field: field[1] or "", text)
    return text.translate(_SIGNS)
