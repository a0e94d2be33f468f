"""A file at an address, fetched with resume and held to its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.lake.store import storage_error
from lakehouse.reserve.landing.landing import Landing
from lakehouse.reserve.transport.web import Web, shown

_READ = 1 << 20


@dataclass(frozen=True)
class FetchedFile:
    """A whole file on this machine.

    Attributes:
        validators: `etag` and `modified` of the answer.
    """

    part: Path
    validators: Mapping[str, str]


@contextmanager
def fetched(
    web: Web, url: str, landing: Landing, max_bytes: int, *, called: str, key: str | None = None, seen: Mapping[str, str] | None = None
) -> Iterator[FetchedFile | None]:
    """The file at an address, while the block runs; None where it is what it was when its validators were `seen`.

    What a broken fetch left goes on where it ended, also in the next run, only if the server reports that the file is still the same
    (`If-Range`, RFC 9110).

    Args:
        called: its name, whose ending shows whether it is meant to be packed.
        key: what identifies it, where its address changes.

    Raises:
        SourceError: unreachable, refused, larger than `max_bytes`, or broken off after all tries. StorageError: it cannot be kept.
    """
    part = landing.project.state / "partial" / digest([landing.source, key or url])[:32]
    tag = part.with_suffix(".tag")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        validators = _bring(web, url, part, tag, max_bytes, called, seen)
        yield FetchedFile(part, validators) if validators is not None else None
    except OSError as error:
        raise storage_error(error, str(part)) from error
    _forget(part, tag)


def landed_file(landing: Landing, part: Path, expected: str | None, url: str) -> tuple[str, int]:
    """The blob and size of a fetched file.

    Args:
        expected: `sha256:` or `git:` (the id of a blob of git) and hexadecimal digits.

    Raises:
        SourceError: another checksum; the file is gone then, and the next run fetches it anew.
    """
    kind, _, wanted = (expected or "sha256:").partition(":")
    size = part.stat().st_size
    sha = hashlib.sha256() if kind == "sha256" else hashlib.sha1(b"blob %d\0" % size)
    sink = landing.sink()
    with part.open("rb") as handle:
        while data := handle.read(_READ):
            sha.update(data)
            sink.write(data)
    if wanted and sha.hexdigest() != wanted:
        sink.drop()
        _forget(part, part.with_suffix(".tag"))
        what = f"has the checksum {sha.hexdigest()[:12]}..., not {wanted[:12]}...; nothing of it is kept"
        raise SourceError(what, where=shown(url), fix="check `sha256:`; do not trust the file")
    return sink.close(), size


def _bring(web: Web, url: str, part: Path, tag: Path, max_bytes: int, called: str, seen: Mapping[str, str] | None) -> dict[str, str] | None:
    """Bring `part` to its end; returns the validators of the answer."""
    for left in range(web.retries, -1, -1):
        have = part.stat().st_size if part.exists() and tag.exists() else 0
        asked: dict[str, str] = {"Accept-Encoding": "identity"}
        if have:
            asked |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
        elif seen is not None:
            asked |= {
                header: seen[name] for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")) if seen.get(name)
            }
        with web.stream(url, headers=asked) as response:
            if response.status_code == 304 and not have:
                return None
            if response.status_code == 416 or (response.status_code == 206 and not _goes_on(response, have)):
                _forget(part, tag)
                continue
            packed = response.headers.get("Content-Encoding", "identity")
            if packed != "identity" and not called.lower().endswith((".gz", ".zst")):
                what = f"is sent packed ({packed}) although it was asked for as it is"
                raise SourceError(what, where=shown(url), fix=f"name it so: `name: {called}.gz`")
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
                        if size > max_bytes:
                            raise SourceError(f"is larger than {max_bytes:,} bytes", where=shown(url), fix="raise `max_bytes:`")
                        out.write(data)
            except httpx.HTTPError as error:
                if not left:
                    what = f"breaks off after {size:,} bytes: {error}"
                    raise SourceError(what, where=shown(url), fix="run it again: it goes on there") from error
                continue
            if whole is None or size == whole:
                return {"etag": etag, "modified": modified}
    raise SourceError("never comes to its end", where=shown(url), fix="run it again, or fetch it by hand")


def _goes_on(response: httpx.Response, have: int) -> bool:
    return str(response.headers.get("Content-Range", "")).removeprefix("bytes ").startswith(f"{have}-")


def _length(response: httpx.Response, have: int) -> int | None:
    """Bytes of the whole file, where the server gives them."""
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdecimal() else None


def _forget(part: Path, tag: Path) -> None:
    part.unlink(missing_ok=True)
    tag.unlink(missing_ok=True)
