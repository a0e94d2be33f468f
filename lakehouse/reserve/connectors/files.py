"""`files`: a file, a folder or a glob below the project folder."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass, field
from functools import partial
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO

import polars as pl
from pydantic import Field

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.formats.compression import decompressed
from lakehouse.reserve.formats.unpack import is_archive, unpacked
from lakehouse.reserve.material import Character, EncodingName, Feed, Format, Options, RawFile, Value
from lakehouse.reserve.transport.digests import FileDigests, file_digests
from lakehouse.reserve.transport.file_stats import FileStats


@dataclass(frozen=True)
class Files:
    """Local files, in the order of their names."""

    path: str
    format: Format
    options: Options
    set: dict[str, Value]
    members: str
    name_as: str | None = None
    folder_as: str | None = None
    _looked: list[FileDigests] = field(default_factory=list, repr=False)

    def fingerprint(self, project: Project) -> str:
        """Over relative path and SHA-256 of every file."""
        return self._digests(project).identity

    def files(self, project: Project) -> list[RawFile]:
        """The files that match, in the order of their paths.

        Raises:
            SourceError: none exists, or the name does not give the format.
        """
        found = self._digests(project).rows.sort("path")
        rows = zip(_names(project.root, found["path"]), found["path"], found["sha256"], strict=True)
        return [raw for name, file, sha256 in rows for raw in self._raw(project, name, file, sha256)]

    def in_place(self, project: Project, source: str) -> Feed:
        """Itself: files are read where they are; an archive would be unpacked into the lake."""
        for file in self._digests(project).rows["path"]:
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
        constants = {**self.set, **self._named(name)}
        return RawFile(uri=name, name=name, open=partial(_open, file, name), format=kind, options=self.options, set=constants, digest=known)

    def _named(self, name: str) -> dict[str, Value]:
        """The columns that take the file's name, and the name of its folder."""
        path = PurePosixPath(name.rpartition("!")[2] or name)
        named = {self.name_as: path.name, self.folder_as: path.parent.name}
        return {column: value for column, value in named.items() if column is not None}

    def _digests(self, project: Project) -> FileDigests:
        """The files as they were when this collection first looked at them."""
        if not self._looked:
            notes = project.state / "digests" / f"{digest([str(project.root), self.path])[:32]}.parquet"
            self._looked.append(file_digests(notes, self._found(project), partial(_identity, project.root)))
        return self._looked[0]

    def _found(self, project: Project) -> pl.DataFrame:
        place, looks = project.root / self.path, FileStats()
        if has_magic(self.path) and not place.exists():
            _matching(looks, place, project)
            if not len(looks):
                raise SourceError(
                    f"no file matches `{self.path}`", where=str(project.root), fix="check `path:`; it starts at the project folder"
                )
        elif place.is_dir():
            looks.below(str(place), hidden=not place.is_relative_to(project.root))
            if not len(looks):
                raise SourceError(f"the folder `{self.path}` holds no files", where=str(project.root), fix="put files into it")
        elif place.is_file():
            looks.at([str(place)])
        else:
            raise SourceError(
                f"`{self.path}` does not exist", where=str(project.root), fix="check `path:`; it starts at the project folder"
            )
        return looks.frame()


def _matching(looks: FileStats, place: Path, project: Project) -> None:
    """Look at the files that a glob matches, none of them hidden."""
    above = place.parent.parent
    if place.parent.name == "**" and not has_magic(str(above)):
        if above.is_dir():
            named = re.compile(fnmatch.translate(place.name)).match
            looks.below(str(above), hidden=not above.is_relative_to(project.root), named=named)
        return
    anchor = Path(place.anchor)
    looks.at(str(file) for file in anchor.glob(str(place.relative_to(anchor))) if file.is_file() and not _hidden(file, project))


def _identity(root: Path, rows: pl.DataFrame) -> str:
    names = _names(root, rows["path"])
    return digest(["\0".join(names), "".join(rows["sha256"])])


def _names(root: Path, paths: pl.Series) -> pl.Series:
    """What names each file (sorted, at least one) within its source: its path from the project folder."""
    inside = f"{root}/"
    if paths.str.starts_with(inside).all():
        return paths.str.strip_prefix(inside)
    # All of them are below one folder; unless the project is below it as well, one way leads from the project to it.
    above = os.path.commonpath([os.path.dirname(paths[0]), os.path.dirname(paths[-1])]).rstrip("/") + "/"  # noqa: PTH120 - texts
    if not inside.startswith(above):
        return Path(os.path.relpath(above, root)).as_posix() + "/" + paths.str.strip_prefix(above)
    return pl.Series([Path(os.path.relpath(path, root)).as_posix() for path in paths])


def _hidden(file: Path, project: Project) -> bool:
    below = file.relative_to(project.root) if file.is_relative_to(project.root) else Path(file.name)
    return any(part.startswith(".") for part in below.parts)


def _open(file: str, name: str) -> BinaryIO:
    return decompressed(Path(file).open("rb"), name)


@CONNECTORS.register(version=2)
def files(
    path: str,
    format: Format = "auto",
    separator: Character | None = None,
    header: bool = True,
    skip_before_header: Annotated[int, Field(ge=0)] = 0,
    skip_after_header: int = 0,
    quote: Character | None = '"',
    rename: dict[str, str] | None = None,
    set: dict[str, Value] | None = None,
    members: str = "*",
    name_as: str | None = None,
    folder_as: str | None = None,
    record: str | None = None,
    encoding: EncodingName | None = None,
    sheet: str | None = None,
) -> Feed:
    """Files of the project: one, a folder with all below it, or a glob such as `data/**/*.csv`.

    What gz, zst, bz2, xz and archives hold is read by their ending.

    Of zip and tar archives each member is a file, `data/a.zip!b.csv`. They are unpacked once, beside the project's state, and never by the
    names of their members; a bomb, and a member or link that leads out of its archive, are refused.

    Args:
        path: relative to the project folder.
        format: `auto` goes by the ending of each name.
        separator: between CSV fields; by default a tab for .tsv and .tab, else a comma.
        header: whether the first CSV line, or row of a sheet, names the columns; without it, `columns:` of the source does, in their order.
        skip_before_header: lines of a CSV, or filled rows of a sheet, above the header.
        skip_after_header: lines to skip after the CSV header.
        quote: CSV quote character; null takes quotes as they are.
        rename: new names of columns by the names in the file.
        set: constant columns of every row.
        name_as: name of a column that takes the name of each file.
        folder_as: name of a column that takes the name of each file's folder, such as its class.
        members: which members of archives, such as `*.csv`; `*` matches any characters, `/` among them.
        record: name of the XML elements that are items, by default the children of the root; of a JSON object where its array is, such as
            `result.data.items`.
        encoding: of texts that are not UTF-8, such as `gb18030`, `cp1252`, `utf-16`.
        sheet: of a workbook; by default its first.
    """
    options = Options(
        separator=separator,
        quote=quote,
        header=header,
        skip_before_header=skip_before_header,
        skip_after_header=skip_after_header,
        rename=rename or {},
        record=record,
        encoding=encoding,
        sheet=sheet,
    )
    return Files(path, format, options, set or {}, members, name_as, folder_as)
