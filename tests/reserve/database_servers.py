"""PostgreSQL and MariaDB as temporary clusters on loopback, where Debian's packages are."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.loopback import free_port

PASSWORD = "p@ss/w:rd"


@dataclass(frozen=True)
class Server:
    """A database for a test.

    Attributes:
        url: as it is declared.
        engine: of the test's own.
    """

    kind: str
    url: str
    engine: sa.Engine

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def sqlite(folder: Path) -> Iterator[Server]:
    yield Server("sqlite", "sqlite:///shop.db", sa.create_engine(f"sqlite:///{folder / 'shop.db'}", poolclass=sa.NullPool))


@contextmanager
def postgresql() -> Iterator[Server]:
    """A new cluster; the test is skipped where PostgreSQL is not installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin")]
    binaries = next((folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()), None)
    if binaries is None:
        pytest.skip("NO POSTGRESQL: install the Debian package `postgresql`")
    with _folder("postgres") as (folder, user):
        (folder / "password").write_text(PASSWORD)
        made = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync", "-U", "shop", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run([*user, str(binaries / "initdb"), "-D", str(folder / "data"), *made], check=True, capture_output=True)
        port = free_port()
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off", "-c", "timezone=Asia/Tokyo"]
        url = f"postgresql+psycopg://shop:{{}}@127.0.0.1:{port}/postgres"
        with _running([*user, str(binaries / "postgres"), "-D", str(folder / "data"), *options], url) as engine:
            yield Server("postgresql", url.format("${DB_PASSWORD}"), engine)


@contextmanager
def mariadb() -> Iterator[Server]:
    """A new server; the test is skipped where MariaDB is not installed."""
    install, server = shutil.which("mariadb-install-db"), shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if install is None or server is None:
        pytest.skip("NO MARIADB: install the Debian package `mariadb-server`")
    with _folder("mysql") as (folder, user):
        data = f"--datadir={folder / 'data'}"
        made = [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*user, *made], check=True, capture_output=True)
        port = free_port()
        first = folder / "first.sql"
        quoted = PASSWORD.replace("'", "''")
        user_made = f"create user shop@'127.0.0.1' identified by '{quoted}';"
        # The server takes one statement a line.
        first.write_text("\n".join(["create database shop;", user_made, "grant all on *.* to shop@'127.0.0.1';"]))
        first.chmod(0o644)
        options = [data, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}", f"--pid-file={folder / 'pid'}"]
        options += [
            f"--init-file={first}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
            "--default-time-zone=+09:00",
        ]
        url = f"mysql+pymysql://shop:{{}}@127.0.0.1:{port}/shop"
        with _running([*user, server, "--no-defaults", *options], url) as engine:
            yield Server("mariadb", url.format("${DB_PASSWORD}"), engine)


@contextmanager
def _folder(account: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder of the account's, and how to run a program as it: these servers do not run as root."""
    folder = Path(tempfile.mkdtemp(prefix=f"lakehouse-{account}-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, account, account)
            yield folder, ["runuser", "-u", account, "--"]
        else:
            yield folder, []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(command: list[str], url: str) -> Iterator[sa.Engine]:
    password = sa.make_url(url.format("x")).set(password=PASSWORD)
    engine = sa.create_engine(password, poolclass=sa.NullPool, connect_args={"connect_timeout": 2})
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    engine.connect().close()
                    break
                except sa.exc.OperationalError:
                    if server.poll() is not None or time.monotonic() > deadline:
                        log.seek(0)
                        raise AssertionError(log.read().decode()[-3000:]) from None
                    time.sleep(0.1)
            yield engine
        finally:
            server.terminate()
            server.wait(30)
