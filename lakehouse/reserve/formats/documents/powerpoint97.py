"""PowerPoint 97 to 2003: the text of the slides that a presentation has as it was saved last ([MS-PPT], 2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lakehouse.reserve.formats.documents.compound import Streams, streams
from lakehouse.reserve.formats.documents.parts import DocumentText, lines
from lakehouse.reserve.formats.whole_files import Unreadable

_ENCRYPTED = 0xF3D1C4DF
_SLIDE_LIST, _SLIDE_PLACE, _EDIT, _DIRECTORY = 0x0FF0, 0x03F3, 0x0FF5, 0x1772
_CHARACTERS, _BYTES = 0x0FA0, 0x0FA8
_DEPTH = 64
_SIGNS = str.maketrans({"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\0": None})


def read(data: bytes, limit: int) -> DocumentText:
    """The paragraphs of the slides, in their order; not those of masters and notes.

    Raises:
        Unreadable: damaged, or with a password.
    """
    with streams(data) as found:
        slides = [lines(text.translate(_SIGNS)) for text in _slides(found, limit)]
        return DocumentText("\n\n".join(text for text in slides if text), *found.properties(), len(slides))


def _slides(found: Streams, limit: int) -> list[str]:
    stream, user = found.read("PowerPoint Document"), found.read("Current User")
    token, newest = struct.unpack_from("<II", user, 12)
    if token == _ENCRYPTED:
        raise Unreadable("encrypted_document")
    places, document = _directory(stream, newest)
    _, _, start, end = _record(stream, places[document])
    slides: list[list[str]] = []
    size = 0
    for kind, instance, at, stop in _records(stream, start, end):
        if kind != _SLIDE_LIST or instance != 0:  # 1 are masters, 2 are notes
            continue
        for inner, _, begin, close in _records(stream, at, stop):
            if inner == _SLIDE_PLACE:
                (number,) = struct.unpack_from("<I", stream, begin)
                _, _, own, last = _record(stream, places[number])
                slides.append(list(_texts(stream, own, last)))
                size += last - own
                if size > 10 * limit:
                    raise Unreadable("expands_too_much")  # a list may name the same slide over and over
            elif slides:
                slides[-1] += _slide_text(stream, inner, begin, close)
    return ["\n".join(dict.fromkeys(texts)) for texts in slides]


def _directory(stream: bytes, newest: int) -> tuple[dict[int, int], int]:
    """The place of each object by its number, from the newest save that has it; and the number of the document."""
    places: dict[int, int] = {}
    document, seen, at = 0, set(), newest
    while at and at not in seen:
        seen.add(at)
        kind, _, start, _ = _record(stream, at)
        if kind != _EDIT:
            raise Unreadable("damaged_document")
        before, directory, of = struct.unpack_from("<III", stream, start + 8)
        document = document or of
        kind, _, place, end = _record(stream, directory)
        if kind != _DIRECTORY:
            raise Unreadable("damaged_document")
        while place + 4 <= end:
            (said,) = struct.unpack_from("<I", stream, place)
            first, count = said & 0xFFFFF, said >> 20
            for number, where in enumerate(struct.unpack_from(f"<{count}I", stream, place + 4), first):
                places.setdefault(number, where)
            place += 4 + 4 * count
        at = before
    return places, document


def _record(stream: bytes, at: int) -> tuple[int, int, int, int]:
    """Kind, instance, and where the content of a record begins and ends."""
    version, kind, size = struct.unpack_from("<HHI", stream, at)
    if at + 8 + size > len(stream):
        raise Unreadable("damaged_document")
    return kind, version >> 4, at + 8, at + 8 + size


def _records(stream: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    while at + 8 <= end:
        found = _record(stream, at)
        yield found
        at = found[3]


def _texts(stream: bytes, at: int, end: int, depth: int = 0) -> Iterator[str]:
    """The texts within a record, those of the records in it among them."""
    if depth > _DEPTH:
        raise Unreadable("damaged_document")
    for kind, _, start, stop in _records(stream, at, end):
        if struct.unpack_from("<H", stream, start - 8)[0] & 0xF == 0xF:
            yield from _texts(stream, start, stop, depth + 1)
        else:
            yield from _slide_text(stream, kind, start, stop)


def _slide_text(stream: bytes, kind: int, start: int, end: int) -> list[str]:
    if kind == _CHARACTERS:
        return [stream[start:end].decode("utf-16-le", "replace")]
    return [stream[start:end].decode("latin-1")] if kind == _BYTES else []
