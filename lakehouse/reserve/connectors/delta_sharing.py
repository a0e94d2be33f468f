"""`delta_sharing`: rows of a table that someone shares by the Delta Sharing protocol."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats.rows import FrameStream
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.landing.tables import land_table
from lakehouse.reserve.material import InPlaceMaterial, Options, RawFile, Value
from lakehouse.reserve.transport.resume import fetched
from lakehouse.reserve.transport.web import Web, from_environment, no_secrets

_ASKED = {"delta-sharing-capabilities": "responseformat=parquet"}


@dataclass(frozen=True)
class _TableMetadata:
    """A table as its server describes it.

    Attributes:
        partitions: names of the columns that are in no data file.
        files: each with its id, its signed address and the values of its partition.
    """

    where: str
    version: str
    fields: pa.Schema
    partitions: frozenset[str]
    files: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DeltaSharing:
    """A shared table."""

    table: str
    profile: str | None
    endpoint: str | None
    token: str | None
    columns: tuple[str, ...]
    web: Mapping[str, Any]
    max_bytes: int
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over the table and its columns; not over where the server is."""
        return digest([self.table, self.columns])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Data file after data file of the table as it is now; one that was read before, of the same columns, is not sent again."""
        description = self._asked(landing.project.root)
        where, version, fields, partitions, files = (
            description.where,
            description.version,
            description.fields,
            description.partitions,
            description.files,
        )
        names = self._names(description)
        wanted = pa.schema([fields.field(name) for name in names])
        known = digest([f"{field.name} {field.type}" for field in wanted])
        state = digest([known, *sorted(file["id"] for file in files)])
        with Web({}, **self.web) as store:
            if landing.pieces and landing.cursor["state"] != state:
                landing.overtaken()
            held = {(piece.name, piece.cursor["schema"]): piece for piece in landing.before}
            done = {piece.name for piece in landing.pieces}
            for number, file in enumerate(sorted(files, key=lambda file: str(file["id"]))):
                progress(f"{landing.source}: data files", number, len(files))
                name = str(file["id"])
                if name in done:
                    continue
                cursor = {"version": version, "schema": known, "state": state}
                if (before := held.get((name, known))) is not None:
                    landing.add(name, before.uri, before.blob, before.bytes, cursor)
                    continue
                # Its address is signed: it holds a credential of its own, and takes none of ours.
                with fetched(store, file["url"], landing, self.max_bytes, called=f"{name}.parquet", key=name) as found:
                    assert found is not None
                    parts = _parts(found.part, fields, partitions, file.get("partitionValues") or {}, where)
                    selected = (part.select(names) for part in parts)
                    land_table(landing, name, f"delta-sharing://{self.table}@{version}/{name}", selected, wanted, cursor)

    def in_place(self, project: Project, source: str) -> InPlaceMaterial:
        """Its data files as the server names them now; each is fetched when it is read, into a file without a name."""
        description = self._asked(project.root)
        names = self._names(description)
        wanted = pa.schema([description.fields.field(name) for name in names])
        known = digest([f"{field.name} {field.type}" for field in wanted])
        raw_files = tuple(
            RawFile(
                uri=f"delta-sharing://{self.table}/{file['id']}",
                name=str(file["id"]),
                open=FrameStream(partial(self._frames, description, file, names), partial(pl.Schema, wanted)).handle,
                format="rows",
                options=Options(),
                set=self.set,
                digest=digest([file["id"], known]),
            )
            for file in sorted(description.files, key=lambda file: str(file["id"]))
        )
        return InPlaceMaterial(digest([self.identity, known, [file.name for file in raw_files]]), raw_files)

    def _frames(self, description: _TableMetadata, file: dict[str, Any], names: list[str]) -> Generator[pl.DataFrame, None, None]:
        with tempfile.TemporaryFile() as held, Web({}, **self.web) as store:
            with store.stream(file["url"]) as response:
                for data in response.iter_raw():
                    held.write(data)
                    if held.tell() > self.max_bytes:
                        raise SourceError(
                            f"a data file is larger than {self.max_bytes:,} bytes", where=description.where, fix="raise `max_bytes:`"
                        )
            held.seek(0)
            for part in _parts(held, description.fields, description.partitions, file.get("partitionValues") or {}, description.where):
                yield pl.DataFrame(pl.from_arrow(part.select(names)))

    def _asked(self, root: Path) -> _TableMetadata:
        """The server's description of the table."""
        endpoint, token = self._server(root)
        share, schema, table = (quote(each, safe="") for each in self.table.split("."))
        where = f"{endpoint.rstrip('/')}/shares/{share}/schemas/{schema}/tables/{table}/query"
        with Web({"Authorization": f"Bearer {token}"}, **self.web) as web:
            answer = web.post(where, {}, _ASKED)
        return _TableMetadata(where, answer.headers.get("Delta-Table-Version", ""), *_parsed_answer(answer.text, where))

    def _names(self, description: _TableMetadata) -> list[str]:
        """The columns to read."""
        for name in self.columns:
            if name not in description.fields.names:
                raise SourceError(f"the table has no column `{name}`", where=description.where, fix=suggest(name, description.fields.names))
        return list(self.columns) or list(description.fields.names)

    def _server(self, root: Path) -> tuple[str, str]:
        """The endpoint and the bearer token, of the profile or as declared."""
        if self.profile is None:
            return from_environment(self.endpoint or ""), from_environment(self.token or "")
        file = root / from_environment(self.profile)
        try:
            profile = json.loads(file.read_text(encoding="utf-8"))
            return str(profile["endpoint"]), str(profile["bearerToken"])
        except OSError as error:
            raise SourceError(f"the profile cannot be read: {error.strerror}", where=self.profile, fix="check `profile:`") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError("is no profile: it has no endpoint and bearerToken", where=self.profile, fix="fetch it again") from error

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """Parquet."""
        return RawFile(
            uri=piece.uri,
            name=piece.name,
            open=partial(landing.open, piece),
            format="parquet",
            options=Options(),
            set=self.set,
            digest=piece.blob,
        )


