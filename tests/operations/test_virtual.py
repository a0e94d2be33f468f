"""Sources that stay where they are: the same rows, identities and versions as of a copy, and no value of theirs in bronze."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from lakehouse.cli import cli
from lakehouse.core.errors import SourceError, SpecError
from lakehouse.governance.access.door import read
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import live_rows
from lakehouse.reserve.discovery.discover import discover_source
from lakehouse.reserve.screening.screen import detections, screen
from tests.factory import Factory, new_factory
from tests.reserve.conftest import killed
from tests.reserve.database_servers import PASSWORD, postgresql
from tests.reserve.test_delta_sharing import Sharing, sharing  # noqa: F401 - a fixture

RECIPE: list[Any] = [
    {"text_length": {"column": "text", "at_least": 8}},
    {"dedup_exact": {"columns": ["text"]}},
]
TOKEN = "zq7Vx"
"""Stands in every text, and nowhere else."""


def made_up(first: int, count: int, word: str = "first") -> pl.DataFrame:
    texts = [f"{TOKEN} {word} 第{n // 2}条笔记" if n % 5 else "kurz" for n in range(first, first + count)]
    return pl.DataFrame({"id": [f"n{n:04}" for n in range(first, first + count)], "text": texts, "label": "a"})


@dataclass
class Origin:
    """Material elsewhere: how it is declared, and how it becomes what `rows` say."""

    connector: dict[str, Any]
    set_to: Callable[[pl.DataFrame], None]


def _parquet(folder: Path) -> Origin:
    folder.mkdir()

    def set_to(rows: pl.DataFrame) -> None:
        for number, part in enumerate(rows.iter_slices(40)):
            part.write_parquet(folder / f"{number}.parquet")

    return Origin(connector={"files": {"path": str(folder)}}, set_to=set_to)


def _jsonl(folder: Path) -> Origin:
    folder.mkdir()
    return Origin(connector={"files": {"path": str(folder)}}, set_to=lambda rows: rows.write_ndjson(folder / "rows.jsonl"))


def _delta(folder: Path) -> Origin:
    def set_to(rows: pl.DataFrame) -> None:
        had = set(pl.read_delta(str(folder))["id"]) if folder.exists() else set()
        fresh = rows.filter(~pl.col("id").is_in(list(had)))
        if had:
            DeltaTable(folder).delete(f"id NOT IN ({', '.join(repr(i) for i in rows['id'])})")
            changed = rows.filter(pl.col("id").is_in(list(had))).to_arrow(compat_level=pl.CompatLevel.oldest())
            merging = DeltaTable(folder).merge(changed, "t.id = s.id AND t.text <> s.text", source_alias="s", target_alias="t")
            merging.when_matched_update_all().execute()
        write_deltalake(folder, fresh.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append", partition_by=["label"])

    return Origin(connector={"delta": {"url": str(folder)}}, set_to=set_to)


def _database(url: str, engine: sa.Engine) -> Origin:
    def set_to(rows: pl.DataFrame) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("drop table if exists remarks"))
            connection.execute(sa.text("create table remarks (id varchar(20) primary key, text varchar(200), label varchar(20))"))
            connection.execute(sa.text("insert into remarks values (:id, :text, :label)"), rows.to_dicts())

    return Origin(connector={"sql": {"url": url, "table": "remarks", "order": ["id"]}}, set_to=set_to)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    with postgresql() as server:
        yield server


@pytest.fixture(params=["parquet", "jsonl", "delta", "sqlite", "postgres", "sharing"])
def origin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    folder = tmp_path_factory.mktemp("elsewhere") / "rows"
    if request.param == "sqlite":
        sqlite3.connect(folder).close()
        yield _database(f"sqlite:///{folder}", sa.create_engine(f"sqlite:///{folder}", poolclass=sa.NullPool))
    elif request.param == "postgres":
        monkeypatch.setenv("DB_PASSWORD", PASSWORD)
        server = request.getfixturevalue("postgres")
        yield _database(server.url, server.engine)
    elif request.param == "sharing":
        state: Sharing = request.getfixturevalue("sharing")
        state.table = folder
        shared = {"table": "shop.sales.orders", "endpoint": f"{state.url}/api", "token": "${SHARING_TOKEN}", "retries": 0}
        yield Origin(connector={"delta_sharing": shared}, set_to=_delta(folder).set_to)
    else:
        yield {"parquet": _parquet, "jsonl": _jsonl, "delta": _delta}[request.param](folder)


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    return new_factory(tmp_path / "factory", RECIPE)


def declare(factory: Factory, origin: Origin, mode: str, **changes: Any) -> None:
    factory.declare_source(connector=origin.connector, mode=mode, **changes)


def held(root: Path) -> list[str]:
    """Files below a folder in which TOKEN stands, as bytes or as a value of Parquet."""
    found = []
    for file in root.rglob("*"):
        if not file.is_file():
            continue
        said = file.read_bytes()
        if file.suffix == ".parquet" or said[:4] == b"PAR1":
            said += json.dumps(pl.read_parquet(file).to_dicts(), default=str).encode()
        if TOKEN.encode() in said:
            found.append(str(file.relative_to(root)))
    return found


def identities(factory: Factory) -> list[Any]:
    collected = factory.project.table("system", "collections").read().sort("at").row(-1, named=True)
    return [collected["content_id"], collected["live"], factory.rows("gold").to_dicts(), factory.rows("silver", "notes_fates").to_dicts()]


def test_rows_versions_and_fates_are_those_of_a_copy_and_changes_flow(factory: Factory, origin: Origin, tmp_path: Path) -> None:
    copy = new_factory(tmp_path / "copy", RECIPE)
    declare(factory, origin, "virtual")
    declare(copy, origin, "collected")
    changed = pl.concat([made_up(0, 30), made_up(30, 10, "changed"), made_up(60, 60)])
    for rows in (made_up(0, 100), changed, changed):
        origin.set_to(rows)
        ours, theirs = factory.made(), copy.made()
        assert identities(factory) == identities(copy)
        assert ours[1].version == theirs[1].version
        assert ours[0].measured == theirs[0].measured
    assert ours[1].unchanged
    assert held(factory.root / "lake" / "bronze") == held(factory.root / "lake" / "landing") == []
    assert held(copy.root / "lake" / "bronze") or held(copy.root / "lake" / "landing")


def test_values_are_read_where_they_stand_through_one_name(factory: Factory, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(factory, origin, "virtual", screening=["hidden_text"])
    rows = made_up(0, 60).with_columns(pl.when(pl.col("id") == "n0003").then(pl.col("text") + "\u202e").otherwise("text").alias("text"))
    origin.set_to(rows)
    factory.collect()
    stored = bronze.table(factory.project, "notes").read()
    assert stored.height == 60
    assert stored.select("id", "text", "label", "_raw", "_blob").null_count().row(0) == (60,) * 5
    found = live_rows(factory.project, "notes", ["id", "text", "label"]).collect().sort("id")
    assert found.select("id", "text", "label").equals(rows)
    few = live_rows(factory.project, "notes", ["text"]).filter(pl.col("_row_id").str.ends_with("n0007")).select("text").collect()
    assert few["text"].to_list() == [rows["text"][7]]
    screened = screen(factory.project, "notes")
    assert screened is not None
    assert screened.flagged == 1
    factory.write(
        "assets/access.yaml",
        "purposes: {training: Models.}\nroles:\n  r: {principals: [li], purposes: [training], ceiling: core,"
        " read: [{table: 'bronze/*', masks: {text: hash}}]}\n",
    )
    monkeypatch.setenv("LAKEHOUSE_MASK_KEY", "a key that is long enough")
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    seen = read("bronze/notes", "li", "training")
    assert seen.height == 60
    assert TOKEN not in str(seen["text"].to_list())


def test_what_changed_since_it_was_indexed_is_said_and_nothing_is_made(factory: Factory, origin: Origin) -> None:
    declare(factory, origin, "virtual")
    origin.set_to(made_up(0, 50))
    factory.made()
    before = factory.rows("silver")
    origin.set_to(pl.concat([made_up(0, 50), made_up(70, 20)]))
    factory.collect()
    origin.set_to(pl.concat([made_up(0, 50), made_up(70, 20, "other")]))
    with pytest.raises(SourceError, match=r"of the virtual source notes are not there as they were indexed(.|\n)*lakehouse collect notes"):
        factory.silver()
    assert factory.rows("silver").equals(before)
    factory.made()
    assert factory.rows("silver").filter(pl.col("text").str.contains("other")).height == 10


_KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import batches, collect as module

own = batches.Batches._digested
calls = 0

def digested(self, held):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return own(self, held)

batches.Batches._digested = digested
module.collect(Project.open(Path(sys.argv[1])), "notes", batch_bytes=512)
"""


