"""Connections to databases of others, through SQLAlchemy: read only, one snapshot, with credentials from the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.transport.web import from_environment, no_secrets

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL, Engine

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_OURS = ("sqlalchemy", "psycopg", "pymysql")
_AS_TEXT = ("interval", "json", "jsonb", "time", "timetz", "uuid", "inet", "cidr")
"""PostgreSQL's types that Python's classes would change (an interval's months, a JSON number's digits): taken as the server writes them."""


@dataclass(frozen=True)
class Database:
    """A database.

    Attributes:
        url: as declared; `${NAME}` is taken from the environment.
        timeout: seconds for a connection.
    """

    url: str
    timeout: float

    @property
    def shown(self) -> str:
        """The URL without user, password and options."""
        if _VARIABLE.fullmatch(self.url):
            return self.url
        url = self._parsed(self.url)
        return type(url).create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()

    def check(self) -> None:
        """Refuse what is no URL, and a password that is written out.

        Raises:
            SpecError: with what to write.
        """
        if _VARIABLE.fullmatch(self.url):
            return
        url = self._parsed(self.url)
        if url.password and not _VARIABLE.fullmatch(str(url.password)):
            fix = "write ${NAME} in its place, and export NAME"
            raise SpecError("`url` holds a password, and this file is shared", fix=fix)
        no_secrets({name: str(value) for name, value in url.query.items() if name != "passfile"}, "url")

    @contextmanager
    def connect(self, project: Project, *, kept: bool = True) -> Iterator[Connection]:
        """A connection in one transaction that reads one snapshot, where the database has such (PostgreSQL, MySQL, MariaDB).

        Args:
            kept: whether what has come before it breaks off is kept, as the message of the error states.

        Raises:
            MissingExtraError: the driver is not installed. SourceError: unreachable, refused, or broken off, with the database's message.
        """
        import sqlalchemy as sa

        engine, password = self._engine(project)
        try:
            with self._errors(password, "cannot be opened", "check `url`, the network, and the credentials in the environment"):
                connection = engine.connect()
                if engine.dialect.name in ("postgresql", "mysql", "mariadb"):
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
            # Outside the connection, for letting go of a broken one raises as well.
            with (
                self._errors(
                    password, "cannot be read", "see the database's message, and run it again" + ("; what has come is kept" if kept else "")
                ),
                connection,
            ):
                try:
                    yield connection
                except (sa.exc.SQLAlchemyError, SourceError, SpecError):
                    connection.invalidate()  # a driver would read the rest of the rows before it lets go
                    raise
        finally:
            engine.dispose()

    def tables(self, project: Project) -> dict[str, list[str]]:
        """The tables by name, each with columns that identify its rows: its primary key, or all of them where it has none.

        Raises:
            as `connect`.
        """
        import sqlalchemy as sa

        with self.connect(project, kept=False) as connection:
            inspected, found = sa.inspect(connection), {}
            for table in inspected.get_table_names():
                key = inspected.get_pk_constraint(table)["constrained_columns"]
                found[table] = [str(name) for name in key] or [str(column["name"]) for column in inspected.get_columns(table)]
            return found

    @contextmanager
    def _errors(self, password: str, what: str, fix: str) -> Iterator[None]:
        import sqlalchemy as sa

        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise SourceError(f"{what}: {_message(error, password)}", where=self.shown, fix=fix) from error

    def _parsed(self, text: str) -> URL:
        try:
            import sqlalchemy as sa
        except ModuleNotFoundError:
            raise MissingExtraError("`sql`", "sql") from None
        try:
            return sa.make_url(text)
        except (sa.exc.ArgumentError, ValueError):
            fix = 'write "postgresql+psycopg://user:${PASSWORD}@host/database"'
            raise SpecError("`url` is no address of a database", fix=fix) from None

    def _engine(self, project: Project) -> tuple[Engine, str]:
        import sqlalchemy as sa

        url = self._parsed(from_environment(self.url) if _VARIABLE.fullmatch(self.url) else self.url)
        parts: dict[str, Any] = {name: getattr(url, name) for name in ("username", "password", "host", "database")}
        filled: dict[str, Any] = {name: from_environment(str(value)) for name, value in parts.items() if value}
        url = url.set(**filled)
        url = url.set(query={name: from_environment(str(value)) for name, value in url.query.items()})
        password, name, options = str(url.password or ""), url.get_backend_name(), {}
        if name == "sqlite":
            url = self._file(project, url)
        elif name in ("postgresql", "mysql", "mariadb"):
            options = {"connect_timeout": max(1, round(self.timeout))}
        try:
            engine = sa.create_engine(url, connect_args=options, poolclass=sa.NullPool)
        except sa.exc.NoSuchModuleError:
            fix = "use sqlite, postgresql+psycopg, mysql+pymysql, or install the SQLAlchemy dialect"
            raise SpecError(f"`url`: no database `{url.drivername}` is known here", fix=fix) from None
        except ModuleNotFoundError as error:
            if error.name in _OURS:
                raise MissingExtraError(f"`{url.drivername}`", "sql") from None
            fix = f"install it, or name another driver in `url`: {name}+..."
            raise SpecError(f"`url`: the driver `{error.name}` of `{url.drivername}` is not installed", fix=fix) from None
        sa.event.listen(engine, "connect", _prepared(engine))
        return engine, password

    def _file(self, project: Project, url: URL) -> URL:
        """A SQLite file, relative to the project folder, opened to read; SQLite itself would make one that is not there."""
        path = project.root / (url.database or "")
        if not path.is_file():
            raise SourceError(f"no file {url.database or '(none)'}", where=self.shown, fix="check the path after sqlite:///")
        return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})


def _prepared(engine: Engine) -> Any:
    """Set a new connection to read only, with times in UTC."""

    def prepare(connection: Any, record: object) -> None:
        name = engine.dialect.name
        if name == "postgresql" and engine.dialect.driver == "psycopg":
            from psycopg.types.string import TextLoader

            for kind in _AS_TEXT:
                connection.adapters.register_loader(kind, TextLoader)
        statements = {
            "postgresql": ["SET TIME ZONE 'UTC'", "SET default_transaction_read_only = on"],
            "mysql": ["SET time_zone = '+00:00'", "SET SESSION TRANSACTION READ ONLY"],
        }
        statements_of = statements.get("mysql" if name == "mariadb" else name, [])
        if statements_of:
            cursor = connection.cursor()
            for statement in statements_of:
                cursor.execute(statement)
            cursor.close()
            connection.commit()

    return prepare


def _message(error: Exception, password: str) -> str:
    """The first line of the database's message, without the password."""
    found: BaseException = getattr(error, "orig", None) or error
    words = found.args[1] if len(found.args) > 1 and isinstance(found.args[0], int) else str(found)
    line = (str(words).strip() or type(found).__name__).splitlines()[0]
    return line.replace(password, "***") if password else line
