"""Text in other encodings and with other line ends, handed on as UTF-8 with `\\n`; what cannot be decoded stays a byte that is no UTF-8.

Where no encoding is declared, the first bytes outside ASCII decide: UTF-8, or else the encoding that they are likeliest in.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from typing import BinaryIO, cast

from lakehouse.core.lake.streams import Pieces
from lakehouse.core.text.encoding import encoding as encoding_of
from lakehouse.core.text.encoding_labels import label_of_markup
from lakehouse.reserve.material import RawFile

_BLOCK = 1 << 20
_HEAD = 1 << 16
_TEXTS = ("csv", "jsonl", "json", "lines", "text")
_LINED = ("csv", "jsonl", "lines")
_GUESSED = ("csv", "lines", "text")
"""Formats whose encoding is looked for; JSON is UTF-8 (RFC 8259, 8.1), and bytes that are not are damage."""
_ENOUGH = 6
"""Bytes outside ASCII that show an encoding; fewer are damage."""
_UNDECODABLE = "\udcff"
"""Stands for a sequence that the encoding has no character for; written as the byte FF, which no UTF-8 text holds."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _UNDECODABLE, error.end


codecs.register_error("lakehouse_undecodable", _mark)


def opened(file: RawFile, guessed: Callable[[str], None] = lambda name: None) -> BinaryIO:
    """The bytes of a file as its format reads them: a text in UTF-8, its lines ended by `\\n`.

    An item with a sequence that does not decode gets the finding `invalid_utf8` from its format, with the bytes around it.

    Args:
        guessed: told the encoding in which a text is read that declares none and is not UTF-8.
    """
    handle = file.open()
    if file.options.encoding is None and file.format in _GUESSED:
        handle = cast(BinaryIO, io.BufferedReader(_Likeliest(handle, guessed), _HEAD))  # a small buffer: a file may be a page
    elif file.format in _TEXTS:
        handle = transcoded(handle, file.options.encoding)
    if file.format in _LINED:
        handle = with_line_ends(handle)
    return handle


def transcoded(handle: BinaryIO, encoding: str | None) -> BinaryIO:
    """A text as UTF-8; as it is where it has no other encoding."""
    return handle if encoding is None else cast(BinaryIO, io.BufferedReader(_Utf8(handle, encoding), _BLOCK))


def with_line_ends(handle: BinaryIO) -> BinaryIO:
    """A text whose lines end with a bare carriage return (as workbooks on old Macs save them) with `\\n` in their place."""
    head = cast(io.BufferedReader, handle).peek(_HEAD)[:_HEAD]
    if b"\r" not in head or b"\n" in head:
        return handle
    return cast(BinaryIO, io.BufferedReader(_Lines(handle), _BLOCK))


class _Utf8(Pieces):
    def __init__(self, below: BinaryIO, encoding: str) -> None:
        super().__init__(below)
        self._decoder = codecs.getincrementaldecoder(encoding)("lakehouse_undecodable")
        self._ended = False

    def piece(self) -> bytes | None:
        if self._ended:
            return None
        data = self._below.read(_BLOCK)
        self._ended = not data
        return self._decoder.decode(data, final=self._ended).encode("utf-8", "surrogateescape")


class _Likeliest(Pieces):
    """Text of which nothing is declared: bytes that are ASCII or UTF-8 as they are, others by the likeliest encoding."""

    def __init__(self, below: BinaryIO, guessed: Callable[[str], None]) -> None:
        super().__init__(below)
        self._guessed = guessed
        self._decoder: codecs.IncrementalDecoder | None = None
        self._known = self._begun = self._ended = False

    def piece(self) -> bytes | None:
        if self._ended:
            return None
        data = self._below.read(_BLOCK)
        if not data and self._decoder is None:
            return None
        self._ended = not data
        if not self._known and (b"\0" in data or not data.isascii()):
            self._known = True
            name = _likeliest(data, first=not self._begun)
            if name is not None:
                self._guessed(name)
                self._decoder = codecs.getincrementaldecoder(name)("lakehouse_undecodable")
        self._begun = True
        if self._decoder is None:
            return data
        return self._decoder.decode(data, final=self._ended).encode("utf-8", "surrogateescape")


def _likeliest(data: bytes, *, first: bool) -> str | None:
    """The codec of text; None for UTF-8, for a mark of it, and where too little shows what it is.

    Args:
        first: the text begins with `data`.
    """
    label = label_of_markup(data) if first else None
    found = encoding_of(data, label)
    if found is None or found.read_as_it_is or (not first and found.name.startswith("utf-")):
        return None
    if found.name.startswith("utf-"):
        return found.name
    outside = len(data) - len(data.translate(None, bytes(range(0x80, 0x100))))
    return found.name if (outside >= _ENOUGH or label is not None) and not found.damaged else None


class _Lines(Pieces):
    def piece(self) -> bytes | None:
        data = self._below.read(_BLOCK)
        return data.replace(b"\r", b"\n") if data else None
