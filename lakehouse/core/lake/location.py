"""A place that holds shards: a folder, such as the mount of a disk, or a URL of an object store."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.lake.store import object_store, storage_error


@dataclass(frozen=True)
class Location:
    """The files below `at`, an absolute folder or a URL. What is not there reads as None; a folder is made by the first write."""

    at: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Bytes of a file from `start`, at most `length`; None if it is not there or cannot be read."""
        try:
            if self._local:
                with Path(self.at, name).open("rb") as handle:
                    handle.seek(start)
                    return handle.read(-1 if length is None else length)
            import obstore

            if length is None:
                return bytes(obstore.get(self._store(), name).bytes())
            return bytes(obstore.get_range(self._store(), name, start=start, length=length))
        except _unreadable():
            return None

    def digest(self, name: str) -> str | None:
        """Hex SHA-256 of a file; None if it is not there or cannot be read to its end."""
        try:
            if self._local:
                with Path(self.at, name).open("rb") as handle:
                    return hashlib.file_digest(handle, "sha256").hexdigest()
            import obstore

            sha = hashlib.sha256()
            for block in obstore.get(self._store(), name).stream():
                sha.update(block)
            return sha.hexdigest()
        except _unreadable():
            return None

    def put(self, name: str, file: Path) -> None:
        """Copy a local file here; it appears whole, on the disk, or not at all.

        Raises:
            StorageError: no room, no permission, or the store refuses.
        """
        with self._errors():
            if not self._local:
                import obstore

                obstore.put(self._store(), name, file)
                return
            target = Path(self.at, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole(target) as part, file.open("rb") as source, part.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1024 * 1024)
                copy.flush()
                os.fsync(copy.fileno())

    def names(self, prefix: str) -> Iterator[str]:
        """Names of the files below a folder of this place, none where it cannot be read."""
        try:
            if self._local:
                folder = Path(self.at, prefix)
                yield from sorted(str(file.relative_to(self.at)) for file in folder.rglob("*") if file.is_file())
                return
            import obstore

            for found in obstore.list(self._store(), prefix):
                yield from sorted(str(each["path"]) for each in found)
        except _unreadable():
            return

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._errors():
            if self._local:
                Path(self.at, name).unlink(missing_ok=True)
                return
            import obstore

            try:
                obstore.delete(self._store(), name)
            except FileNotFoundError:
                return

    @property
    def _local(self) -> bool:
        return "://" not in self.at

    def _store(self) -> Any:
        return object_store(self.at, self.options)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except _unreadable() as error:
            raise storage_error(error, self.at) from error


def _unreadable() -> tuple[type[BaseException], ...]:
    from obstore.exceptions import BaseError

    return (OSError, BaseError)
