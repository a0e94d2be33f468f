"""`sql`: rows of a table or of a query, from any database that SQLAlchemy reaches."""

from __future__ import annotations

import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO
from uuid import uuid4

import polars as pl
import pyarrow.parquet as pq
from pydantic import Field

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.hashing import digest, row_digest
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats.rows import FrameStream
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import InPlaceMaterial, Options, RawFile, Value
from lakehouse.reserve.transport.databases import Database
from lakehouse.reserve.transport.values import as_kinds, described, dtype_of, found, from_json, series, to_json, wider

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.sql.selectable import Select

PIECE_BYTES = 4 * 1024 * 1024
"""Rows land together from this size on: what a killed collection reads again at most."""

Column = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Sql:
    """A table or a query, in the order of columns that identify its rows."""

    database: Database
    table: str | None
    query: str | None
    order: tuple[str, ...]
    cursor: str | None
    columns: tuple[str, ...] | None
    batch: int
    set: Mapping[str, Value]

    @property
    def identity(self) -> str:
        """Over the database, what is read and in which order; not over who reads, and how many rows at a time."""
        return digest([self.database.shown, self.table, self.query, self.order, self.cursor, self.columns])

    @property
    def grows(self) -> bool:
        """With `cursor`, what was collected before is not read again."""
        return self.cursor is not None

    @property
    def _sorted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*([self.cursor] if self.cursor else []), *self.order]))

    @property
    def _what(self) -> str:
        return f"{self.database.shown}#{self.table or 'query'}"

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """One statement, its rows landed as they come: from the beginning, or behind the last that has landed."""
        if self.grows and not isinstance(landing.project.source(landing.source).key, list):
            raise SpecError("rows that come again replace what they were", fix="name what identifies them with `key: [...]` of the source")
        state: dict[str, Any] = dict(landing.cursor or {})
        last = [from_json(value) for value in state.get("last", [])]
        with self.database.connect(landing.project) as connection:
            names = self._names(connection)
            kinds = dict(state.get("kinds", [(name, "null") for name in names]))
            if list(kinds) != names:
                now = f"the columns are {names}, and were {list(kinds)}"
                raise SourceError(now, where=self._what, fix="name those to read with `columns:`; it is then read from the beginning")
            self._no_nulls(connection)
            held: list[pl.DataFrame] = []
            rows = 0
            with closing(self._parts(connection, names, kinds, last)) as parts:
                for part, last_row in parts:
                    rows += part.height
                    held.append(self._not_landed(landing, part, kinds, last) if self.grows else part)
                    progress(f"{landing.source}: rows", rows, None)
                    if sum(int(one.estimated_size()) for one in held) >= PIECE_BYTES:
                        self._land(landing, held, kinds, last_row)
                        held = []
            if held:
                self._land(landing, held, kinds, last_row)

    def in_place(self, project: Project, source: str) -> InPlaceMaterial:
        """All rows, by their key; whether they changed is seen by reading them."""
        if self.grows or not isinstance(project.source(source).key, list):
            fix = "leave `cursor:` out" if self.grows else "name what identifies a row with `key: [...]` of the source"
            raise SpecError("a virtual source of a database is read as a whole, its rows known by their key", fix=fix)
        with self.database.connect(project):
            pass  # a database that is not there is reported before anything is done
        known: dict[str, str] = {}
        rows = FrameStream(partial(self._frames, project, known), partial(self._schema, project, known))
        return InPlaceMaterial(
            uuid4().hex, (RawFile(uri=self._what, name="rows", open=rows.handle, format="rows", options=Options(), set=self.set),)
        )

    def _frames(self, project: Project, known: dict[str, str]) -> Generator[pl.DataFrame, None, None]:
        """The rows in the kinds that are known so far; `known` is widened to what is met."""
        with self.database.connect(project, kept=False) as connection:
            names = self._names(connection)
            known.update({name: "null" for name in names if name not in known})
            kinds = {name: known[name] for name in names}
            self._no_nulls(connection)
            with closing(self._parts(connection, names, kinds, [])) as parts:
                for part, _ in parts:
                    known.update(kinds)
                    yield as_kinds(part, kinds)

    def _schema(self, project: Project, known: dict[str, str]) -> pl.Schema:
        for _ in self._frames(project, known):
            pass
        return pl.Schema({name: dtype_of(kind) for name, kind in known.items()})

    def _parts(
        self, connection: Connection, names: list[str], kinds: dict[str, str], last: list[Any]
    ) -> Generator[tuple[pl.DataFrame, list[Any]], None, None]:
        """Frames of at most about a piece, each with the sorting values of its last row; `kinds` is widened to what is met."""
        before = None if self.grows else last or None
        places = [names.index(name) for name in self._sorted]
        result = connection.execution_options(yield_per=self.batch).execute(self._statement(names, last))
        described_kinds = described(connection.dialect.name, result.cursor)
        database_cursor = result.cursor
        try:
            for rows in result.partitions():
                frame = self._frame(rows, kinds, described_kinds)
                keys = frame.select(self._sorted)
                first = [rows[0][at] for at in places]
                if keys.is_duplicated().any() or first == before:
                    listed = ", ".join(f"`{name}`" for name in self.order)
                    raise SourceError(
                        f"several rows have the same {listed}", where=self._what, fix="`order:` needs columns that identify rows"
                    )
                step = max(1, frame.height * PIECE_BYTES // max(1, int(frame.estimated_size())))
                for at in range(0, frame.height, step):
                    part = frame.slice(at, step)
                    before = [rows[at + part.height - 1][place] for place in places]
                    yield part, before
        finally:
            if connection.dialect.name == "postgresql" and database_cursor is not None:
                database_cursor.close()

    def _frame(self, rows: Sequence[Any], kinds: dict[str, str], described_kinds: list[str | None]) -> pl.DataFrame:
        made = []
        for name, values, kind in zip(list(kinds), zip(*rows, strict=True), described_kinds, strict=True):
            fix = f"cast it in a `query:`, such as `cast({name} as text)`; what is collected keeps its kind"
            try:
                kinds[name] = wider(kinds[name], kind or found(values))
            except TypeError as error:
                raise SourceError(f"column `{name}` holds {error}", where=self._what, fix=fix) from error
            try:
                made.append(series(name, values, kinds[name]))
            except (TypeError, ValueError, ArithmeticError, pl.exceptions.PolarsError) as error:
                what = f"column `{name}` holds what {kinds[name]} does not: {str(error).partition(chr(10))[0]}"
                raise SourceError(what, where=self._what, fix=fix) from error
        return pl.DataFrame(made)

    def _not_landed(self, landing: Landing, part: pl.DataFrame, kinds: Mapping[str, str], last: list[Any]) -> pl.DataFrame:
        """The rows of a part without those at the boundary that have landed as they are."""
        assert self.cursor is not None
        if not last:
            return part
        at = series(self.cursor, [last[0]], kinds[self.cursor])[0]
        if part[self.cursor][0] != at:
            return part
        digests = row_digest(dict(part.schema), part.columns)
        known: list[pl.Series] = []
        for piece in reversed(landing.pieces):
            rows = as_kinds(_read(landing, piece), kinds)
            known.append(rows.filter(pl.col(self.cursor) == at).select(digests.alias("d"))["d"])
            if rows[self.cursor][0] != at:
                break
        return part.filter(~digests.is_in(pl.concat(known).implode())) if known else part

    def _land(self, landing: Landing, held: list[pl.DataFrame], kinds: Mapping[str, str], last: list[Any]) -> None:
        rows = pl.concat([as_kinds(part, kinds) for part in held])
        if rows.is_empty():
            return
        out = io.BytesIO()
        pq.write_table(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), out, compression="zstd")
        sink, number = landing.sink(), len(landing.pieces) + 1
        sink.write(out.getvalue())
        cursor = {"last": [to_json(value) for value in last], "kinds": [list(each) for each in kinds.items()]}
        landing.add(f"{number:06}.parquet", f"{self._what}/{number:06}", sink.close(), out.tell(), cursor)

    def _source(self) -> Any:
        import sqlalchemy as sa

        if self.query is not None:
            # A colon is part of the query, not a parameter of ours.
            return sa.text("(" + self.query.strip().rstrip(";").replace(":", "\\:") + "\n) q")
        schema, _, table = (self.table or "").rpartition(".")
        return sa.table(table, schema=schema or None)

    def _names(self, connection: Connection) -> list[str]:
        """The columns to read.

        Raises:
            SourceError: one is not there, or two have one name.
        """
        import sqlalchemy as sa

        there = list(connection.execute(sa.select(sa.text("*")).select_from(self._source()).where(sa.text("1 = 0"))).keys())
        if len(set(there)) < len(there):
            twice = next(name for name in there if there.count(name) > 1)
            raise SourceError(f"two columns are called `{twice}`", where=self._what, fix="give each its own name in the query")
        for name in (*self._sorted, *(self.columns or ())):
            if name not in there:
                raise SourceError(f"has no column `{name}`", where=self._what, fix=suggest(name, there))
        return list(dict.fromkeys((*self._sorted, *self.columns))) if self.columns else there

    def _no_nulls(self, connection: Connection) -> None:
        """Rows without a value in a sorting column have no place in the order."""
        import sqlalchemy as sa

        names = list(self._sorted)
        if self.table is not None:
            schema, _, table = self.table.rpartition(".")
            needed = {column["name"] for column in sa.inspect(connection).get_columns(table, schema or None) if not column["nullable"]}
            names = [name for name in names if name not in needed]
        for name in names:
            asked: Select[Any] = sa.select(sa.column(name)).select_from(self._source()).where(sa.column(name).is_(None)).limit(1)
            if connection.execute(asked).first() is not None:
                fix = f"leave these rows out with a `query:` (`where {name} is not null`), or give them a value there (`coalesce`)"
                raise SourceError(f"`{name}` is null in some rows, which have no place in the order", where=self._what, fix=fix)

    def _statement(self, names: list[str], last: list[Any]) -> Any:
        """All rows in order; with `last`, those behind it, or for a cursor those from its value on."""
        import sqlalchemy as sa

        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in self._sorted]
        # Without a type of SQLAlchemy's, a value goes to the driver as it came from it.
        values = [sa.bindparam(None, value, type_=sa.types.NullType()) for value in last]
        made: Any = sa.select(*(sa.column(name) for name in names)).select_from(self._source()).order_by(*columns)
        if not last:
            return made
        made = made.where(columns[0] >= values[0])  # alone, for an index on the first
        if self.grows:
            return made
        pairs = list(zip(columns, values, strict=True))
        behind = [sa.and_(*(c == v for c, v in pairs[:n]), pairs[n][0] > pairs[n][1]) for n in range(len(pairs))]
        return made.where(sa.or_(*behind))

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """Parquet, in the kinds that the last piece knows."""
        kinds = landing.pieces[-1].cursor["kinds"]
        opened = partial(landing.open, piece) if piece.cursor["kinds"] == kinds else partial(_opened, landing, piece, dict(kinds))
        return RawFile(uri=piece.uri, name=piece.name, open=opened, format="parquet", options=Options(), set=self.set, digest=piece.blob)


