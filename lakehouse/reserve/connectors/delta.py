"""`delta`: rows of a Delta table elsewhere; only data files that are new are read."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake.exceptions import DeltaError
from pydantic import Field

from lakehouse.core.errors import FactoryError, NotFoundError, SourceError, SpecError, StorageError
from lakehouse.core.hashing import digest
from lakehouse.core.lake.store import storage_error
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats.rows import FrameStream
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.landing.tables import land_table
from lakehouse.reserve.material import InPlaceMaterial, Options, RawFile, Value
from lakehouse.reserve.transport.web import no_secrets


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A table."""

    url: str
    version: int | None
    columns: tuple[str, ...]
    filter: str | None
    storage_options: Mapping[str, str]
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over the table, and which rows and columns of it."""
        return digest([self.url, self.version, self.columns, self.filter])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Data file after data file; one that was read before, of the same columns, is not read again: data files never change."""
        with self._errors():
            version, table = self._table(landing.project)
            self._files(version, table, landing, progress)

    def in_place(self, project: Project, source: str) -> InPlaceMaterial:
        """Its data files, each known by its name, which is never used twice."""
        with self._errors():
            _, table = self._table(project)
            names = self._names(table.schema)
            shape = digest([[f"{field.name} {field.type}" for field in table.schema], names, self.filter])
            files = sorted(table.get_fragments(), key=lambda fragment: str(fragment.path))
        raw_files = tuple(
            RawFile(
                uri=f"{self.url.rstrip('/')}/{file.path}",
                name=str(file.path),
                open=FrameStream(
                    partial(self._frames, file, table.schema, names), partial(_schema, table.schema, names), self._errors
                ).handle,
                format="rows",
                options=Options(),
                set=self.set,
                digest=digest([file.path, shape]),
            )
            for file in files
        )
        return InPlaceMaterial(digest([self.identity, shape, [file.name for file in raw_files]]), raw_files)

    def _frames(self, file: Any, schema: pa.Schema, names: list[str]) -> Generator[pl.DataFrame, None, None]:
        for part in self._parts(file, schema, names):
            yield pl.DataFrame(pl.from_arrow(part))

    def _table(self, project: Project) -> tuple[int, ds.Dataset]:
        where = self.url if "://" in self.url else str((project.root / self.url).resolve())
        table = Table(where, self.storage_options).delta(self.version)
        return table.version(), table.to_pyarrow_dataset()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn failures of the table into an error with a way out."""
        try:
            yield
        except NotFoundError as error:
            fix = "check `url:`" if self.version is None else "check `url:` and `version:`"
            raise SourceError(f"there is no such Delta table{self._of_version}", where=self.url, fix=fix) from error
        except StorageError as error:
            raise SourceError(error.what, where=self.url, fix=error.fix) from error
        except FileNotFoundError as error:
            what = "a data file is gone (the table was vacuumed in between, or the version is too old)"
            raise SourceError(what, where=self.url, fix="run it again, or name a newer `version:`") from error
        except FactoryError:
            raise
        except (DeltaError, pa.ArrowException, OSError) as error:
            error_text = storage_error(error, self.url)
            raise SourceError(error_text.what, where=self.url, fix=error_text.fix) from error

    @property
    def _of_version(self) -> str:
        return "" if self.version is None else f" with a version {self.version}"

    def _files(self, version: int, table: ds.Dataset, landing: Landing, progress: Progress) -> None:
        names = self._names(table.schema)
        schema = digest([f"{field.name} {field.type}" for field in table.schema])
        if landing.pieces and landing.cursor["version"] != version:
            landing.overtaken()
        held = {(piece.name, piece.cursor["schema"]): piece for piece in landing.before}
        done = {piece.name for piece in landing.pieces}
        files = sorted(table.get_fragments(), key=lambda fragment: str(fragment.path))
        for number, file in enumerate(files):
            progress(f"{landing.source}: data files", number, len(files))
            if file.path in done:
                continue
            cursor = {"version": version, "schema": schema}
            before_it = held.get((file.path, schema))
            if before_it is not None:
                landing.add(file.path, before_it.uri, before_it.blob, before_it.bytes, cursor)
            else:
                self._file(file, table.schema, names, landing, cursor)

    def _file(self, file: Any, schema: pa.Schema, names: list[str], landing: Landing, cursor: Mapping[str, Any]) -> None:
        """Land the rows of a data file; one without such rows leaves nothing."""
        wanted = pa.schema([schema.field(name) for name in names])
        land_table(landing, file.path, f"{self.url.rstrip('/')}/{file.path}", self._parts(file, schema, names), wanted, cursor)

    def _names(self, schema: pa.Schema) -> list[str]:
        """The columns to read."""
        for name in self.columns:
            if name not in schema.names:
                raise SourceError(f"the table has no column `{name}`", where=self.url, fix=suggest(name, schema.names))
        return list(self.columns) or list(schema.names)

    def _parts(self, file: Any, schema: pa.Schema, names: list[str]) -> Iterator[pa.Table]:
        for batch in file.to_batches(schema=schema, columns=None if self.filter else names):
            part = pa.Table.from_batches([batch])
            yield (part if self.filter is None else part.filter(self._mask(part))).select(names)

    def _mask(self, rows: pa.Table) -> pa.Array:
        """Which rows the filter keeps; an unknown value keeps none."""
        frame = pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        try:
            mask = frame.select(pl.sql_expr(self.filter or "").alias("_")).to_series()
        except pl.exceptions.PolarsError as error:
            error_text = str(error).splitlines()[0]
            raise SourceError(f"the filter does not fit the table: {error_text}", where=self.url, fix="check `filter:`") from error
        if mask.dtype != pl.Boolean:
            raise SourceError(f"the filter gives {mask.dtype}, not true or false", where=self.url, fix="check `filter:`")
        return mask.fill_null(False).to_arrow()

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """Parquet."""
        return RawFile(
            uri=piece.uri,
            name=f"{piece.name}",
            open=partial(landing.open, piece),
            format="parquet",
            options=Options(),
            set=self.set,
            digest=piece.blob,
        )


def _schema(schema: pa.Schema, names: list[str]) -> pl.Schema:
    return pl.Schema(pa.schema([schema.field(name) for name in names]))


@CONNECTORS.register(version=1)
def delta(
    url: str,
    version: Annotated[int, Field(ge=0)] | None = None,
    columns: list[str] | None = None,
    filter: str | None = None,
    storage_options: dict[str, str] | None = None,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Rows of a Delta table in a folder or an object store, as of its newest version or a given one.

    Each collection takes the table as it is: a data file that an earlier one read is not read again, as data files never change, and rows
    of files that are no longer part of the table vanish. So an append costs the appended files, a rewrite (update, merge, compaction) the
    rewritten ones; give the source a `key:` for rows that move from file to file. A killed collection goes on behind the last data file.
    Deletion vectors and column mapping are refused, with what the table asks for.

    Args:
        url: a folder (relative to the factory), or such as `s3://bucket/orders`.
        version: the Delta version; without it, the newest at each collection.
        columns: names; by default all, and then a column that the table gets later is reported.
        filter: SQL expression over the table's columns, such as `amount > 10 AND country = 'DE'`; where it is not true, a row is left out.
            Files that hold no such row are looked at again at each collection.
        storage_options: of the store, such as `{endpoint: "http://minio:9000", region: us-east-1}`; credentials come from the
            environment, as for the lake.
        set: constant columns of every row.
    """
    no_secrets(storage_options or {}, "storage_options")
    if filter is not None:
        try:
            pl.sql_expr(filter)
        except pl.exceptions.PolarsError as error:
            raise SpecError(f"`filter` is no SQL expression: {str(error).splitlines()[0]}", fix="such as amount > 10") from error
    return Delta(
        url=url, version=version, columns=tuple(columns or ()), filter=filter, storage_options=storage_options or {}, set=set or {}
    )
