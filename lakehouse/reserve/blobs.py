"""Bytes by their SHA-256: `<place>/<2 hex>/<sha256>` under the lake's root, a local folder or a URL."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakehouse.errors import NotFoundError
from lakehouse.project import Project
from lakehouse.storage import packs
from lakehouse.store import object_store, storage_error


@dataclass(frozen=True)
class Blobs:
    """The blobs of a project in one place of its lake."""

    project: Project
    place: str = "blobs"

    def path(self, sha256: str) -> str:
        """Where the blob stands or would stand."""
        return f"{self.project.lake}/{self._key(sha256)}"

    def exists(self, sha256: str) -> bool:
        """Whether the blob is kept, here or in a cold pack."""
        return self._here(sha256) or packs.find(self.project, self._key(sha256)) is not None

    def _here(self, sha256: str) -> bool:
        if self._local:
            return Path(self.path(sha256)).exists()
        import obstore

        with self._store_errors():
            try:
                obstore.head(self._remote(), self._key(sha256))
            except FileNotFoundError as error:
                # A bucket that is not there has no objects either.
                if "NoSuchBucket" in str(error):
                    raise
                return False
        return True

    def open(self, sha256: str) -> BinaryIO:
        """Its bytes as a stream, wherever they stand.

        Raises:
            NotFoundError: no such blob.
            StorageError: its cold pack has lost more than it survives.
        """
        if not self._here(sha256):
            if (cold := packs.open_item(self.project, self._key(sha256))) is not None:
                return cold
            raise NotFoundError(f"no blob {sha256}", where=self.path(sha256))
        if self._local:
            return Path(self.path(sha256)).open("rb")
        import obstore

        with self._store_errors():
            return cast(BinaryIO, io.BufferedReader(_Remote(obstore.open_reader(self._remote(), self._key(sha256)))))

    def sink(self) -> BlobSink:
        """A place to write one blob."""
        return BlobSink(self)

    @property
    def _local(self) -> bool:
        return "://" not in self.project.lake

    def _staging(self) -> Path:
        """Folder of unfinished blobs: on the lake's own disk where it is local, so that finishing is a rename."""
        folder = Path(self.project.lake) / self.place / ".unfinished" if self._local else self.project.state / "blobs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _keep(self, file: Path, sha256: str) -> None:
        if self.exists(sha256):
            return
        if self._local:
            target = Path(self.path(sha256))
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            return
        import obstore

        with self._store_errors():
            obstore.put(self._remote(), self._key(sha256), file)

    def keep_only(self, wanted: Set[str]) -> None:
        """Delete the blobs of this place that are not wanted, and forget those in cold packs; nobody may be writing here."""
        if self.project.settings.storage.locations:
            packs.forget(self.project, lambda name: name.startswith(f"{self.place}/") and name.rpartition("/")[2] not in wanted)
        if self._local:
            for file in Path(self.project.lake, self.place).glob("*/*"):
                if file.name not in wanted:
                    file.unlink(missing_ok=True)
            return
        import obstore

        with self._store_errors():
            for found in obstore.list(self._remote(), self.place):
                for each in found:
                    if each["path"].rpartition("/")[2] not in wanted:
                        obstore.delete(self._remote(), each["path"])

    def _key(self, sha256: str) -> str:
        return f"{self.place}/{sha256[:2]}/{sha256}"

    def _remote(self) -> Any:
        """The store under the lake's root, by the options and credentials of its tables."""
        return object_store(self.project.lake, self.project.settings.storage_options)

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise storage_error(error, self.project.lake) from error


class _Remote(io.RawIOBase):
    """A reader of an object as a raw stream of Python."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer))
        buffer[: len(data)] = memoryview(data)
        return len(data)


class BlobSink:
    """Writes one blob; nothing is kept unless it is closed."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._sha = hashlib.sha256()
        try:
            descriptor, name = tempfile.mkstemp(dir=blobs._staging())
        except OSError as error:
            raise storage_error(error, blobs.path("")) from error
        self._path, self._file = Path(name), os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            StorageError: disk full or not writable; nothing is kept.
        """
        self._sha.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            self.drop()
            raise storage_error(error, str(self._path)) from error

    def close(self) -> str:
        """Keep the blob under its name; returns its hex SHA-256."""
        sha256 = self._sha.hexdigest()
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._blobs._keep(self._path, sha256)
        except OSError as error:
            raise storage_error(error, self._blobs.path(sha256)) from error
        finally:
            self.drop()
        return sha256

    def drop(self) -> None:
        """Keep nothing of what was written."""
        try:
            self._file.close()
        finally:
            self._path.unlink(missing_ok=True)
