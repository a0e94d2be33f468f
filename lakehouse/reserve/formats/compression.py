"""Open gz, zst, bz2 and xz by a file's ending; a stream that ends early is an error, never a shorter file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO, cast

from lakehouse.core.errors import SourceError
from lakehouse.core.lake.streams import Pieces

ENDINGS = (".gz", ".zst", ".bz2", ".xz")
_FEED = 4096
"""Compressed bytes given to zstd at a time: bounds what one step can expand to (at most about 32,000 times)."""


_PIECE = 1 << 16
"""Bytes that one step of bz2 and xz gives at most."""
_XZ_MEMORY = 256 << 20
"""Bytes that xz may take for its dictionary: `xz -9` asks for 65 MB."""


def without_compression(name: str) -> str:
    """A file's name without the endings of compression."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return without_compression(name[: -len(ending)])
    return name


def is_compressed(name: str) -> bool:
    """Whether a file's name has the ending of compression."""
    return name.lower().endswith(ENDINGS)


def decompressed(handle: BinaryIO, name: str) -> BinaryIO:
    """`handle` with the compression that `name` ends in undone; it owns `handle`."""
    if name.lower().endswith(".gz"):
        # `closefd` has no counterpart: the file is closed with the buffer below.
        return cast(BinaryIO, io.BufferedReader(_Owning(gzip.GzipFile(fileobj=handle, mode="rb"), handle), 1 << 16))
    if name.lower().endswith(".zst"):
        return cast(BinaryIO, io.BufferedReader(_Zstd(handle), 1 << 16))
    if name.lower().endswith(".bz2"):
        return cast(BinaryIO, io.BufferedReader(_Streams(handle, bz2.BZ2Decompressor), _PIECE))
    if name.lower().endswith(".xz"):
        return cast(BinaryIO, io.BufferedReader(_Streams(handle, partial(lzma.LZMADecompressor, memlimit=_XZ_MEMORY)), _PIECE))
    return cast(BinaryIO, handle if isinstance(handle, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, handle), 1 << 16))


class _Owning(io.RawIOBase):
    def __init__(self, stream: gzip.GzipFile, below: BinaryIO) -> None:
        self._stream, self._below = stream, below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        self._below.close()
        super().close()


class _Zstd(Pieces):
    """RFC 8878 frames, one after another. zstandard's own stream reader takes a truncated frame for the end."""

    def __init__(self, below: BinaryIO) -> None:
        import zstandard

        super().__init__(below)
        self._context = zstandard.ZstdDecompressor()
        self._frame = self._context.decompressobj()
        self._fed, self._input = False, b""

    def piece(self) -> bytes | None:
        data = self._input or self._below.read(_FEED)
        self._input = b""
        if not data:
            if self._fed and not self._frame.eof:
                raise EOFError("the zstd frame ends early")
            return None
        if self._frame.eof:
            self._frame, self._fed = self._context.decompressobj(), False
        made: bytes = self._frame.decompress(data)
        self._fed = True
        self._input = self._frame.unused_data if self._frame.eof else b""
        return made


class _Streams(Pieces):
    """Streams of bz2 or xz, one after another; what one step gives is bounded, whatever the bytes expand to."""

    def __init__(self, below: BinaryIO, opened: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        super().__init__(below)
        self._opened, self._stream = opened, opened()

    def piece(self) -> bytes | None:
        if self._stream.eof:
            # xz pads its streams with zeros to a multiple of four bytes.
            data = self._stream.unused_data.lstrip(b"\0")
            while not data:
                if not (block := self._below.read(_PIECE)):
                    return None
                data = block.lstrip(b"\0")
            self._stream = self._opened()
            return self._stream.decompress(data, _PIECE)
        data = self._below.read(_PIECE) if self._stream.needs_input else b""
        if not data and self._stream.needs_input:
            raise EOFError("the stream ends early")
        return self._stream.decompress(data, _PIECE)


@contextmanager
def damage_named(uri: str) -> Iterator[None]:
    """Failures of reading within the block become a SourceError that names the file.

    Raises:
        SourceError: truncated, damaged, unreadable.
    """
    import tarfile
    import zipfile

    import zstandard

    try:
        yield
    except SourceError as error:
        error.where = error.where or uri
        raise
    except EOFError as error:
        raise SourceError("the compressed file ends early", where=uri, fix="fetch it again") from error
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError) as error:
        raise SourceError(f"the file is damaged: {error}", where=uri, fix="fetch it again") from error
    except OSError as error:
        if error.errno is None and str(error) == "Invalid data stream":  # the message of bz2
            raise SourceError(f"the file is damaged: {error}", where=uri, fix="fetch it again") from error
        raise SourceError(f"cannot be read: {error.strerror or error}", where=uri, fix="check that it exists and may be read") from error
