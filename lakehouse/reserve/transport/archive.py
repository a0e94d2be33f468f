"""Read members of a tar, zip, wheel or Debian package in place: nothing is extracted, so no member can reach outside."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from lakehouse.core.errors import SourceError
from lakehouse.core.spec import yamlfile
from lakehouse.reserve.formats.compression import damage_named, decompressed
from lakehouse.reserve.formats.member_names import zip_names

_AR = b"!<arch>\n"


def open_member(archive: Path, member: str) -> BinaryIO:
    """The bytes of `member`, decompressed by its own ending too.

    A source distribution holds everything in one folder, `name-version/`; `member` may leave that out.

    Raises:
        SourceError: damaged archive, no such member, or a member that is no plain file.
    """
    uri = f"{archive.name}!{member}"
    with damage_named(uri):
        if zipfile.is_zipfile(archive):
            return decompressed(_zip(archive, member), member)
        with archive.open("rb") as opened:
            packed = _package_data(opened) if opened.read(len(_AR)) == _AR else None
        return decompressed(_tar(archive, member, packed), member)


def _zip(archive: Path, member: str) -> BinaryIO:
    opened = zipfile.ZipFile(archive)
    names = dict(zip(zip_names(opened.infolist()), opened.infolist(), strict=True))
    return cast(BinaryIO, _Member(opened.open(names[_resolve(list(names), member, archive)]), opened))


def _tar(archive: Path, member: str, data: BinaryIO | None) -> BinaryIO:
    with ExitStack() as stack:
        if data is not None:
            stack.enter_context(data)
        opened = stack.enter_context(tarfile.open(archive if data is None else None, fileobj=data))
        found = opened.getmember(_resolve(opened.getnames(), member, archive))
        stream = opened.extractfile(found) if found.isfile() else None
        if stream is None:
            raise SourceError("the member is no plain file", where=f"{archive.name}!{member}")
        return cast(BinaryIO, _Member(stream, stack.pop_all()))


def _package_data(opened: BinaryIO) -> BinaryIO:
    """The files of a Debian package: the tar in its `ar` archive (deb(5)), zstd undone, in a file that goes with its last handle."""
    while header := opened.read(60):
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58]
        if header[58:] != b"`\n" or not size.strip().isdigit():
            raise tarfile.ReadError("a header of the ar archive is damaged")
        if not name.startswith("data.tar"):
            opened.seek(int(size) + int(size) % 2, io.SEEK_CUR)
            continue
        with ExitStack() as stack:
            packed = stack.enter_context(tempfile.TemporaryFile())
            left = int(size)
            while left and (data := opened.read(min(left, 1 << 20))):
                packed.write(data)
                left -= len(data)
            if left:
                raise EOFError("the ar archive ends early")
            packed.seek(0)
            if not name.endswith(".zst"):
                stack.pop_all()
                return cast(BinaryIO, packed)
            plain = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(decompressed(cast(BinaryIO, packed), name), plain)
            plain.seek(0)
            stack.pop_all()
            packed.close()
            return cast(BinaryIO, plain)
    raise tarfile.ReadError("a Debian package without data.tar")


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

    def __init__(self, stream: object, archive: zipfile.ZipFile | ExitStack) -> None:
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
