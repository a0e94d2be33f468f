"""Delta tables: read as of a version, one commit a write, by-difference changes, restore, vacuum that keeps releases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import RemoveAction, create_table_with_add_actions
from pyarrow import fs

from lakehouse.core.errors import LockedError, NotFoundError, StorageError
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.parquet.datafiles import PLAIN, delta_schema, file_system, parted, write_files
from lakehouse.core.lake.parquet.files import arrow, parquet_chunks, picked
from lakehouse.core.lake.parquet.lazy_frame import lazily
from lakehouse.core.lake.parquet.rowgroups import Footer
from lakehouse.core.lake.read_ahead import batches_ahead
from lakehouse.core.lake.sealing.files import SEALED, sealing
from lakehouse.core.lake.store import storage_error, store_errors, store_options

_KEPT = {"delta.logRetentionDuration": "interval 36500 days"}
"""Delta's own 30 days would take from a version, at the table's hundredth commit, the log by which it is read."""


@dataclass(frozen=True)
class Table:
    """A Delta table at `<lake>/<layer>/<name>`, a folder or an object-store URL; it need not exist yet.

    Attributes:
        sealed: the classes under which new data files are sealed, each key in turn; of none, they are not. Sealed files are read as others
            are, by this class alone: to other readers of Delta they are no Parquet.
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    sealed: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False, compare=False)

    def _options(self) -> dict[str, str] | None:
        return store_options(self.uri, self.storage_options) or None

    def _polars_options(self) -> dict[str, Any] | None:
        """The same options for Polars, which wants a number as a number."""
        options: dict[str, Any] = store_options(self.uri, self.storage_options)
        return {key: int(value) if key == "max_retries" else value for key, value in options.items()} or None

    def delta(self, version: int | None = None) -> DeltaTable:
        """The delta-rs handle.

        Raises:
            NotFoundError: the table or the version does not exist.
        """
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options())
        except TableNotFoundError as error:
            raise NotFoundError(f"table {self.uri} does not exist yet", fix="materialise it first: lakehouse run DATASET") from error
        except DeltaError as error:
            raise NotFoundError(f"table {self.uri} has no readable version {version}: {error}") from error
        except OSError as error:
            raise storage_error(error, self.uri) from error

    def exists(self) -> bool:
        """Whether the table has a first commit.

        Raises:
            StorageError: the store cannot be reached, or refuses.
        """
        try:
            return DeltaTable.is_deltatable(self.uri, storage_options=self._options())
        except (DeltaError, OSError) as error:
            raise storage_error(error, self.uri) from error

    def version(self) -> int | None:
        """The Delta version, or None for a table that does not exist."""
        return self.delta().version() if self.exists() else None

    def store(self) -> fs.FileSystem:
        """The files below the table, data files without their seals."""
        return sealing(file_system(self.uri, self._options() or {}), self.lake, self.sealed())

    @property
    def lake(self) -> Location:
        """The lake that the table is part of, which keeps the keys."""
        return Location(self.uri.rsplit("/", 2)[0], self.storage_options)

    def scan(self, version: int | None = None) -> pl.LazyFrame:
        """A lazy frame of the table as of `version` (default: the newest).

        Raises:
            StorageError: a key of sealed files is not to be had.
        """
        delta = self.delta(version)
        plain = self._plain(delta)
        names = [uri.rsplit("/", 1)[-1] for uri in delta.file_uris()]
        sealed = next((name for name in names if name.endswith(SEALED)), None)
        if sealed is None:
            return plain
        store, schema = self.store(), plain.collect_schema()
        with store.open_input_file(sealed):
            pass  # a missing key is reported here, not by Polars

        def rows(columns: list[str]) -> Iterator[pl.DataFrame]:
            for _, file in self._opened(names, store):
                yield from self._shaped(file, columns, range(file.num_row_groups), schema)

        return lazily(rows, schema)

    def _plain(self, delta: DeltaTable) -> pl.LazyFrame:
        """The table as Polars reads it, sealed files left as they are."""
        plain = pl.scan_delta(delta, storage_options=self._polars_options())
        if "://" in self.uri or "%" not in delta.table_uri:
            return plain
        # Polars takes the URL of a folder with a space in its name for a path (seen in 2.1).
        schema = plain.collect_schema()
        files = self._paths(delta)
        if not files:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore", glob=False)

    def _paths(self, delta: DeltaTable) -> list[str]:
        """URIs of the data files, sorted; of a folder their paths."""
        uris = sorted(delta.file_uris())
        return uris if "://" in self.uri else [f"{self.uri.rstrip('/')}/{uri.rsplit('/', 1)[-1]}" for uri in uris]

    def read(self, columns: Iterable[str] | None = None, version: int | None = None) -> pl.DataFrame:
        """The rows as of `version`, only `columns` if given."""
        frame = self.scan(version)
        return (frame if columns is None else frame.select(list(columns))).collect()

    def located(self, columns: Iterable[str], files: Iterable[str] | None = None) -> pl.DataFrame:
        """`columns` of the newest version with the place of each row: `_file`, the name of its data file, and `_at`, its number there."""
        wanted = None if files is None else set(files)
        uris = [uri for uri in self.files() if wanted is None or uri.rsplit("/", 1)[-1] in wanted]
        names = list(columns)
        if not uris:
            none = pl.DataFrame(schema={c: t for c, t in self.schema().items() if c in set(names)})
            return none.with_columns(_file=pl.lit(""), _at=pl.lit(0, pl.Int64)).clear()
        if any(uri.endswith(SEALED) for uri in uris):
            rows = pl.concat(
                rows.select(*names, pl.lit(name).alias("_file"))
                for name, file in self._opened(uri.rsplit("/", 1)[-1] for uri in uris)
                for rows in self._shaped(file, names, range(file.num_row_groups))
            )
        else:
            frame = pl.scan_parquet(uris, include_file_paths="_file", glob=False, storage_options=self._polars_options())
            rows = frame.select(*names, pl.col("_file").str.split("/").list.last()).collect()
        return rows.with_columns(_at=pl.int_range(pl.len()).over("_file"))

    def pick(self, columns: Iterable[str], places: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """`columns` of the rows at `places` (`_file`, `_at`, as `located` gives them) beside the other columns of `places`, by chunks.

        Row groups that hold none of them are not read.
        """
        names, wanted = list(columns), dict(places.partition_by("_file", as_dict=True, include_key=False))
        for name, file in self._opened(str(key[0]) for key in wanted):
            rows = wanted[name,].sort("_at")
            first = 0
            for number in range(file.num_row_groups):
                end = first + file.metadata.row_group(number).num_rows
                inside = rows.filter(pl.col("_at").is_between(first, end, closed="left"))
                if inside.height:
                    yield from picked(self._shaped(file, names, [number]), inside.with_columns(pl.col("_at") - first))
                first = end

    def chunks(self, columns: Iterable[str], files: Iterable[str] | None = None) -> Iterator[pl.DataFrame]:
        """`columns` of the newest version, some megabytes at a time, file by file; only of `files` (names), if given."""
        names = list(columns)
        for _, file in self._opened(files):
            yield from self._shaped(file, names, range(file.num_row_groups))

    def _opened(self, files: Iterable[str] | None = None, store: fs.FileSystem | None = None) -> Iterator[tuple[str, pq.ParquetFile]]:
        """Data files by name, each open until the next one; those of the newest version by default."""
        store = store or self.store()
        newest = {uri.rsplit("/", 1)[-1] for uri in self.files()} if files is None else set(files)
        for name in sorted(newest):
            # Not a scanner of a whole dataset: it reads ahead, some hundred megabytes where texts are long.
            with store_errors(self.uri), store.open_input_file(name) as handle:
                yield name, pq.ParquetFile(handle)

    def _shaped(
        self, file: pq.ParquetFile, names: list[str], groups: Iterable[int], schema: pl.Schema | None = None
    ) -> Iterator[pl.DataFrame]:
        """Row groups of a file by chunks, with null for columns that the table got later."""
        have = [name for name in names if name in file.schema_arrow.names]
        stored = (schema or self.schema()) if len(have) < len(names) else {}
        added = [pl.lit(None, stored[name]).alias(name) for name in names if name not in have]
        for rows in parquet_chunks(file, have, groups):
            yield rows.with_columns(added).select(names)

    def schema(self, version: int | None = None) -> pl.Schema:
        """Column names and types."""
        return pl.scan_delta(self.delta(version), storage_options=self._polars_options()).collect_schema()

    def files(self) -> list[str]:
        """URIs of the data files of the newest version, sorted."""
        return self._paths(self.delta())

    def size(self) -> int:
        """Bytes of its present data files; 0 where there is no table."""
        return int(pl.DataFrame(self.delta().get_add_actions(flatten=True))["size_bytes"].sum() or 0) if self.exists() else 0

    def metadata(self, version: int | None = None) -> dict[str, str]:
        """The custom metadata of the newest commit at or before `version` that carries any; a restored table has that of its old state."""
        newest = self.delta(version).version()
        # delta-rs numbers commits by the handle, from the newest of all: only a handle of the newest version numbers them right.
        for entry in self.delta().history():
            if entry["version"] > newest:
                continue
            found = {key: value for key, value in entry.items() if key.startswith("factory.")}
            if found:
                return found
            if entry.get("operation") == "RESTORE":
                newest = int(entry["operationParameters"]["version"])
        return {}

    def history(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Commits, newest first."""
        return self.delta().history(limit)

    def write(
        self,
        rows: pl.DataFrame | Iterable[pl.DataFrame],
        mode: Literal["append", "overwrite"],
        *,
        schema: pl.Schema | None = None,
        metadata: Mapping[str, str] | None = None,
        after: int | None = None,
        evolve: bool = False,
        description: str | None = None,
    ) -> int:
        """Write `rows` (a frame, or frames streamed one at a time with their `schema`) in ONE commit; returns the version.

        With an iterable, an error raised by it leaves the table as it was and is raised as it is. With `evolve`, an append may
        bring new columns, null in older rows; the caller has compared the types of the others, which Delta would cast in silence.

        `after` is the version that `rows` were made for (-1: there is no table yet); without it, an append does not conflict with another.
        A table that this write makes keeps the `description`.

        Raises:
            StorageError: the store refuses the write; nothing was committed.
            LockedError: another writer has changed the table since `after`.
        """
        failure: list[BaseException] = []
        if isinstance(rows, pl.DataFrame):
            data: pa.Table = arrow(rows)
            target, batches = data.schema, iter(data.to_batches())
        else:
            if schema is None:
                raise ValueError("streamed rows need their schema")
            target = arrow(pl.DataFrame(schema=schema)).schema
            batches = batches_ahead(rows, schema, target, failure)
        return self._commit(batches, target, failure, mode, metadata, after, evolve=evolve, description=description)

    def replace(
        self,
        gone: pl.DataFrame,
        rows: Iterable[pl.DataFrame],
        *,
        schema: pl.Schema,
        metadata: Mapping[str, str] | None = None,
        after: int,
    ) -> int:
        """Put `rows` in the place of those of version `after` at `gone` (`_file`, `_at`), in one commit; returns the version.

        Files that hold some of them give way to new ones: row groups without any are moved as they are, of the others the rows that
        stay are written again.

        Raises as `write` does.
        """
        failure: list[BaseException] = []
        target = arrow(pl.DataFrame(schema=schema)).schema
        with self._guard(failure):
            whole, stay = parted(self.store(), gone)
        batches = batches_ahead(chain(self.pick(schema.names(), stay), rows), schema, target, failure)
        return self._commit(batches, target, failure, "append", metadata, after, instead_of=whole)

    def _commit(
        self,
        batches: Iterator[pa.RecordBatch],
        schema: pa.Schema,
        failure: list[BaseException],
        mode: Literal["append", "overwrite"],
        metadata: Mapping[str, str] | None,
        after: int | None,
        *,
        evolve: bool = False,
        instead_of: Mapping[str, Footer] | None = None,
        description: str | None = None,
    ) -> int:
        """Write the rows as files and commit these, instead of others (names, with those of their row groups that are moved).

        Returns the version. `failure` holds what went wrong in making the rows.
        """
        with self._guard(failure):
            options = self._options()
            files = self.store()
            delta = None if after == -1 or (after is None and not self.exists()) else self.delta(after)
            shape = Schema.from_arrow(delta_schema(schema))
            new = _new_columns(delta, shape, self.uri, evolve=evolve) if delta is not None and mode == "append" else []
            adds = write_files(files, batches, schema, moved=instead_of or {}, ending=SEALED if self.sealed() else PLAIN)
            try:
                if delta is None:
                    create_table_with_add_actions(
                        self.uri,
                        shape,
                        adds,
                        mode="error",
                        description=description,
                        configuration=_KEPT,
                        storage_options=options,
                        commit_properties=_properties(metadata, -1),
                    )
                else:
                    if new:
                        delta.alter.add_columns(new, commit_properties=_properties(None, after))
                        after = delta.version() if after is not None else None
                    gone = [RemoveAction(name, True, int(time.time() * 1000)) for name in instead_of or ()]
                    delta.create_write_transaction([*adds, *gone], mode, shape, commit_properties=_properties(metadata, after))
            except DeltaError as error:
                # Only where the commit was refused: after a lost answer, an interrupt or a failed checkpoint it may hold, files and all.
                if "oncurrent" in str(error) or "already exists" in str(error):
                    for action in adds:
                        with suppress(OSError, pa.ArrowException):
                            files.delete_file(action.path)
                raise
        version = self.version()
        assert version is not None
        return version

    def restore(self, version: int) -> None:
        """Make `version` the newest again, as a new commit."""
        with self._guard([]):
            self.delta().restore(version)

    def vacuum(self, keep: Iterable[int], retention_hours: int = 168) -> list[str]:
        """Delete files that neither the newest version nor any in `keep` needs; returns their paths."""
        return self.delta().vacuum(
            retention_hours=retention_hours, keep_versions=sorted(keep), dry_run=False, enforce_retention_duration=False, full=True
        )

    @contextmanager
    def _guard(self, failure: list[BaseException]) -> Iterator[None]:
        try:
            yield
        except CommitFailedError as error:
            raise LockedError(f"another writer changed {self.uri} during this write", fix="run it again") from error
        except (DeltaError, OSError, pa.ArrowException) as error:
            if failure:
                raise failure[0] from None
            if "already exists" in str(error):
                raise LockedError(f"another writer has made {self.uri} during this write", fix="run it again") from error
            raise storage_error(error, self.uri) from error
        except Exception:
            if failure:
                raise failure[0] from None
            raise


def _new_columns(delta: DeltaTable, shape: Schema, uri: str, *, evolve: bool) -> list[Field]:
    """The columns that appended rows bring to a table, which must `evolve` for it; the others have to be of its types."""
    stored = {column.name: column.type for column in delta.schema().fields}
    for column in shape.fields:
        if column.name in stored and column.type != stored[column.name]:
            raise StorageError(f"column `{column.name}` is {stored[column.name]} in the table, {column.type} in new rows", where=uri)
    new = [column for column in shape.fields if column.name not in stored]
    if new and not evolve:
        raise StorageError(f"the table has no column `{new[0].name}`", where=uri)
    return new


def _properties(metadata: Mapping[str, str] | None, after: int | None) -> CommitProperties:
    """Commit metadata, and for rows that were made for a version the mark by which Delta refuses them beside a later commit with one."""
    return CommitProperties(
        custom_metadata={f"factory.{key}": value for key, value in (metadata or {}).items()},
        app_transactions=None if after is None else [Transaction("factory", after + 1)],
        # delta-rs puts a first commit that was too late on top of the other one if it may try again.
        max_commit_retries=0 if after == -1 else None,
    )