@pytest.mark.parametrize("kind", ["parquet", "delta", "sqlite"])
def test_killed_while_it_indexes_it_is_complete_and_exact_afterwards(factory: Factory, tmp_path: Path, kind: str) -> None:
    base = f"sqlite:///{tmp_path / 'base'}"
    origin = {
        "parquet": partial(_parquet, tmp_path / "rows"),
        "delta": partial(_delta, tmp_path / "rows"),
        "sqlite": lambda: _database(base, sa.create_engine(base, poolclass=sa.NullPool)),
    }[kind]()
    declare(factory, origin, "virtual")
    origin.set_to(made_up(0, 100))
    for call in (1, 2, 3) if kind == "parquet" else (1, 1, 1):  # the others come in one batch
        killed(_KILLED, factory.root, call)
        assert not bronze.table(factory.project, "notes").exists()
    made = factory.collect()
    assert (made.added, made.live) == (100, 100)
    assert factory.collect().unchanged


@pytest.mark.parametrize(
    ("connector", "changes", "problem"),
    [
        ({"http": {"files": [{"url": "http://127.0.0.1:9/x.csv"}]}}, {}, r"notes.yaml:\d+: what `http` reads is kept nowhere"),
    ],
)
def test_what_cannot_stay_where_it_is_is_refused(
    factory: Factory, connector: dict[str, Any], changes: dict[str, Any], problem: str
) -> None:
    factory.declare_source(connector=connector, mode="virtual", **changes)
    with pytest.raises(SpecError, match=problem):
        factory.collect()


