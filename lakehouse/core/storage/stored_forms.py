"""Forms in which a file's bytes are stored, by the ending behind its name: as they are, compressed (`.zst`), sealed (`.aes`)."""

from __future__ import annotations

import hashlib
import io
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO, cast

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.sealing.streams import unseal
from lakehouse.core.lake.streams import Pieces
from lakehouse.core.project import Project
from lakehouse.core.storage.keys import opener

LEVEL = 19
"""Of zstd: a few megabytes a second, for what is rarely read."""
GAIN = 0.95
"""What does not shrink below this share of its bytes stays as it is."""
_FEED = 4096
"""Compressed bytes given to zstd at a time: bounds what one step can expand to (at most about 32,000 times)."""


def staging(project: Project) -> Path:
    """Local folder of files under way."""
    folder = project.state / "packs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def plain(project: Project, stream: BinaryIO, form: str, name: str) -> BinaryIO:
    """The file's own bytes, checked as far as the form can check them.

    Compressed bytes go to a local file that vanishes once it is closed; sealed bytes are opened as they are read.

    Args:
        form: `.zst`, `.aes`, or empty for a stream that is handed back as it is.
        name: for messages; where its last part is a SHA-256, of what was sealed, that is checked as well.

    Raises:
        StorageError: the bytes were changed or cut short, or a key is not to be had.
    """
    if not form:
        return stream
    if form == ".aes":
        return cast(BinaryIO, io.BufferedReader(_UnsealedStream(project, stream, name), 1 << 18))
    import zstandard

    with stream, ExitStack() as stack:
        handle = cast(BinaryIO, stack.enter_context(tempfile.TemporaryFile(dir=staging(project))))
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


class _UnsealedStream(Pieces):
    """A sealed stream as a raw stream of its own bytes."""

    def __init__(self, project: Project, below: BinaryIO, name: str) -> None:
        super().__init__(below)
        self._name, self._sha = name, hashlib.sha256()
        self._chunks = unseal(below.read, opener(project), name)

    def piece(self) -> bytes | None:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self._sha.update(chunk)
            return chunk
        sha256 = self._name.rpartition("/")[2]
        if len(sha256) == 64 and self._sha.hexdigest() != sha256:
            raise StorageError(f"what is kept of `{self._name}` is another file", fix="bring a whole copy of it")
        return None
