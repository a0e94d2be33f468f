"""A raw stream of Python over bytes that come in pieces of their own size."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


class Pieces(io.RawIOBase):
    """The pieces of `piece`, one behind the other; it owns the stream below."""

    def __init__(self, below: BinaryIO) -> None:
        self._below, self._ready = below, memoryview(b"")

    def piece(self) -> bytes | None:
        """The next bytes, which may be empty; None at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self.piece()
            if data is None:
                return 0
            self._ready = memoryview(data)
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._below.close()
        super().close()
