"""Documents of Office 97 to 2003: streams of a compound file, by olefile, and its properties."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lakehouse.core.errors import MissingExtraError
from lakehouse.reserve.formats.whole_files import Unreadable

_PAGES = {
    1200: "utf-16-le",
    10000: "mac-roman",
    10001: "shift_jis",
    10002: "big5",
    10003: "euc_kr",
    10007: "mac-cyrillic",
    10008: "gb18030",
    65001: "utf-8",
}
"""Code pages that Python knows by another name."""


class Streams:
    """The streams of a compound file."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def has(self, name: str) -> bool:
        """Whether there is a stream of this name."""
        return bool(self._file.exists(name))

    def read(self, name: str) -> bytes:
        """The bytes of a stream.

        Raises:
            Unreadable: it is not there.
        """
        if not self.has(name):
            raise Unreadable("damaged_document")
        return bytes(self._file.openstream(name).read())

    def properties(self) -> tuple[str | None, str | None]:
        """Title and author."""
        if not self.has("\x05SummaryInformation"):
            return None, None
        about = self._file.get_metadata()
        return _decoded(about.title, about.codepage), _decoded(about.author, about.codepage)


@contextmanager
def streams(data: bytes) -> Iterator[Streams]:
    """The compound file that a document is.

    Raises:
        Unreadable: it is damaged, also where what is done with it within the block finds it so.
    """
    try:
        import olefile
    except ModuleNotFoundError:
        raise MissingExtraError("format `document` (doc, ppt)", "documents") from None
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            yield Streams(file)
    except (OSError, EOFError, struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise Unreadable("damaged_document") from error


def _decoded(value: Any, page: int | None) -> str | None:
    if not isinstance(value, bytes):
        return str(value).strip() or None if value else None
    # A code page is stored as a number with a sign.
    page = (page or 1252) & 0xFFFF
    try:
        text = value.decode(_PAGES.get(page, f"cp{page}"), "replace")
    except LookupError:
        text = value.decode("cp1252", "replace")
    return text.strip("\0 ") or None
