"""`files`: a file, a folder or a glob below the project folder."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import BinaryIO

from lakehouse.errors import SourceError
from lakehouse.hashing import digest
from lakehouse.project import Project
from lakehouse.reserve.compression import decompressed
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.reserve.digests import file_digests
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.material import Character, Feed, Format, Options, RawFile, Value
from lakehouse.reserve.unpack import is_archive, unpacked


@dataclass(frozen=True)
class Files:
    """Local files, in the order of their names."""

    path: str
    format: Format
    options: Options
    set: dict[str, Value]
    members: str
    _looked: dict[str, str] = field(default_factory=dict, repr=False)

    def fingerprint(self, project: Project) -> str:
        """Over relative path and SHA-256 of every file."""
        here = _names(project)
        return digest([[here(file), sha256] for file, sha256 in self._digests(project).items()])

    def files(self, project: Project) -> list[RawFile]:
        """The files that match.

        Raises:
            SourceError: none exists, or a format that the name does not tell.
        """
        here = _names(project)
        return [raw for file, sha256 in self._digests(project).items() for raw in self._raw(project, here(file), file, sha256)]

    def in_place(self, project: Project, source: str) -> Feed:
        """Itself: files are read where they are; an archive would be unpacked into the lake."""
        for file in self._digests(project):
            if is_archive(file):
                raise SourceError("an archive is unpacked to be read", where=file, fix="unpack it, or take `mode: collected`")
        return self

    def _raw(self, project: Project, name: str, file: str, sha256: str) -> list[RawFile]:
        if not is_archive(name):
            return [self._one(name, file, sha256)]
        found = unpacked(project.state / "unpacked", Path(file), sha256, self.members)
        return [self._one(f"{name}!{member}", str(path), digest([sha256, member])) for member, path in found]

    def _one(self, name: str, file: str, known: str) -> RawFile:
        kind = by_extension(name) if self.format == "auto" else self.format
        return RawFile(name, name, partial(_open, file, name), kind, self.options, self.set, known)

    def _digests(self, project: Project) -> dict[str, str]:
        """SHA-256 of each file, in the order of their names, as it was when this collection first looked at them."""
        if not self._looked:
            notes = project.state / "digests" / f"{digest([str(project.root), self.path])[:32]}.parquet"
            self._looked.update(file_digests(notes, self._found(project)))
        return self._looked

    def _found(self, project: Project) -> list[str]:
        place = project.root / self.path
        if has_magic(self.path) and not place.exists():
            found = _matching(place, project)
            if not found:
                raise SourceError(
                    f"no file matches `{self.path}`", where=str(project.root), fix="check `path:`; it starts at the project folder"
                )
        elif place.is_dir():
            found = list(_below(str(place), hidden=not place.is_relative_to(project.root)))
            if not found:
                raise SourceError(f"the folder `{self.path}` holds no files", where=str(project.root), fix="put files into it")
        elif place.is_file():
            found = [str(place)]
        else:
            raise SourceError(
                f"`{self.path}` does not exist", where=str(project.root), fix="check `path:`; it starts at the project folder"
            )
        return sorted(found)


def _below(folder: str, *, hidden: bool) -> Iterator[str]:
    """The files below a folder; a hidden one is none of them, nor what is in a hidden folder unless `hidden`. Folders that are links are
    not entered.

    Raises:
        SourceError: a folder that cannot be read.
    """
    waiting = [folder]
    while waiting:
        at = waiting.pop()
        try:
            with os.scandir(at) as entries:  # tells what an entry is without a look at each
                for entry in entries:
                    shown = not entry.name.startswith(".")
                    if entry.is_dir(follow_symlinks=False):
                        waiting += [entry.path] if shown or hidden else []
                    elif shown and entry.is_file():
                        yield entry.path
        except OSError as error:
            raise SourceError(f"the folder cannot be read: {error.strerror}", where=at, fix="give the right to read it") from error


def _matching(place: Path, project: Project) -> list[str]:
    """The files that a glob matches, none of them hidden."""
    if place.parent.name == "**" and not has_magic(str(place.parent.parent)):
        named = re.compile(fnmatch.translate(place.name)).match
        above = place.parent.parent
        hidden = not above.is_relative_to(project.root)
        return [file for file in _below(str(above), hidden=hidden) if named(file.rpartition("/")[2])] if above.is_dir() else []
    anchor = Path(place.anchor)
    return [str(file) for file in anchor.glob(str(place.relative_to(anchor))) if file.is_file() and not _hidden(file, project)]


def _names(project: Project) -> Callable[[str], str]:
    """What names a file within its source: its path from the project folder."""
    folders: dict[str, str] = {}
    root = str(project.root)

    def name(file: str) -> str:
        folder, _, last = file.rpartition("/")
        if (above := folders.get(folder)) is None:
            path = Path(os.path.relpath(folder or "/", root)).as_posix()
            above = folders[folder] = "" if path == "." else f"{path}/"
        return above + last

    return name


def _hidden(file: Path, project: Project) -> bool:
    below = file.relative_to(project.root) if file.is_relative_to(project.root) else Path(file.name)
    return any(part.startswith(".") for part in below.parts)


def _open(file: str, name: str) -> BinaryIO:
    return decompressed(Path(file).open("rb"), name)


@CONNECTORS.register()
def files(
    path: str,
    format: Format = "auto",
    separator: Character | None = None,
    header: bool = True,
    skip_after_header: int = 0,
    quote: Character | None = '"',
    rename: dict[str, str] | None = None,
    set: dict[str, Value] | None = None,
    members: str = "*",
) -> Feed:
    """Files of the project: one, a folder with all below it, or a glob such as `data/**/*.csv`; gz, zst and archives by their ending.

    Of zip and tar archives each member is a file, `data/a.zip!b.csv`. They are unpacked once, beside the project's state, and never by the
    names of their members; a bomb, and a member or link that leads out of its archive, are refused.

    Args:
        path: relative to the project folder.
        format: `auto` goes by the ending of each name.
        separator: between CSV fields; by default a tab for .tsv and .tab, else a comma.
        header: whether the first CSV line names the columns; without it, `columns:` of the source does, in their order.
        skip_after_header: lines to skip after the CSV header.
        quote: CSV quote character; null takes quotes as they are.
        rename: new names of columns by the names in the file.
        set: constant columns of every row.
        members: which members of archives, such as `*.csv`; `*` stands for any characters, `/` among them.
    """
    options = Options(separator, quote, header, skip_after_header, rename or {})
    return Files(path, format, options, set or {}, members)
