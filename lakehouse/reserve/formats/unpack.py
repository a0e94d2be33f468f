"""Unpack zip and tar archives once, into numbered files: no member's name ever becomes a path."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from lakehouse.core.errors import SourceError
from lakehouse.core.lake.store import storage_error
from lakehouse.reserve.formats.compression import damage_named
from lakehouse.reserve.formats.leftovers import is_hidden, is_leftover
from lakehouse.reserve.formats.member_names import tar_names, zip_names

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MOST_TIMES, SURELY_FINE = 1000, 100 * 1024 * 1024
"""An archive that unpacks to more than 100 MB and a thousand times its size is a bomb: text packs to a hundredth at best."""
_READ = 1 << 20


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive."""
    return name.lower().endswith(ENDINGS)


def unpacked(folder: Path, archive: Path, sha256: str, match: str) -> list[tuple[str, Path]]:
    """The members that match, by name and as a file each, in the order of their names; unpacked below `folder` unless they are already.

    Directories hold nothing, and a link within the archive is its target, which is a member itself. What operating systems left in it is no
    member (`is_leftover`), nor is a hidden one, unless `match` asks for hidden ones.

    Args:
        sha256: of the archive.
        match: `*` matches any characters, `/` among them.

    Raises:
        SourceError: damaged, encrypted, a bomb, a member or a link that leads out of the archive, or no member that matches; nothing is
            kept.
        StorageError: the folder cannot be written.
    """
    place = folder / sha256
    if not (place / "names.json").is_file():
        part = folder / f"{sha256}.part"
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir(parents=True)
            names = _unpack(archive, part)
            (part / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            part.rename(place)
        except OSError as error:
            raise storage_error(error, str(part)) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    names = json.loads((place / "names.json").read_text(encoding="utf-8"))
    found = sorted((name, place / str(number)) for number, name in enumerate(names) if fnmatchcase(name, match) and _wanted(name, match))
    if not found:
        listed = ", ".join([name for name in names if _wanted(name, match)][:3]) or "none"
        raise SourceError(f"no member matches `{match}`", where=archive.name, fix=f"check `members:`; it has: {listed}")
    return found


def _wanted(name: str, match: str) -> bool:
    return not is_leftover(name) and (is_hidden(match) or not is_hidden(name))


def _unpack(archive: Path, folder: Path) -> list[str]:
    """Write each member as a file named by its number; returns their names."""
    most = max(SURELY_FINE, MOST_TIMES * archive.stat().st_size)
    names: list[str] = []
    total = 0
    with damage_named(archive.name):
        for name, stream in _members(archive):
            with stream, (folder / str(len(names))).open("wb") as out:
                while data := stream.read(_READ):
                    total += len(data)
                    if total > most:
                        raise SourceError(
                            f"unpacks to more than {MOST_TIMES:,} times its size, as an archive bomb does; nothing of it is kept",
                            where=f"{archive.name}!{name}",
                            fix="do not trust the file; if it is right, unpack it by hand",
                        )
                    out.write(data)
            names.append(name)
    return tar_names(names)


def _members(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            for entry, name in zip(entries, zip_names(entries), strict=True):
                if not entry.is_dir():
                    _inside(archive, name, name)
                    if entry.flag_bits & 1:
                        raise SourceError("the member is encrypted", where=f"{archive.name}!{name}", fix="unpack it by hand")
                    yield name, cast(BinaryIO, packed.open(entry))
        return
    with tarfile.open(archive, mode="r:*") as tape:
        for member in tape:
            if member.issym():
                _inside(archive, member.name, str(PurePosixPath(member.name).parent / member.linkname))
            elif member.islnk():
                _inside(archive, member.name, member.linkname)
            elif member.isfile():
                _inside(archive, member.name, member.name)
                stream = tape.extractfile(member)
                assert stream is not None
                yield member.name, cast(BinaryIO, stream)
        # A tar ends before its file does: only the end of the compressed stream shows that nothing of it is missing.
        rest = cast(BinaryIO, tape.fileobj)
        while rest.read(_READ):
            pass


def _inside(archive: Path, member: str, path: str) -> None:
    """Refuse a path that leads out of the archive."""
    depth = 0
    for part in path.replace("\\", "/").split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            break
    if depth < 0 or path.startswith(("/", "\\")) or path[1:2] == ":":
        raise SourceError(
            f"the member `{member}` leads out of the archive, to `{path}`; nothing of it is read",
            where=archive.name,
            fix="do not trust the file",
        )
