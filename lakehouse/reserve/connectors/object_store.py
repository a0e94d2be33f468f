"""`object_store`: objects of a bucket, fetched once each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated

from pydantic import Field

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.lake.store import object_store as client_of
from lakehouse.core.lake.store import storage_error
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import by_extension
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import Character, EncodingName, Format, Options, RawFile, Value
from lakehouse.reserve.transport.web import no_secrets

_READ = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Objects below a URL."""

    url: str
    match: str
    storage_options: Mapping[str, str]
    format: Format
    options: Options
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over the URL and what matches: the objects are those of one store, wherever it answers."""
        return digest([self.url, self.match])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Object after object in the order of their names; one with the tag and size that it had is not read."""
        import obstore
        from obstore.exceptions import BaseError

        held = {piece.name: piece for piece in landing.before}
        done = {piece.name for piece in landing.pieces}
        try:
            store = client_of(self.url, self.storage_options)
            found = {each["path"]: each for part in obstore.list(store) for each in part if self._matches(each["path"])}
            if not found:
                raise SourceError(f"no object matches `{self.match}`", where=self.url, fix="check `url:` and `match:`")
            for number, name in enumerate(sorted(found)):
                progress(f"{landing.source}: objects", number, len(found))
                if name in done:
                    continue
                about = {"tag": found[name].get("e_tag"), "size": found[name]["size"]}
                before = held.get(name)
                if before is not None and about["tag"] and before.cursor == about:
                    landing.add(name, before.uri, before.blob, before.bytes, about)
                    continue
                sink, size = landing.sink(), 0
                for data in obstore.get(store, name).stream(min_chunk_size=_READ):
                    sink.write(bytes(data))
                    size += len(data)
                landing.add(name, f"{self.url.rstrip('/')}/{name}", sink.close(), size, about)
        except (BaseError, FileNotFoundError, PermissionError) as error:
            problem = storage_error(error, self.url)
            raise SourceError(problem.what, where=self.url, fix=problem.fix) from error

    def _matches(self, name: str) -> bool:
        return not name.endswith("/") and fnmatchcase(name, self.match)

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


@CONNECTORS.register(version=1)
def object_store(
    url: str,
    match: str = "*",
    storage_options: dict[str, str] | None = None,
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
    set: dict[str, Value] | None = None,
) -> Remote:
    """Objects of a bucket (S3 and compatible, Azure, Google); each is fetched once, and again only when it changed.

    Args:
        url: such as `s3://bucket/prefix`.
        match: which objects below it, such as `2026/*.csv`; `*` matches any characters, `/` among them.
        storage_options: of the store, such as `{endpoint: "http://minio:9000", region: us-east-1}`; credentials come from the
            environment, as for the lake.
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
        set: constant columns of every row.
    """
    no_secrets(storage_options or {}, "storage_options")
    return Bucket(
        url=url,
        match=match,
        storage_options=storage_options or {},
        format=format,
        options=Options(
            separator=separator,
            quote=quote,
            header=header,
            skip_before_header=skip_before_header,
            skip_after_header=skip_after_header,
            rename=rename or {},
            record=record,
            encoding=encoding,
            sheet=sheet,
        ),
        set=set or {},
    )
