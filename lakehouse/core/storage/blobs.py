"""Bytes by their SHA-256: `<place>/<2 hex>/<sha256>` under the lake's root, a local folder or a URL."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakehouse.core.errors import NotFoundError, StorageError
from lakehouse.core.lake.sealing.streams import Sealer
from lakehouse.core.lake.store import object_store, storage_error
from lakehouse.core.project import Project
from lakehouse.core.storage import packs
from lakehouse.core.storage.keys import sealing_key
from lakehouse.core.storage.stored_forms import GAIN, compress, gains, plain

FORMS = ("", ".zst", ".aes")
_HEAD = 1024 * 1024
"""Bytes that decide whether a blob is worth compressing."""


def landed_blobs(project: Project, source: str) -> Blobs:
    """The place where the material of a source lands."""
    return Blobs(project, f"landing/{source}", project.class_of(source))


def oversized_blobs(project: Project, source: str) -> Blobs:
    """The place of the oversized items of a source: beside those of others, unless they are sealed."""
    of = project.class_of(source)
    return Blobs(project, f"sealed/{source}", of) if of else Blobs(project)


@dataclass(frozen=True)
class StoredBlob:
    """A blob as it is kept: its form, its bytes in it, and when it was last written or read.

    An object store does not record reads, and a folder records them by the day, unless it is mounted with `noatime`.
    """

    sha256: str
    form: str
    bytes: int
    used: datetime


@dataclass(frozen=True)
class Blobs:
    """The blobs of a project in one place of its lake.

    Attributes:
        sealed: class of the key under which new ones are sealed; None for none.
    """

    project: Project
    place: str = "blobs"
    sealed: str | None = None

    def path(self, sha256: str) -> str:
        """The path of the blob, whether it exists or not."""
        return f"{self.project.lake}/{self._key(sha256)}"

    def exists(self, sha256: str) -> bool:
        """Whether the blob is kept, here in any form or in a cold pack."""
        return self._form(sha256) is not None or packs.find(self.project, self._key(sha256)) is not None

    def open(self, sha256: str) -> BinaryIO:
        """Its bytes as a stream, from whatever place and form.

        Raises:
            NotFoundError: no such blob.
            StorageError: what is kept of it is damaged, or its cold pack has lost more than it survives.
        """
        form = self._form(sha256)
        if form is None:
            if (cold := packs.open_item(self.project, self._key(sha256))) is not None:
                return cold
            raise NotFoundError(f"no blob {sha256}", where=self.path(sha256))
        if self._local:
            return plain(self.project, Path(self.path(sha256) + form).open("rb"), form, sha256)
        return plain(self.project, self.open_kept(sha256, form), form, sha256)

    def open_kept(self, sha256: str, form: str) -> BinaryIO:
        """The bytes of a form that is kept here, unchanged; reading them so is no use of the blob, where the system allows that."""
        if self._local:
            return open(self.path(sha256) + form, "rb", opener=_unnoticed)
        import obstore

        with self._store_errors():
            return cast(BinaryIO, io.BufferedReader(_Remote(obstore.open_reader(self._remote(), self._key(sha256) + form))))

    def kept(self) -> list[StoredBlob]:
        """The blobs kept here, by name."""
        if self._local:
            files = [(file, file.stat()) for file in Path(self.project.lake, self.place).glob("[0-9a-f][0-9a-f]/*")]
            found = [(file.name, about.st_size, max(about.st_mtime, about.st_atime)) for file, about in files]
        else:
            import obstore

            with self._store_errors():
                listed = [each for page in obstore.list(self._remote(), self.place) for each in page]
            found = [(each["path"].rpartition("/")[2], each["size"], each["last_modified"].timestamp()) for each in listed]
        return [StoredBlob(name[:64], name[64:], size, datetime.fromtimestamp(used, UTC)) for name, size, used in sorted(found)]

    def shrinks(self, sha256: str) -> bool:
        """Whether a blob is worth compressing, by its first bytes."""
        with self.open_kept(sha256, "") as stream:
            return gains(stream.read(_HEAD))

    def compress(self, sha256: str) -> int:
        """Keep a blob compressed, if that is worth it; bytes that are kept of it now. It is read back before its own bytes go.

        Raises:
            StorageError: no room, or the blob does not match its name.
        """
        if not self.shrinks(sha256):
            return self._size(sha256)
        handle, name = tempfile.mkstemp(dir=self._staging())
        file = Path(name)
        try:
            with os.fdopen(handle, "w+b") as target, self.open_kept(sha256, "") as stream:
                compress(stream, target)
                target.flush()
                os.fsync(target.fileno())
            size = file.stat().st_size
            if size > GAIN * self._size(sha256):
                return self._size(sha256)
            with plain(self.project, file.open("rb"), ".zst", sha256) as again:
                if hashlib.file_digest(cast(Any, again), "sha256").hexdigest() != sha256:
                    raise StorageError("a blob does not match its name", where=self.path(sha256), fix="bring a whole copy of it")
            if self._local:  # the compressed form is as old as the blob
                about = Path(self.path(sha256)).stat()
                os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
            self._put(file, sha256, ".zst")
            self.drop(sha256, "")
            return size
        except OSError as error:
            raise storage_error(error, self.path(sha256)) from error
        finally:
            file.unlink(missing_ok=True)

    def drop(self, sha256: str, form: str) -> None:
        """Delete a form of a blob that is stored elsewhere as well."""
        if self._local:
            Path(self.path(sha256) + form).unlink(missing_ok=True)
            return
        import obstore

        with self._store_errors():
            obstore.delete(self._remote(), self._key(sha256) + form)

    def discard(self, sha256: str) -> None:
        """Delete a blob in whatever form it is kept here; what a cold pack has of it is forgotten with the next packing without it."""
        for form in FORMS:
            if self._size(sha256, form) >= 0:
                self.drop(sha256, form)

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

    def _form(self, sha256: str) -> str | None:
        """The form in which a blob is kept here; None if it is not."""
        return next((form for form in FORMS if self._size(sha256, form) >= 0), None)

    def _size(self, sha256: str, form: str = "") -> int:
        """Bytes of a form of a blob; -1 if it is not kept here."""
        if self._local:
            file = Path(self.path(sha256) + form)
            return file.stat().st_size if file.exists() else -1
        import obstore

        with self._store_errors():
            try:
                return int(obstore.head(self._remote(), self._key(sha256) + form)["size"])
            except FileNotFoundError as error:
                # A bucket that is not there has no objects either.
                if "NoSuchBucket" in str(error):
                    raise
                return -1

    def _keep(self, file: Path, sha256: str) -> None:
        if not self.exists(sha256):
            self._put(file, sha256, ".aes" if self.sealed else "")

    def _put(self, file: Path, sha256: str, form: str) -> None:
        if self._local:
            target = Path(self.path(sha256) + form)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            return
        import obstore

        with self._store_errors():
            obstore.put(self._remote(), self._key(sha256) + form, file)

    def keep_only(self, wanted: Set[str]) -> None:
        """Delete the blobs of this place that are not wanted, and forget those in cold packs; nobody may be writing here."""
        if self.project.settings.storage.locations:
            packs.forget(self.project, lambda name: name.startswith(f"{self.place}/") and name.rpartition("/")[2] not in wanted)
        if self._local:
            for file in Path(self.project.lake, self.place).glob("*/*"):
                if file.name[:64] not in wanted:
                    file.unlink(missing_ok=True)
            return
        import obstore

        with self._store_errors():
            for found in obstore.list(self._remote(), self.place):
                for each in found:
                    if each["path"].rpartition("/")[2][:64] not in wanted:
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


def _unnoticed(path: str, flags: int) -> int:
    """Open a file so that reading it leaves its time of access; only its owner may."""
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, flags)


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
        self._sealer = Sealer(sealing_key(blobs.project, blobs.sealed)) if blobs.sealed else None
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
            self._file.write(data if self._sealer is None else self._sealer.update(data))
        except OSError as error:
            self.drop()
            raise storage_error(error, str(self._path)) from error

    def close(self) -> str:
        """Keep the blob under its name; returns its hex SHA-256."""
        sha256 = self._sha.hexdigest()
        try:
            if self._sealer is not None:
                self._file.write(self._sealer.finish())
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
