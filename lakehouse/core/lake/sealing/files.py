"""Data files that are sealed: their names end in SEALED, and they are read at any place without being opened whole.

A sealed stream is a row of chunks of equal size, so that a place in the file is a chunk and a place in it. Several classes lie one over the
other: such a file opens only while the key of none of them was shredded. The streams are those of `lakehouse.core.lake.sealing.streams`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import pyarrow as pa
from pyarrow import fs

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.sealing.data_keys import current_key, opening_key
from lakehouse.core.lake.sealing.streams import CHUNK, MAGIC, TAG, DataKey, Sealer, changed, cipher_of, open_chunk, read_header

SEALED = ".sealed.parquet"
"""The ending of a sealed data file's name."""


class SealedFile(io.RawIOBase):
    """A sealed stream, readable from any place; it owns the stream below.

    Raises:
        StorageError: the stream was changed, or its key is not to be had; also while it is read.
    """

    def __init__(self, below: BinaryIO, size: int, key: Callable[[str, bytes], DataKey], name: str) -> None:
        self._below, self._name = below, name
        below.seek(0)
        self.of, header, found = read_header(below.read, key, name)
        self._cipher, self._start = cipher_of(found, header), len(header)
        body = size - self._start
        if body < TAG:
            raise changed(name)
        self._chunks = -(-body // (CHUNK + TAG))
        self.size = body - TAG * self._chunks
        self._at, self._held, self._number = 0, b"", -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        self._at = to + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer at the end only."""
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        parts: list[bytes | memoryview] = []
        while self._at < end:
            number, inside = divmod(self._at, CHUNK)
            chunk = self._chunk(number)
            part = memoryview(chunk)[inside : inside + end - self._at]
            parts.append(part)
            self._at += len(part)
        return b"".join(parts)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        if not self.closed:
            self._below.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if number != self._number:
            self._below.seek(self._start + number * (CHUNK + TAG))
            data = self._below.read(CHUNK + TAG)
            self._held = open_chunk(self._cipher, bytes(data), number, last=number == self._chunks - 1, name=self._name)
            self._number = number
        return self._held


class _Sink(io.RawIOBase):
    """A stream that seals what is written, under each key in turn; it owns the stream below."""

    def __init__(self, below: pa.NativeFile, under: Sequence[DataKey]) -> None:
        self._below, self._sealers, self._at = below, [Sealer(key) for key in under], 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._at += len(piece)
        for sealer in self._sealers:
            piece = sealer.update(piece)
        if piece:
            self._below.write(piece)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            rest = b""
            for sealer in self._sealers:
                rest = (sealer.update(rest) if rest else b"") + sealer.finish()
            self._below.write(rest)
            self._below.close()


class _Handler(fs.FileSystemHandler):  # type: ignore[misc]  # pyarrow has no types
    def __init__(self, below: fs.FileSystem, lake: Location, under: Sequence[str]) -> None:
        self.below, self.lake, self.under = below, lake, tuple(under)

    def get_type_name(self) -> str:
        return "sealed"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return cast(list[fs.FileInfo], self.below.get_file_info(paths))

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        return cast(list[fs.FileInfo], self.below.get_file_info(selector))

    def create_dir(self, path: str, recursive: bool) -> None:
        self.below.create_dir(path, recursive=recursive)

    def delete_dir(self, path: str) -> None:
        self.below.delete_dir(path)

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        self.below.delete_dir_contents(path, missing_dir_ok=missing_dir_ok)

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError("nothing here empties a table's folder")

    def delete_file(self, path: str) -> None:
        self.below.delete_file(path)

    def move(self, src: str, dest: str) -> None:
        self.below.move(src, dest)

    def copy_file(self, src: str, dest: str) -> None:
        self.below.copy_file(src, dest)

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> pa.NativeFile:
        below = self.below.open_input_file(path)
        return pa.PythonFile(opened(below, self.lake, path), mode="r") if path.endswith(SEALED) else below

    def open_output_stream(self, path: str, metadata: dict[str, str]) -> pa.NativeFile:
        if not path.endswith(SEALED):
            return self.below.open_output_stream(path, metadata=metadata)
        keys = [current_key(self.lake, of) for of in self.under]
        if not keys:
            raise StorageError(f"no class is known under which `{path}` is to be sealed")
        # Through a buffer: delta-rs' store takes bytes, and without one it is handed Arrow's buffers.
        return pa.PythonFile(_Sink(self.below.open_output_stream(path, buffer_size=4 * CHUNK), keys), mode="w")

    def open_append_stream(self, path: str, metadata: dict[str, str]) -> pa.NativeFile:
        raise NotImplementedError("data files are written once")


def opened(below: pa.NativeFile, lake: Location, name: str) -> BinaryIO:
    """A file without the seals that lie on it."""
    return _unsealed(below, lake, name)[0]


def classes(files: fs.FileSystem, lake: Location, name: str) -> tuple[str, ...]:
    """The classes under which a file is sealed, the first one innermost."""
    with files.open_input_file(name) as below:
        return tuple(reversed(_unsealed(below, lake, name)[1]))


def _unsealed(below: pa.NativeFile, lake: Location, name: str) -> tuple[BinaryIO, list[str]]:
    """The innermost stream, at its beginning, and the classes of the seals on it, the outermost first."""
    stream, size, found = cast(BinaryIO, below), below.size(), []
    while stream.read(len(MAGIC)) == MAGIC:
        file = SealedFile(stream, size, partial(opening_key, lake), name)
        found.append(file.of)
        stream, size = cast(BinaryIO, file), file.size
    stream.seek(0)
    return stream, found


def sealing(files: fs.FileSystem, lake: Location, under: Sequence[str] = ()) -> fs.FileSystem:
    """The same files: what is named SEALED is opened as it is read, and sealed under these classes as it is written."""
    return fs.PyFileSystem(_Handler(files, lake, under))


def below(files: fs.FileSystem) -> fs.FileSystem:
    """The files as the disk or the store holds them."""
    return files.handler.below if isinstance(files, fs.PyFileSystem) and isinstance(files.handler, _Handler) else files
