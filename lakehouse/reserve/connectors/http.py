"""`http`: files at addresses, fetched with resume, checked, and fetched again only when they changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import FileReading, RawFile
from lakehouse.reserve.transport.resume import fetched, landed_file
from lakehouse.reserve.transport.web import Web, no_secrets, shown


class Address(FileReading):
    """A file and how to read it; see the `files` connector for the options.

    Attributes:
        sha256: of the bytes as they are fetched; other bytes are refused.
        name: the file's name in the source; by default the last part of the address.
    """

    url: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    name: str | None = None

    @property
    def called(self) -> str:
        """The file's name in the source."""
        return self.name or urlsplit(self.url).path.rpartition("/")[2]


@dataclass(frozen=True)
class Http:
    """Files at addresses."""

    files: tuple[Address, ...]
    headers: Mapping[str, str]
    web: Mapping[str, Any]
    max_bytes: int

    grows = False

    @property
    def identity(self) -> str:
        """Over addresses, names and checksums; not over how the files are read."""
        return digest([[file.url, file.called, file.sha256] for file in self.files])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """File after file; one that the server calls unchanged, or whose checksum is held, is not sent again."""
        held = {piece.name: piece for piece in landing.before}
        with Web(self.headers, **self.web, declared=frozenset(file.url for file in self.files)) as web:
            for number, file in enumerate(self.files[len(landing.pieces) :], start=len(landing.pieces) + 1):
                progress(f"{landing.source}: files", number - 1, len(self.files))
                before = held.get(file.called)
                if before is not None and file.sha256 == before.blob:
                    landing.add(before.name, before.uri, before.blob, before.bytes, before.cursor)
                    continue
                self._file(web, file, landing, before)

    def _file(self, web: Web, file: Address, landing: Landing, before: Piece | None) -> None:
        seen = (before.cursor or {}) if before is not None and file.sha256 is None else None
        with fetched(web, file.url, landing, self.max_bytes, called=file.called, seen=seen) as found:
            if found is None:
                assert before is not None
                landing.add(before.name, before.uri, before.blob, before.bytes, before.cursor)
            else:
                expected = f"sha256:{file.sha256}" if file.sha256 else None
                blob, size = landed_file(landing, found.part, expected, file.url)
                landing.add(file.called, shown(file.url), blob, size, found.validators)

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """As its address is declared."""
        about = next(file for file in self.files if file.called == piece.name)
        kind = by_extension(piece.name) if about.format == "auto" else about.format
        return RawFile(
            uri=piece.uri,
            name=piece.name,
            open=partial(landing.open, piece),
            format=kind,
            options=about.options,
            set=about.set,
            digest=piece.blob,
        )


@CONNECTORS.register(version=1)
def http(
    files: Annotated[list[Address], Field(min_length=1)],
    headers: dict[str, str] | None = None,
    per_second: Annotated[float, Field(gt=0)] | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 5,
    timeout: Annotated[float, Field(gt=0)] = 60.0,
    max_bytes: Annotated[int, Field(ge=1)] = 1 << 40,
) -> Remote:
    """Files at addresses: fetched with resume, held to their checksums, fetched again only when they changed; gz and zst by their ending.

    A fetch that breaks off goes on where it ended, also in the next run, if the server reports that the file is still the same (`ETag`,
    `Last-Modified`); a later collection asks only for what changed. A file with a `sha256` that is held is not asked for.

    Args:
        files: each with `url`, and optionally `sha256`, `name`, and the reading options of the connector `files`.
        headers: `Authorization: "Bearer ${TOKEN}"` takes TOKEN from the environment; a credential written out is refused.
        per_second: requests a second at most.
        retries: how often a request is sent again, after a broken connection, 408, 425, 429 and 5xx.
        timeout: seconds without a byte.
        max_bytes: of one file; more is an error.
    """
    no_secrets(headers or {}, "headers")
    names = [file.called for file in files]
    for file in files:
        if not file.called:
            raise SpecError(f"{file.url} ends in no file name", fix="give it: `name:`")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"two files are called `{twice}`", fix="distinguish them with `name:`")
    return Http(tuple(files), headers or {}, {"per_second": per_second, "retries": retries, "timeout": timeout}, max_bytes)
