"""Text in other encodings and with other line ends, handed on as UTF-8 with `\\n`; what cannot be decoded stays a byte that is no UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, cast

from lakehouse.core.lake.streams import Pieces
from lakehouse.reserve.material import RawFile

_BLOCK = 1 << 20
_HEAD = 1 << 16
_TEXTS = ("csv", "jsonl", "json", "lines", "text")
_LINED = ("csv", "jsonl", "lines")
_UNDECODABLE = "\udcff"
"""Stands for a sequence that the encoding has no character for; written as the byte FF, which no UTF-8 text holds."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return _UNDECODABLE, error.end


codecs.register_error("lakehouse_undecodable", _mark)


def opened(file: RawFile) -> BinaryIO:
    """The bytes of a file as its format reads them: a text in UTF-8, its lines ended by `\\n`.

    An item with a sequence that does not decode gets the finding `invalid_utf8` from its format, with the bytes around it.
    """
    handle = file.open()
    if file.format in _TEXTS:
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


class _Lines(Pieces):
    def piece(self) -> bytes | None:
        data = self._below.read(_BLOCK)
        return data.replace(b"\r", b"\n") if data else None
