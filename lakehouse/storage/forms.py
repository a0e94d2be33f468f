"""The forms in which a file's bytes are kept, said by the endings behind its name: as they are, or compressed with zstd (`.zst`)."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO, cast

from lakehouse.errors import StorageError

LEVEL = 19
"""Of zstd: a few megabytes a second, for what is rarely read."""
GAIN = 0.95
"""What does not shrink below this share of its bytes stays as it is."""
_FEED = 4096
"""Compressed bytes given to zstd at a time: bounds what one step can expand to (at most about 32,000 times)."""


def plain(stream: BinaryIO, form: str, folder: Path, name: str) -> BinaryIO:
    """The file's own bytes, checked as far as the form can check them, in a local file that is gone once it is closed.

    Args:
        form: `.zst`, or empty for a stream that is handed back as it is.
        folder: of the local file.
        name: for messages.

    Raises:
        StorageError: the bytes were changed or cut short.
    """
    if not form:
        return stream
    import zstandard

    with stream, ExitStack() as stack:
        handle = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile(dir=folder)))
        step = zstandard.ZstdDecompressor().decompressobj()
        try:
            while block := stream.read(_FEED):
                handle.write(step.decompress(block))
        except zstandard.ZstdError as error:
            raise StorageError(f"what is kept of `{name}` is damaged: {error}", fix="bring a whole copy of the file") from error
        if not step.eof:
            raise StorageError(f"what is kept of `{name}` was cut short", fix="bring a whole copy of the file")
        stack.pop_all()
        handle.seek(0)
        return handle


def gains(head: bytes) -> bool:
    """Whether bytes that begin so are worth compressing."""
    import zstandard

    return len(zstandard.ZstdCompressor(level=3).compress(head)) <= GAIN * len(head)


def compress(stream: BinaryIO, target: IO[bytes]) -> None:
    """Write a stream as one zstd frame with a checksum of its content."""
    import zstandard

    zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).copy_stream(stream, target)
