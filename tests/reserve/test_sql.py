"""Rows of databases: types, cursors, what goes wrong, and kills; against SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.landing.landing import Landing
from lakehouse.reserve.source import feed

from .conftest import Factory, killed
from .database_servers import PASSWORD, Server, mariadb, postgresql, sqlite


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="module")
def mariadb_server() -> Iterator[Server]:
    with mariadb() as server:
        yield server


@pytest.fixture(params=["sqlite", *(pytest.param(server, marks=pytest.mark.slow) for server in ("postgres_server", "mariadb_server"))])
def server(request: pytest.FixtureRequest, factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    if request.param == "sqlite":
        with sqlite(factory.root) as found:
            yield found
        return
    found = request.getfixturevalue(request.param)
    found.run("drop table if exists orders")
    yield found


def declare(factory: Factory, server: Server, **changes: Any) -> None:
    given = {"url": server.url, "table": "orders", "order": ["id"], **changes}
    key = given.pop("key", ["id"])
    factory.declare(connector={"sql": {name: value for name, value in given.items() if value is not None}}, key=key)


def fill(server: Server, rows: range, updated: str = "{n}") -> None:
    """The table `orders` with an id, a text, and the time of its last change, a number."""
    server.run("create table if not exists orders (id integer primary key, item text, updated integer not null)")
    for start in range(rows.start, rows.stop, 5000):
        part = [f"({n}, '订单 {n}', {updated.format(n=n)})" for n in range(start, min(rows.stop, start + 5000))]
        server.run(f"insert into orders values {', '.join(part)}")


def pieces(factory: Factory) -> int:
    """Pieces in the journal, of all passes."""
    return factory.project.table("system", "landing").read().filter(pl.col("kind") == "piece").height


def test_every_row_is_collected_and_an_unchanged_table_adds_nothing(factory: Factory, server: Server) -> None:
    fill(server, range(1, 101))
    declare(factory, server, batch=7)
    first = factory.collect()
    assert (first.added, first.findings) == (100, {})
    assert factory.live().sort("id")["item"].to_list() == [f"订单 {n}" for n in range(1, 101)]
    assert factory.collect().unchanged
    server.run("update orders set item = '新' where id = 4", "delete from orders where id = 9")
    made = factory.collect()
    assert (made.added, made.changed, made.vanished) == (0, 1, 1)


def test_a_query_and_chosen_columns_are_read(factory: Factory, server: Server) -> None:
    fill(server, range(1, 11))
    declare(factory, server, table=None, query="select id, 'a:b %s' as note from orders where item like '订单%' and id > 5;")
    assert factory.collect().added == 5
    assert set(factory.live()["note"]) == {"a:b %s"}
    other = Factory(factory.root / "other")
    declare(other, server, columns=["item"], set={"shop": "north"})
    if server.kind == "sqlite":
        (other.root / "shop.db").write_bytes((factory.root / "shop.db").read_bytes())
    assert other.collect().added == 10
    assert [name for name in other.live().columns if name[0] != "_"] == ["id", "item", "shop"]


def test_with_a_cursor_only_what_is_new_is_read_and_equal_values_are_neither_lost_nor_doubled(factory: Factory, server: Server) -> None:
    fill(server, range(1, 11), updated="{n} / 4")
    declare(factory, server, cursor="updated", batch=3)
    assert factory.collect().added == 10
    assert factory.collect().unchanged
    assert pieces(factory) == 1
    server.run("insert into orders select 20, '同时', max(updated) from orders")
    made = factory.collect()
    assert (made.added, made.changed, made.live) == (1, 0, 11)
    server.run("update orders set item = '改', updated = 90 where id in (1, 20)", "insert into orders values (21, '再', 91)")
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (1, 2, 0, 12)
    server.run("update orders set item = '又改' where id = 21", "delete from orders where id = 2")
    made = factory.collect()
    assert (made.added, made.changed, made.live) == (0, 1, 12), "at the boundary, a row with another content comes again"
    assert factory.collect().unchanged
    assert sorted(factory.live().filter(pl.col("updated") >= 90)["item"]) == ["又改", "改", "改"]
    assert factory.live().height == 12


TYPES = {
    "sqlite": "create table orders (id integer primary key, n integer, f real, t text, b blob, empty text)",
    "postgres_server": (
        "create table orders (id bigint primary key, price numeric(10,2), big numeric, at timestamptz, plain timestamp, d date, b bytea,"
        " doc jsonb, tags text[], nums int[], span interval, u uuid, ok bool, f float4, t time, huge numeric(38,0), empty int)"
    ),
    "mariadb_server": (
        "create table orders (id bigint unsigned primary key, price decimal(10,2), big decimal(65,2), at timestamp(6) null,"
        " plain datetime(6), d date, b blob, doc json, span time, f double, huge decimal(38,0), empty int) charset utf8mb4"
    ),
}
BIG = "123456789012345678901234567890123456789012345.25"
HUGE = "9" * 38
TOKYO = datetime(2020, 1, 1, 18, 4, 5, 123456, UTC)
COMMON = {
    "price": Decimal("1.50"),
    "big": BIG,
    "at": TOKYO,
    "plain": datetime(2020, 1, 2, 3, 4, 5, 6),
    "d": date(2020, 2, 29),
    "b": b"\x00\xff",
    "doc": '{"a": 1.10000000000000000001}',
    "huge": Decimal(HUGE),
    "empty": None,
}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "sqlite": ("(1, 9223372036854775807, 0.1, '订单', x'00ff', null)", {"n": 2**63 - 1, "f": 0.1, "t": "订单", "b": b"\x00\xff"}),
    "postgres_server": (
        f"(1, 1.5, {BIG}, '2020-01-02 03:04:05.123456+09', '2020-01-02 03:04:05.000006', '2020-02-29', '\\x00ff',"
        " '{\"a\": 1.10000000000000000001}', '{a,NULL}', '{1,2}', '1 month 2 days', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',"
        f" true, 0.1, '24:00:00', {HUGE}, null)",
        COMMON
        | {"tags": ["a", None], "nums": [1, 2], "span": "1 mon 2 days", "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}
        | {"ok": True, "f": 0.1, "t": "24:00:00"},
    ),
    "mariadb_server": (
        f"(18446744073709551615, 1.5, {BIG}, '2020-01-02 03:04:05.123456', '2020-01-02 03:04:05.000006', '2020-02-29', x'00ff',"
        f" '{{\"a\": 1.10000000000000000001}}', '-30:00:01', 0.1, {HUGE}, null)",
        COMMON | {"span": "-30:00:01", "f": 0.1},
    ),
}


@pytest.mark.parametrize("cursor", [None, "id"])
def test_values_land_as_they_are(factory: Factory, server: Server, request: pytest.FixtureRequest, cursor: str | None) -> None:
    kind = request.node.callspec.params["server"]
    server.run(TYPES[kind], f"insert into orders values {ROWS[kind][0].replace('%', '%%')}")
    width = TYPES[kind].count(",") - TYPES[kind].count("(10,2)") - TYPES[kind].count("(38,0)") - TYPES[kind].count("(65,2)")
    server.run(f"insert into orders values (0{', null' * width})")
    declare(factory, server, cursor=cursor, batch=1)
    assert factory.collect().findings == {}
    rows = factory.live().sort("id")
    assert {name: rows.row(1, named=True)[name] for name in ROWS[kind][1]} == ROWS[kind][1]
    assert all(value is None for name, value in rows.row(0, named=True).items() if name in ROWS[kind][1])
    assert factory.collect().unchanged


def test_columns_of_sqlite_whose_first_values_are_empty_or_whole(factory: Factory, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    if server.kind != "sqlite":
        pytest.skip("the others say their types")
    monkeypatch.setattr("lakehouse.reserve.connectors.sql.PIECE_BYTES", 1)
    server.run("create table orders (id integer primary key, late, price numeric, doc text)")
    server.run("insert into orders values (1, null, 2, null), (2, null, 2.5, null), (3, 'x', 3, '[1]')")
    declare(factory, server, batch=1)
    factory.collect()
    assert factory.live().sort("id").select("late", "price").rows() == [(None, 2.0), (None, 2.5), ("x", 3.0)]
    assert factory.collect().unchanged
    server.run("insert into orders values (4, 17, 1, null)")
    with pytest.raises(SourceError, match=r"#orders: column `late` holds text and int(.|\n)*cast\(late as text\)"):
        factory.collect()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"table": "order"}, "cannot be read: .*order"),
    ({"order": ["idd"]}, r"#orders: has no column `idd`(.|\n)*`id`"),
    ({"columns": ["items"]}, r"has no column `items`"),
    ({"order": ["updated"]}, r"several rows have the same `updated`(.|\n)*identify rows"),
    ({"order": ["item"]}, r"`item` is null in some rows(.|\n)*`query:`"),
    ({"cursor": "item"}, r"`item` is null in some rows"),
    ({"table": None, "query": "select id, item as id from orders"}, "two columns|Duplicate column|`id`|ambiguous"),
    ({"table": None, "query": "selec 1"}, "cannot be read: .*syntax"),
    ({"table": None, "query": "delete from orders"}, "cannot be read"),
    ({"cursor": "updated", "key": "content"}, r"rows that come again replace(.|\n)*`key: \[...\]`"),
]


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_what_goes_wrong_is_one_message_and_nothing_is_written(
    factory: Factory, server: Server, changes: dict[str, Any], words: str
) -> None:
    if server.kind == "sqlite" and "as id" in (changes.get("query") or ""):
        pytest.skip("SQLite gives the second column a name of its own")
    fill(server, range(1, 11), updated="1")
    server.run("insert into orders values (11, null, 2)")
    declare(factory, server, **changes)
    with pytest.raises((SourceError, SpecError), match=words):
        factory.collect()
    assert not factory.project.table("bronze", "shop").exists()
    with server.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from orders").scalar() == 11


def test_passwords_stay_secret_and_hosts_that_are_not_there_are_named(
    factory: Factory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.kind == "sqlite":
        factory.declare(connector={"sql": {"url": "sqlite:///other.db", "table": "orders", "order": ["id"]}})
        with pytest.raises(SourceError, match=r"sqlite:///other.db: no file other.db"):
            factory.collect()
        return
    fill(server, range(1, 3))
    declare(factory, server)
    factory.collect()
    held = [file for file in factory.root.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]
    assert held == []
    for url, words in {
        server.url.replace("${DB_PASSWORD}", "s3cret"): r"`url` holds a password",
        server.url.replace("${DB_PASSWORD}", "s3cret${DB_PASSWORD}"): r"`url` holds a password",
    }.items():
        declare(factory, server, url=url)
        with pytest.raises(SpecError, match=words) as caught:
            feed(factory.project, "shop")
        assert "s3cret" not in str(caught.value)
    monkeypatch.setenv("DB_PASSWORD", "wrong-s3cret")
    declare(factory, server)
    with pytest.raises(SourceError, match=r"cannot be opened: .*(authentication failed|denied)(.|\n)*credentials") as refused:
        factory.collect()
    assert "s3cret" not in str(refused.value)
    declare(factory, server, url=server.url.split("@")[0] + "@127.0.0.1:9/shop")
    with pytest.raises(SourceError, match=r"127.0.0.1:9/shop: cannot be opened: .*refused"):
        factory.collect()
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(SourceError, match="DB_PASSWORD is not set"):
        factory.collect()
    monkeypatch.setenv("SHOP_URL", server.url.replace("${DB_PASSWORD}", "p%40ss%2Fw%3Ard"))
    declare(factory, server, url="${SHOP_URL}")
    assert factory.collect().live == 2


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no address", "`url` is no address of a database"),
        ("fish://host/db", "no database `fish` is known here"),
        ("mysql+oursql://host/db", "no database `mysql"),
        ("mysql+mysqldb://host/db", "the driver `MySQLdb`"),
        ("postgresql+psycopg://host/db?password=x", "is a credential"),
    ],
)
def test_addresses_that_are_none(factory: Factory, url: str, words: str) -> None:
    factory.declare(connector={"sql": {"url": url, "table": "orders", "order": ["id"]}}, key=["id"])
    with pytest.raises(SpecError, match=words):
        factory.collect()


def test_a_driver_that_is_missing_names_the_extra(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    factory.declare(connector={"sql": {"url": "mysql+pymysql://host/db", "table": "orders", "order": ["id"]}})
    with pytest.raises(MissingExtraError, match=r"install the extra `sql`"):
        factory.collect()


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect as module
from lakehouse.reserve.connectors import sql

sql.PIECE_BYTES = 4000
after, where = int(sys.argv[2]), sys.argv[3]
parts = 0

def progress(what, done, total):
    global parts
    parts += "rows" in what
    if where == "rows" and parts == after:
        os.kill(os.getpid(), signal.SIGKILL)

if where == "read":
    module.CollectedRows.frames = lambda self: os.kill(os.getpid(), signal.SIGKILL)
module.collect(Project.open(Path(sys.argv[1])), "shop", progress=progress)
"""


