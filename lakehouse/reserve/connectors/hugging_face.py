"""`hugging_face`: files of a dataset repository of the Hugging Face Hub, as of a commit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote as quoted
from urllib.parse import urljoin

from pydantic import Field

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import Character, EncodingName, Format, Options, RawFile, Value
from lakehouse.reserve.transport.resume import fetched, landed_file
from lakehouse.reserve.transport.web import Web, from_environment, no_secrets

_HUB = "https://huggingface.co"


@dataclass(frozen=True, kw_only=True)
class HuggingFace:
    """A dataset repository."""

    repo: str
    revision: str
    match: tuple[str, ...]
    endpoint: str | None
    token: str | None
    format: Format
    options: Options
    web: Mapping[str, Any]
    max_bytes: int
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over repository, revision and patterns; the same repository may be asked for at a mirror."""
        return digest([self.repo, self.revision, self.match])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """File after file of the commit that the revision names now; one with the checksum that it had is not sent again."""
        hub = (from_environment(self.endpoint or "") or os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")
        token = self.token or ("${HF_TOKEN}" if os.environ.get("HF_TOKEN") else None)
        where = f"{hub}/api/datasets/{self.repo}"
        with Web({"Authorization": f"Bearer {token}"} if token else {}, **self.web) as web:
            commit = _json(web.get(f"{where}/revision/{quoted(self.revision, safe='')}")).get("sha")
            if not commit:
                raise SourceError("the server names no commit", where=where, fix="check `endpoint:` and `repo:`")
            files = {name: about for name, about in self._tree(web, f"{where}/tree/{commit}").items() if self._matches(name)}
            if not files:
                raise SourceError(
                    f"no file of commit {commit[:12]} matches {' or '.join(f'`{each}`' for each in self.match)}",
                    where=where,
                    fix="check `match:`",
                )
            if landing.pieces and landing.cursor["commit"] != commit:
                landing.overtaken()
            held = {(piece.name, piece.cursor["sum"]): piece for piece in landing.before}
            done = {piece.name for piece in landing.pieces}
            for number, name in enumerate(sorted(files)):
                progress(f"{landing.source}: files", number, len(files))
                if name in done:
                    continue
                cursor = {"commit": commit, "sum": files[name]}
                if (before_it := held.get((name, files[name]))) is not None:
                    landing.add(name, before_it.uri, before_it.blob, before_it.bytes, cursor)
                    continue
                url = f"{hub}/datasets/{self.repo}/resolve/{commit}/{quoted(name)}"
                with fetched(web, url, landing, self.max_bytes, called=name) as found:
                    assert found is not None
                    blob, size = landed_file(landing, found.part, files[name], url)
                    landing.add(name, f"hf://datasets/{self.repo}@{commit}/{name}", blob, size, cursor)

    def _tree(self, web: Web, url: str) -> dict[str, str]:
        """The checksum of each file by its name, page after page."""
        found: dict[str, str] = {}
        at: str | None = f"{url}?recursive=true"
        while at is not None:
            answer = web.get(at)
            entries = _json(answer)
            for entry in entries if isinstance(entries, list) else []:
                if entry.get("type") == "file":
                    found[entry["path"]] = f"sha256:{entry['lfs']['oid']}" if entry.get("lfs") else f"git:{entry['oid']}"
            more = answer.links.get("next", {}).get("url")
            at = urljoin(at, more) if more else None
        return found

    def _matches(self, name: str) -> bool:
        return any(fnmatchcase(name, each) for each in self.match)

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """As declared; `auto` goes by the ending of the name."""
        kind = by_extension(piece.name) if self.format == "auto" else self.format
        return RawFile(
            uri=piece.uri,
            name=piece.name,
            open=partial(landing.open, piece),
            format=kind,
            options=self.options,
            set=self.set,
            digest=piece.blob,
        )


def _json(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise SourceError(f"the server sends no JSON: {error}", where=str(answer.url), fix="check `endpoint:`") from error


@CONNECTORS.register(version=1)
def hugging_face(
    repo: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")],
    revision: Annotated[str, Field(min_length=1)] = "main",
    match: Annotated[list[str], Field(min_length=1)] = ["*.parquet"],  # noqa: B006
    endpoint: str | None = None,
    token: str | None = None,
    format: Format = "auto",
    separator: Character | None = None,
    header: bool = True,
    skip_before_header: Annotated[int, Field(ge=0)] = 0,
    skip_after_header: Annotated[int, Field(ge=0)] = 0,
    quote: Character | None = '"',
    rename: dict[str, str] | None = None,
    record: str | None = None,
    encoding: EncodingName | None = None,
    sheet: str | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 5,
    timeout: Annotated[float, Field(gt=0)] = 60.0,
    max_bytes: Annotated[int, Field(ge=1)] = 1 << 40,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Files of a dataset repository of the Hugging Face Hub, as of the commit that its revision names at each collection.

    Each file is held to the checksum that the Hub gives (SHA-256 of large files, git's of others), fetched with resume, and fetched again
    only when that changed. Items carry the commit in their `_uri`: `hf://datasets/<repo>@<commit>/<file>`.

    Args:
        repo: such as `acme/reviews`.
        revision: a branch, a tag, or a commit; only a commit (40 digits) stays what it is.
        match: which files, such as `data/train-*.parquet`; `*` matches any characters, `/` among them.
        endpoint: of the Hub; by default `HF_ENDPOINT` of the environment, or huggingface.co.
        token: such as `${HF_TOKEN}`; by default that variable, if it is set.
        format: `auto` goes by the ending of each name; for it and what follows see the connector `files`.
        separator: between CSV fields.
        header: whether the first CSV line, or row of a sheet, names the columns.
        skip_before_header: lines of a CSV, or filled rows of a sheet, above the header.
        skip_after_header: lines to skip after the CSV header.
        quote: CSV quote character; null takes quotes as they are.
        rename: new names of columns by the names in the file.
        record: name of the XML elements that are items, by default the children of the root; of a JSON object where its array is, such as
            `result.data.items`.
        encoding: of texts that are not UTF-8, such as `gb18030`, `cp1252`, `utf-16`.
        sheet: of a workbook; by default its first.
        retries: how often a request is sent again.
        timeout: seconds without a byte.
        max_bytes: of one file; more is an error.
        set: constant columns of every row.
    """
    no_secrets({"token": token} if token is not None else {}, "hugging_face")
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
    web = {"retries": retries, "timeout": timeout}
    return HuggingFace(
        repo=repo,
        revision=revision,
        match=tuple(match),
        endpoint=endpoint,
        token=token,
        format=format,
        options=options,
        web=web,
        max_bytes=max_bytes,
        set=set or {},
    )
