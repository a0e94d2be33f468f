"""`files`: a file, a folder or a glob below the project folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import BinaryIO

from lakehouse.errors import SourceError
from lakehouse.hashing import digest
from lakehouse.project import Project
from lakehouse.reserve.compression import damage_named, decompressed
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.reserve.digests import known_digest
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
    _digests: dict[Path, str] = field(default_factory=dict, repr=False)

    def fingerprint(self, project: Project) -> str:
        """Over relative path, size and SHA-256 of every file."""
        return digest([[self._name(project, file), file.stat().st_size, self._hashed(project, file)] for file in self._found(project)])

    def files(self, project: Project) -> list[RawFile]:
        """The files that match.

        Raises:
            SourceError: none exists, or a format that the name does not tell.
        """
        return [raw for file in self._found(project) for raw in self._raw(project, self._name(project, file), file)]

    def _raw(self, project: Project, name: str, file: Path) -> list[RawFile]:
        sha256 = self._hashed(project, file)
        if not is_archive(name):
            return [self._one(name, file, sha256)]
        found = unpacked(project.state / "unpacked", file, sha256, self.members)
        return [self._one(f"{name}!{member}", path, digest([sha256, member])) for member, path in found]

    def _one(self, name: str, file: Path, known: str) -> RawFile:
        kind = by_extension(name) if self.format == "auto" else self.format
        return RawFile(name, name, partial(_open, file, name), kind, self.options, self.set, known)

    def _hashed(self, project: Project, file: Path) -> str:
        """SHA-256 of a file as it was when this collection first looked at it."""
        if file not in self._digests:
            with damage_named(str(file)):
                self._digests[file] = known_digest(project.state / "digests", file)
        return self._digests[file]

    def _name(self, project: Project, file: Path) -> str:
        return Path(os.path.relpath(file, project.root)).as_posix()

    def _found(self, project: Project) -> list[Path]:
        place = project.root / self.path
        if has_magic(self.path) and not place.exists():
            anchor = Path(place.anchor)
            found = [file for file in anchor.glob(str(place.relative_to(anchor))) if file.is_file() and not _hidden(file, project)]
            if not found:
                raise SourceError(
                    f"no file matches `{self.path}`", where=str(project.root), fix="check `path:`; it starts at the project folder"
                )
        elif place.is_dir():
            found = [file for file in place.rglob("*") if file.is_file() and not _hidden(file, project)]
            if not found:
                raise SourceError(f"the folder `{self.path}` holds no files", where=str(project.root), fix="put files into it")
        elif place.is_file():
            found = [place]
        else:
            raise SourceError(
                f"`{self.path}` does not exist", where=str(project.root), fix="check `path:`; it starts at the project folder"
            )
        return sorted(found, key=lambda file: file.as_posix())


def _hidden(file: Path, project: Project) -> bool:
    below = file.relative_to(project.root) if file.is_relative_to(project.root) else Path(file.name)
    return any(part.startswith(".") for part in below.parts)


def _open(file: Path, name: str) -> BinaryIO:
    return decompressed(file.open("rb"), name)


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
