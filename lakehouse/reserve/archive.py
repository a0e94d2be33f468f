"""Read members of a tar, zip or wheel in place: nothing is extracted, so no member can reach outside."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

from lakehouse import yamlfile
from lakehouse.errors import SourceError
from lakehouse.reserve.compression import damage_named, decompressed


def open_member(archive: Path, member: str) -> BinaryIO:
    """The bytes of `member`, decompressed by its own ending too.

    A source distribution holds everything in one folder, `name-version/`; `member` may leave that out.

    Raises:
        SourceError: damaged archive, no such member, or a member that is no plain file.
    """
    uri = f"{archive.name}!{member}"
    with damage_named(uri):
        handle = _zip(archive, member) if zipfile.is_zipfile(archive) else _tar(archive, member)
        return decompressed(handle, member)


def _zip(archive: Path, member: str) -> BinaryIO:
    opened = zipfile.ZipFile(archive)
    name = _resolve(opened.namelist(), member, archive)
    return cast(BinaryIO, _Member(opened.open(name), opened))


def _tar(archive: Path, member: str) -> BinaryIO:
    opened = tarfile.open(archive)  # noqa: SIM115 - closed with the member
    found = opened.getmember(_resolve(opened.getnames(), member, archive))
    stream = opened.extractfile(found) if found.isfile() else None
    if stream is None:
        opened.close()
        raise SourceError("the member is no plain file", where=f"{archive.name}!{member}")
    return cast(BinaryIO, _Member(stream, opened))


def _resolve(names: list[str], member: str, archive: Path) -> str:
    if member in names:
        return member
    tops = {name.partition("/")[0] for name in names}
    if len(tops) == 1 and (inner := f"{next(iter(tops))}/{member}") in names:
        return inner
    short = {name.partition("/")[2] if len(tops) == 1 else name for name in names}
    raise SourceError(f"{archive.name} has no member `{member}`", fix=yamlfile.suggest(member, {n for n in short if n} or names))


class _Member(io.RawIOBase):
    """A member's stream that closes its archive with itself."""

    def __init__(self, stream: object, archive: tarfile.TarFile | zipfile.ZipFile) -> None:
        self._stream, self._archive = cast(BinaryIO, stream), archive

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        self._archive.close()
        super().close()