@pytest.mark.parametrize("cursor", [None, "updated"])
@pytest.mark.slow
def test_three_kills_at_random_lose_nothing_and_land_nothing_twice(
    factory: Factory, server: Server, cursor: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.reserve.connectors.sql.PIECE_BYTES", 40_000)
    fill(server, range(1, 2001), updated="{n} / 7")
    declare(factory, server, batch=50, cursor=cursor)
    generator = random.Random(11)
    for where in ("rows", "rows", "rows"):
        killed(KILLED, factory.root, generator.randint(4, 12), where)
    assert pieces(factory) > 5
    made = factory.collect()
    assert (made.added, made.findings) == (2000, {})
    assert sorted(factory.live()["id"]) == list(range(1, 2001))
    assert landed_rows(factory, server) == 2000
    clean = Factory(factory.root / "clean")
    declare(clean, server, batch=50, cursor=cursor)
    if server.kind == "sqlite":
        (clean.root / "shop.db").write_bytes((factory.root / "shop.db").read_bytes())
    assert collect(clean.project, "shop").content_id == made.content_id


def landed_rows(factory: Factory, server: Server) -> int:
    remote: Any = feed(factory.project, "shop")
    landing = Landing(factory.project, "shop", remote.identity, remote.grows)
    total = 0
    for piece in landing.pieces:
        with landing.open(piece) as handle:
            total += pl.read_parquet(handle.read()).height
    return total


def test_a_connection_that_ends_and_a_table_that_goes_are_one_message_and_what_came_stays(
    factory: Factory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.kind == "sqlite":
        pytest.skip("a file has no server")
    monkeypatch.setattr("lakehouse.reserve.connectors.sql.PIECE_BYTES", 40_000)
    fill(server, range(1, 60_001))
    declare(factory, server, batch=100)
    ended = False

    def end(what: str, done: int, total: int | None) -> None:
        nonlocal ended
        if "rows" in what and done >= 10_000 and not ended:
            ended = True
            others = {
                "postgresql": "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'shop' and pid <> pg_backend_pid()",
                "mariadb": "select id from information_schema.processlist where user = 'shop' and id <> connection_id()",
            }
            with server.engine.begin() as connection:
                found = connection.exec_driver_sql(others[server.kind]).scalars().all()
                assert found
                if server.kind == "mariadb":
                    for each in found:
                        connection.exec_driver_sql(f"kill {each}")

    with pytest.raises(SourceError, match=r"cannot be read: .*(terminat|Lost|lost|closed|kill)(.|\n)*what has come is kept"):
        collect(factory.project, "shop", progress=end)
    came = pieces(factory)
    assert came > 3
    server.run("alter table orders rename to elsewhere")
    with pytest.raises(SourceError, match=r"cannot be read: .*orders"):
        factory.collect()
    server.run("alter table elsewhere rename to orders")
    assert factory.collect().added == 60_000
    assert landed_rows(factory, server) == 60_000


def test_columns_that_change_are_told_before_anything_lands(factory: Factory, server: Server) -> None:
    fill(server, range(1, 11))
    declare(factory, server, cursor="updated")
    factory.collect()
    server.run("alter table orders add more integer", "insert into orders values (11, 'x', 11, 1)")
    with pytest.raises(SourceError, match=r"the columns are \[.*'more'\], and were \[(.|\n)*`columns:`"):
        factory.collect()
    declare(factory, server, cursor="updated", columns=["item"])
    assert factory.collect().added == 1
    if server.kind != "sqlite":
        change = "type varchar(20) using updated::varchar" if server.kind == "postgresql" else "varchar(20) not null"
        server.run(f"alter table orders {'alter' if server.kind == 'postgresql' else 'modify'} updated {change}")
        with pytest.raises(SourceError, match=r"column `updated` holds int and text(.|\n)*cast|operator does not exist"):
            factory.collect()
        assert factory.live().height == 11


def test_one_read_is_one_snapshot(factory: Factory, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    if server.kind == "sqlite":
        pytest.skip("a reader keeps writers out")
    fill(server, range(1, 20_001))
    declare(factory, server, batch=100)
    changed = False

    def change(what: str, done: int, total: int | None) -> None:
        nonlocal changed
        if "rows" in what and not changed:
            changed = True
            server.run("update orders set item = '后来' where id > 10000", "delete from orders where id = 15000")

    assert collect(factory.project, "shop", progress=change).added == 20_000
    assert "后来" not in set(factory.live()["item"])
    made = factory.collect()
    assert (made.changed, made.vanished) == (9_999, 1)


MEASURED = """
import re, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.landing.landing import Landing
from lakehouse.reserve.source import feed
import sqlalchemy, psycopg, pymysql

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

project = Project.open(Path(sys.argv[1]))
remote = feed(project, "shop")
landing = Landing(project, "shop", remote.identity, remote.grows)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = memory("VmRSS")
remote.fetch(landing, lambda *given: None)
print(memory("VmHWM") - before)
"""


def test_two_hundred_thousand_rows_are_read_in_bounded_memory(factory: Factory, server: Server) -> None:
    fill(server, range(1, 1001))
    cross = "select a.id + 1000 * b.id - 1000, {0}, b.id from orders a, orders b where b.id between 2 and 200"
    long = "replace(hex(zeroblob(400)), '00', '长')" if server.kind == "sqlite" else "repeat('长', 400)"
    text = f"a.item || {long}" if server.kind == "sqlite" else f"concat(a.item, {long})"
    server.run("insert into orders " + cross.format(text))
    declare(factory, server)
    done = subprocess.run([sys.executable, "-c", MEASURED, str(factory.root)], capture_output=True, check=True, env={**os.environ})
    assert int(done.stdout) < 200 * 1024, "KB; the texts alone are 240 MB"
    assert landed_rows(factory, server) == 200_000