def test_archives_and_cursors_are_refused(factory: Factory, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "base").close()
    moving = {"sql": {"url": f"sqlite:///{tmp_path / 'base'}", "table": "t", "order": ["id"], "cursor": "id"}}
    factory.declare_source(connector=moving, mode="virtual")
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: a virtual source of a database is read as a whole(.|\n)*leave `cursor:` out"):
        factory.collect()
    factory.write("raw/notes.zip", "PK")
    factory.declare_source(connector={"files": {"path": "raw/notes.zip"}}, mode="virtual")
    with pytest.raises(SourceError, match="an archive is unpacked to be read"):
        factory.collect()


def test_a_table_of_a_database_that_is_dropped_is_one_message(factory: Factory, tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'base'}", poolclass=sa.NullPool)
    origin = _database(f"sqlite:///{tmp_path / 'base'}", engine)
    origin.set_to(made_up(0, 20))
    declare(factory, origin, "virtual")
    factory.collect()
    with engine.begin() as connection:
        connection.execute(sa.text("drop table remarks"))
    with pytest.raises(SourceError, match=r"no such table: remarks(.|\n)*run it again$"):
        factory.silver()
    assert not factory.project.table("silver", "notes").exists()


def test_a_table_that_is_gone_is_one_message(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = _delta(tmp_path / "rows")
    declare(factory, origin, "virtual")
    origin.set_to(made_up(0, 20))
    factory.collect()
    (tmp_path / "rows").rename(tmp_path / "elsewhere")
    monkeypatch.chdir(factory.root)
    done = CliRunner().invoke(cli, ["run", "notes"])
    assert isinstance(done.exception, SourceError)
    assert "there is no such Delta table" in str(done.exception)
    assert not (factory.root / "lake" / "silver" / "notes").exists()


@pytest.mark.parametrize(("before", "after"), [("virtual", "collected"), ("collected", "virtual")])
def test_a_source_does_not_change_its_mode_under_its_name(factory: Factory, tmp_path: Path, before: str, after: str) -> None:
    origin = _parquet(tmp_path / "rows")
    declare(factory, origin, before)
    origin.set_to(made_up(0, 20))
    factory.made()
    held_before = bronze.table(factory.project, "notes").version()
    declare(factory, origin, after)
    factory.declare([{"text_length": {"column": "text", "at_least": 9}}])
    for run in (factory.collect, factory.silver, lambda: live_rows(factory.project, "notes", ["text"])):
        with pytest.raises(SpecError, match=rf"notes.yaml:\d+: bronze/notes is that of a {before} source(.|\n)*take `mode: {before}`"):
            run()
    assert bronze.table(factory.project, "notes").version() == held_before
    declare(factory, origin, before)
    assert factory.collect().unchanged
    factory.silver()
    assert factory.rows("silver").height == 16


def test_a_changed_source_can_be_looked_at_before_it_is_indexed_anew(factory: Factory, tmp_path: Path) -> None:
    origin = _parquet(tmp_path / "rows")
    declare(factory, origin, "virtual")
    origin.set_to(made_up(0, 40))
    factory.collect()
    assert {moved.verdict for moved in discover_source(factory.project, "notes").drift} == {"same", "too few rows"}
    origin.set_to(made_up(0, 40, "other"))
    found = discover_source(factory.project, "notes")
    assert found.drift == ()
    assert any("not there any more" in note for note in found.notes)


def test_items_over_the_limit_keep_their_finding_alone(factory: Factory, tmp_path: Path) -> None:
    origin = _parquet(tmp_path / "rows")
    declare(factory, origin, "virtual", max_item_bytes=2000)
    long = pl.DataFrame({"id": ["long"], "text": [TOKEN * 1000], "label": ["a"]})
    origin.set_to(pl.concat([made_up(0, 30), long]))
    assert factory.collect().findings == {"oversized": 1}
    assert held(factory.root / "lake") == []
    factory.silver()
    assert [rule for fate, _, rule in factory.fates().values() if fate == "quarantined"] == ["oversized"]
    assert held(factory.root / "lake" / "silver") != []


def test_detectors_of_bytes_that_are_not_kept_are_refused(factory: Factory, tmp_path: Path) -> None:
    declare(factory, _parquet(tmp_path / "rows"), "virtual", screening=["files"])
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: `files` looks at bytes of unreadable items"):
        detections(factory.project, "notes")
