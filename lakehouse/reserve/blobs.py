"""Bytes by their SHA-256: `blobs/<2 hex>/<sha256>` under the lake's root, a local folder or a URL."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakehouse.errors import NotFoundError, StorageError
from lakehouse.project import Project
from lakehouse.table import storage_error


@dataclass(frozen=True)
class Blobs:
    """The blobs of a project."""

    project: Project

    def path(self, sha256: str) -> str:
        """Where the blob stands or would stand."""
        return f"{self.project.lake}/blobs/{sha256[:2]}/{sha256}"

    def exists(self, sha256: str) -> bool:
        """Whether the blob is kept."""
        if self._local:
            return Path(self.path(sha256)).exists()
        filesystem, path = self._remote(sha256)
        return bool(filesystem.exists(path))

    def open(self, sha256: str) -> BinaryIO:
        """Its bytes as a stream.

        Raises:
            NotFoundError: no such blob.
        """
        if not self.exists(sha256):
            raise NotFoundError(f"no blob {sha256}", where=self.path(sha256))
        if self._local:
            return Path(self.path(sha256)).open("rb")
        filesystem, path = self._remote(sha256)
        return cast(BinaryIO, filesystem.open(path, "rb"))

    def sink(self) -> BlobSink:
        """A place to write one blob."""
        return BlobSink(self)

    @property
    def _local(self) -> bool:
        return "://" not in self.project.lake

    def _staging(self) -> Path:
        """Folder of unfinished blobs: on the lake's own disk where it is local, so that finishing is a rename."""
        folder = Path(self.project.lake) / "blobs" / ".unfinished" if self._local else self.project.state / "blobs"
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
        filesystem, path = self._remote(sha256)
        filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(file), path)

    def _remote(self, sha256: str) -> tuple[Any, str]:
        import fsspec

        protocol = self.project.lake.partition("://")[0]
        try:
            filesystem, path = fsspec.core.url_to_fs(self.path(sha256), **_options(protocol, dict(self.project.settings.storage_options)))
        except ImportError as error:
            raise StorageError(
                f"blobs on {protocol}:// need a package that is not installed: {error}", where=self.project.lake, fix="install it with pip"
            ) from error
        return filesystem, str(path)


def _options(protocol: str, storage: dict[str, str]) -> dict[str, Any]:
    """fsspec's options from those of the lake's tables: the endpoint of an S3 store."""
    endpoint = next((value for key, value in storage.items() if key.lower() in ("aws_endpoint_url", "endpoint_url", "endpoint")), None)
    return {"client_kwargs": {"endpoint_url": endpoint}} if endpoint and protocol.startswith("s3") else {}


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
            self._drop()
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
            self._drop()
        return sha256

    def _drop(self) -> None:
        try:
            self._file.close()
        finally:
            self._path.unlink(missing_ok=True)