def _read(landing: Landing, piece: Piece) -> pl.DataFrame:
    with landing.open(piece) as handle:
        rows = pl.from_arrow(pq.read_table(io.BytesIO(handle.read())))
    assert isinstance(rows, pl.DataFrame)
    return rows.cast({name: dtype_of(kind) for name, kind in piece.cursor["kinds"]})


def _opened(landing: Landing, piece: Piece, kinds: Mapping[str, str]) -> BinaryIO:
    out = io.BytesIO()
    pq.write_table(as_kinds(_read(landing, piece), kinds).to_arrow(compat_level=pl.CompatLevel.oldest()), out)
    return io.BufferedReader(io.BytesIO(out.getvalue()))  # type: ignore[arg-type]


@CONNECTORS.register(version=1)
def sql(
    url: str,
    order: Annotated[list[Column], Field(min_length=1)],
    table: Column | None = None,
    query: Column | None = None,
    cursor: Column | None = None,
    columns: list[Column] | None = None,
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 5_000,
    timeout: Annotated[float, Field(gt=0)] = 10.0,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Rows of a table or a query of a database; a killed collection goes on behind the last rows that have landed.

    PostgreSQL, MySQL and MariaDB need the extra `sql`; SQLite needs nothing, and what else SQLAlchemy has a dialect for, its driver. The
    connection only reads. One statement reads all rows, as they were at its beginning; a collection that goes on after a kill reads the
    rest as it is then.

    Numbers, texts, bytes, dates and times keep their types, times with a zone in UTC, decimals their digits, arrays as lists. What has no
    such type is text as the database writes it: JSON, intervals, times of day, UUIDs, numbers of more than 38 digits or without a declared
    precision.

    Args:
        url: `postgresql+psycopg://user:${PASSWORD}@host/database`, `mysql+pymysql://...` or `sqlite:///file.db` (relative to the project
            folder), or `${NAME}` alone; a password written out is refused.
        order: columns that identify rows and are never null, best a primary key: rows are read in their order.
        table: name, or `schema.name`.
        query: a select, in place of `table`.
        cursor: column whose value only grows as rows are added or changed, such as `updated_at`, best indexed: later collections read only
            rows with its greatest value seen or more; rows stay that do not come again, and a row that comes again is what it was last.
        columns: those to read; the columns of `order` and `cursor` always are.
        batch: rows held at a time.
        timeout: seconds for a connection.
        set: constant columns of every row.
    """
    if (table is None) == (query is None):
        raise SpecError("exactly one of `table` and `query` must be given", fix="keep one")
    database = Database(url, timeout)
    database.check()
    return Sql(
        database=database,
        table=table,
        query=query,
        order=tuple(order),
        cursor=cursor,
        columns=tuple(columns) if columns else None,
        batch=batch,
        set=set or {},
    )
