"""`http`: files at addresses, fetched with resume, checked, and fetched again only when they changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import Field

from lakehouse.errors import SourceError, SpecError
from lakehouse.hashing import digest
from lakehouse.progress import Progress
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.landing import Landing, Piece, Remote
from lakehouse.reserve.material import Character, Format, Options, RawFile, Value
from lakehouse.reserve.web import Web, no_secrets
from lakehouse.spec import Model
from lakehouse.store import storage_error

_READ = 1 << 20


class Address(Model):
    """A file and how to read it; see the `files` connector for the options.

    Attributes:
        sha256: of the bytes as they are fetched; other bytes are refused.
        name: the file's name in the source; by default the last part of the address.
    """

    url: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    name: str | None = None
    format: Format = "auto"
    separator: Character | None = None
    header: bool = True
    skip_after_header: int = 0
    quote: Character | None = '"'
    rename: dict[str, str] = Field(default_factory=dict)
    set: dict[str, Value] = Field(default_factory=dict)

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
        with Web(self.headers, **self.web) as web:
            for number, file in enumerate(self.files[len(landing.pieces) :], start=len(landing.pieces) + 1):
                progress(f"{landing.source}: files", number - 1, len(self.files))
                before = held.get(file.called)
                if before is not None and file.sha256 == before.blob:
                    landing.add(before.name, before.uri, before.blob, before.bytes, before.cursor)
                    continue
                self._file(web, file, landing, before)

    def _file(self, web: Web, file: Address, landing: Landing, before: Piece | None) -> None:
        folder = landing.project.state / "partial"
        part = folder / digest([landing.source, file.url])[:32]
        tag = part.with_suffix(".tag")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            seen = self._fetched(web, file, part, tag, before)
        except OSError as error:
            raise storage_error(error, str(part)) from error
        if seen is None:
            assert before is not None
            landing.add(before.name, before.uri, before.blob, before.bytes, before.cursor)
            return
        sink, sha, size = landing.sink(), hashlib.sha256(), 0
        with part.open("rb") as handle:
            while data := handle.read(_READ):
                sha.update(data)
                size += len(data)
                sink.write(data)
        if file.sha256 is not None and sha.hexdigest() != file.sha256:
            sink.drop()
            _forget(part, tag)
            what = f"has the checksum {sha.hexdigest()[:12]}..., not {file.sha256[:12]}...; nothing of it is kept"
            raise SourceError(what, where=file.url.partition("?")[0], fix="check `sha256:`; do not trust the file")
        landing.add(file.called, file.url.partition("?")[0], sink.close(), size, seen)
        _forget(part, tag)

    def _fetched(self, web: Web, file: Address, part: Path, tag: Path, before: Piece | None) -> dict[str, str] | None:
        """Bring `part` to its end; returns the validators of the response, or None where the file is what it was `before`.

        What a broken fetch left goes on where it ended only if the server says that the file is still the same (`If-Range`, RFC 9110).
        """
        tries = int(self.web["retries"])
        for left in range(tries, -1, -1):
            have = part.stat().st_size if part.exists() and tag.exists() else 0
            asked: dict[str, str] = {"Accept-Encoding": "identity"}
            if have:
                asked |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
            elif before is not None and file.sha256 is None:
                seen = before.cursor or {}
                asked |= {
                    header: seen[name] for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")) if seen.get(name)
                }
            with web.stream(file.url, headers=asked) as response:
                if response.status_code == 304 and not have:
                    return None
                if response.status_code == 416 or (response.status_code == 206 and not _goes_on(response, have)):
                    _forget(part, tag)
                    continue
                packed = response.headers.get("Content-Encoding", "identity")
                if packed != "identity" and not file.called.lower().endswith((".gz", ".zst")):
                    raise SourceError(
                        f"is sent packed ({packed}) although it was asked for as it is",
                        where=file.url.partition("?")[0],
                        fix=f"say so by its name: `name: {file.called}.gz`",
                    )
                etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
                strong = etag if etag and not etag.startswith("W/") else modified
                if response.status_code != 206:
                    have = 0
                    _forget(part, tag)
                    if strong:
                        tag.write_text(strong, encoding="utf-8")
                size, whole = have, _length(response, have)
                try:
                    with part.open("ab" if have else "wb") as out:
                        for data in response.iter_raw():
                            size += len(data)
                            if size > self.max_bytes:
                                raise SourceError(
                                    f"is larger than {self.max_bytes:,} bytes", where=file.url.partition("?")[0], fix="raise `max_bytes:`"
                                )
                            out.write(data)
                except httpx.HTTPError as error:
                    if not left:
                        what = f"breaks off after {size:,} bytes: {error}"
                        raise SourceError(what, where=file.url.partition("?")[0], fix="run it again: it goes on there") from error
                    continue
                if whole is None or size == whole:
                    return {"etag": etag, "modified": modified}
        raise SourceError("never comes to its end", where=file.url.partition("?")[0], fix="run it again, or fetch it by hand")

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """As its address is declared."""
        about = next(file for file in self.files if file.called == piece.name)
        options = Options(about.separator, about.quote, about.header, about.skip_after_header, about.rename)
        kind = by_extension(piece.name) if about.format == "auto" else about.format
        return RawFile(piece.uri, piece.name, partial(landing.open, piece), kind, options, about.set, piece.blob)


def _goes_on(response: httpx.Response, have: int) -> bool:
    return str(response.headers.get("Content-Range", "")).removeprefix("bytes ").startswith(f"{have}-")


def _length(response: httpx.Response, have: int) -> int | None:
    """Bytes of the whole file, where the server says so."""
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdecimal() else None


def _forget(part: Path, tag: Path) -> None:
    part.unlink(missing_ok=True)
    tag.unlink(missing_ok=True)


@CONNECTORS.register()
def http(
    files: Annotated[list[Address], Field(min_length=1)],
    headers: dict[str, str] | None = None,
    per_second: Annotated[float, Field(gt=0)] | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 5,
    timeout: Annotated[float, Field(gt=0)] = 60.0,
    max_bytes: Annotated[int, Field(ge=1)] = 1 << 40,
) -> Remote:
    """Files at addresses: fetched with resume, held to their checksums, fetched again only when they changed; gz and zst by their ending.

    A fetch that breaks off goes on where it ended, also in the next run, if the server says that the file is still the same (`ETag`,
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
            raise SpecError(f"{file.url} ends in no file name", fix="say it: `name:`")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"two files are called `{twice}`", fix="tell them apart with `name:`")
    return Http(tuple(files), headers or {}, {"per_second": per_second, "retries": retries, "timeout": timeout}, max_bytes)