def _parsed_answer(text: str, where: str) -> tuple[pa.Schema, frozenset[str], list[dict[str, Any]]]:
    """The columns of the answer, which of them are partitions, and its data files.

    Raises:
        SourceError: it does not follow the protocol, or asks for a newer reader.
    """
    from deltalake import Schema

    meta, files = None, []
    try:
        for line in filter(None, text.splitlines()):
            description = json.loads(line)
            if (needed := description.get("protocol", {}).get("minReaderVersion", 1)) > 1:
                raise SourceError(f"the table asks for readers of version {needed}", where=where, fix="ask its owner for a plain table")
            meta = description.get("metaData", meta)
            files += [description["file"]] if "file" in description else []
        if meta is None:
            raise ValueError("no metaData")
        fields = pa.schema(Schema.from_json(meta["schemaString"]).to_arrow())
        if any("url" not in file or "id" not in file for file in files):
            raise ValueError("a file without url and id")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SourceError(f"the answer is none of Delta Sharing: {error}", where=where, fix="check the endpoint") from error
    return fields, frozenset(meta.get("partitionColumns") or ()), files


def _parts(
    part: Path | BinaryIO, fields: pa.Schema, partitions: frozenset[str], values: Mapping[str, Any], where: str
) -> Iterator[pa.Table]:
    """The rows of a data file with all columns of the table: those of its partition, and nulls where the file has none."""
    try:
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(batch_size=65_536):
                columns = []
                for field in fields:
                    if field.name in batch.schema.names and field.name not in partitions:
                        columns.append(batch.column(field.name))
                    else:
                        description = values.get(field.name) or None  # the protocol writes a null as an empty text
                        columns.append(pc.cast(pa.array([description] * batch.num_rows, pa.string()), field.type))
                yield pa.table(columns, names=fields.names)
    except (pa.ArrowException, OSError) as error:
        description = str(error).splitlines()[0]
        raise SourceError(
            f"a data file cannot be read: {description}", where=where, fix="run it again, or ask the table's owner"
        ) from error


@CONNECTORS.register(version=1)
def delta_sharing(
    table: Annotated[str, Field(pattern=r"^[^.]+\.[^.]+\.[^.]+$")],
    profile: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    columns: list[str] | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 5,
    timeout: Annotated[float, Field(gt=0)] = 60.0,
    max_bytes: Annotated[int, Field(ge=1)] = 1 << 40,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Rows of a table that someone shares by the open protocol Delta Sharing, as it is at each collection.

    The server names the table's data files with signed addresses; a file that an earlier collection read is not fetched again, and rows of
    files that are no longer part of the table vanish. A killed collection goes on behind the last data file, and within one where it ended
    if the store allows. Tables that need deletion vectors or column mapping are refused by the server or here.

    Args:
        table: `share.schema.table`.
        profile: path of the profile file that the owner sent, such as `${DELTA_SHARING_PROFILE}`; it holds a token: keep it out of the
            factory's repository.
        endpoint: address of the server, in place of a profile.
        token: such as `${SHARING_TOKEN}`, in place of a profile.
        columns: names; by default all, and then a column that the table gets later is reported.
        retries: how often a request is sent again.
        timeout: seconds without a byte.
        max_bytes: of one data file; more is an error.
        set: constant columns of every row.
    """
    no_secrets({"token": token} if token is not None else {}, "delta_sharing")
    if (profile is None) == (endpoint is None) or (endpoint is None) != (token is None):
        raise SpecError("the server of the table is missing", fix="give `profile:`, or `endpoint:` with `token:`")
    web = {"retries": retries, "timeout": timeout}
    return DeltaSharing(
        table=table,
        profile=profile,
        endpoint=endpoint,
        token=token,
        columns=tuple(columns or ()),
        web=web,
        max_bytes=max_bytes,
        set=set or {},
    )
