"""Erasing: the token is nowhere, everything else is where it was, and it does not come back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import LockedError, MaintenanceError, NotFoundError, SpecError
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import locked
from lakehouse.core.storage import packs
from lakehouse.governance import audit
from lakehouse.operations.erasure.erase import erase, plan, resume, unfinished
from lakehouse.operations.erasure.requests import requests
from lakehouse.operations.maintenance.archive import archive, restore, verify
from lakehouse.operations.maintenance.tiers import tier
from tests.factory import Factory
from tests.operations.erasure.bytes_of import places_of, rows_of_versions, texts
from tests.operations.erasure.factory import AUGMENT, TOKEN, new_notes, plant, planted, planted_notes

STORAGE = {"locations": ["cold/0", "cold/1"], "replicas": 2, "cold_after_days": 0, "pack_at_least": 1}


def kept(rows: pl.DataFrame, ids: list[str]) -> pl.DataFrame:
    """The rows that stem from none of `ids`."""
    return rows if rows.is_empty() else rows.filter(~pl.col("_row_id").str.replace(r"(#.*)$", "").is_in(ids))


def in_packs(project: Project, token: str) -> list[str]:
    """Names of packed files that hold a token, also of those that are forgotten."""
    found = []
    for packed in packs.register(project).values():
        for item in packed.manifest.items if packed.state == "packed" else ():
            shards = packs.Shards(project, packed.manifest)
            data = b"".join(shards.read(item.offset, item.size, frozenset()))
            if any(token in text for text in texts(item.name, data)):
                found.append(item.name)
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions with variants, the first archived; its data file and the oversized item in cold packs."""
    factory = new_notes(tmp_path_factory.mktemp("planted"), augment=AUGMENT)
    factory.write("lakehouse.yaml", yaml.safe_dump({"storage": STORAGE}))
    factory.made()
    rows = planted_notes()
    rows[40] = {**rows[40], "text": f"{rows[40]['text']}后来改过。"}
    plant(factory, rows)
    factory.made()
    factory.declare([{"text_length": {"column": "text", "at_least": 2, "at_most": 400}}], augment=AUGMENT)
    factory.made()
    archive(factory.project, "notes", "1.0.0", "unused", "li")
    tier(factory.project)
    return factory.root


@pytest.fixture
def factory(template: Path, tmp_path: Path) -> Factory:
    subprocess.run(["cp", "-a", f"{template}/.", str(tmp_path)], check=True)
    _moved(template, tmp_path)
    return Factory(tmp_path)


def _moved(old: Path, new: Path) -> None:
    """Write the register of versions anew: it has the place of an archive as an absolute one."""
    table = Table(str(new / "lake/system/versions"))
    rows = table.read().with_columns(pl.col("payload").str.replace_all(str(old), str(new), literal=True))
    subprocess.run(["rm", "-r", table.uri], check=True)
    table.write(rows, "append")


def test_a_row_is_gone_from_every_byte_and_every_version_and_the_others_are_not(factory: Factory) -> None:
    project, lake, ids = factory.project, Path(factory.project.lake), planted(factory)
    assert len(ids) == 4
    before = rows_of_versions(lake)
    holders = {name.split("/")[0] for name in places_of(lake, TOKEN)}
    assert holders == {"bronze", "silver", "gold"}
    assert {name.split("/")[0] for name in in_packs(project, TOKEN)} == {"blobs", "archive"}
    first = versions.find(project, "notes", "1.0.0")
    held = versions.index(project, first).collect()

    done = erase(project, "notes", ids, "asked by mail", "gdpr-17", "li")

    assert (done.state, done.rows) == ("done", 4)
    assert (places_of(factory.root / "archive", TOKEN), places_of(factory.root / "cold", TOKEN)) == ([], [])
    assert in_packs(project, TOKEN) == []
    assert places_of(lake, TOKEN) == []
    assert places_of(lake, "notes/0900") == [], "its id is as personal as its text"
    after = rows_of_versions(lake)
    for name, tables in before.items():
        assert [kept(rows, ids).equals(now) for rows, now in zip(tables, after[name], strict=True)] == [True] * len(tables), name
    for version in versions.versions(project, "notes"):
        assert version.erased is not None
        lost = sum(version.manifest["rows"].values()) - sum(version.held_rows.values())
        assert version.erased["rows"] == lost > 0
        assert version.erased["requests"] == [done.request]
        assert version.held_content != version.content_id

    known = versions.find(project, "notes", "1.0.0").archived
    assert known is not None
    restore(project, "notes", "1.0.0", "li")
    verify(project, versions.find(project, "notes", "1.0.0"), known["place"])
    now = versions.rows(project, versions.find(project, "notes", "1.0.0")).select(held.columns).sort("_row_id").collect()
    assert now.equals(kept(held, ids).sort("_row_id"))
    assert places_of(lake, TOKEN) == []


def test_it_does_not_come_back_and_is_counted(factory: Factory) -> None:
    project, ids = factory.project, planted(factory)
    erase(project, "notes", ids, "asked by mail", "pipl-47", "li")
    again = factory.collect()
    assert (again.unchanged, again.live, again.erased) == (True, 40, 4)
    rows = planted_notes()
    rows[0] = {**rows[0], "text": "另一句话，和从前不同。"}
    plant(factory, rows)
    again, (_, made) = factory.collect(), factory.made()
    assert (again.live, again.changed, again.vanished, again.erased) == (40, 1, 0, 4)
    assert (made.made, made.rows) == (True, factory.rows("gold").height)
    assert places_of(Path(project.lake), TOKEN) == []
    assert made.balance[0].holds
    assert erase(project, "notes", ids, "asked again", "gdpr-17", "li").state == "nothing"
    assert len(requests(project)) == 1


def test_what_happened_is_recorded_without_the_row(factory: Factory) -> None:
    project, ids = factory.project, planted(factory)
    done = erase(project, "notes", ids, "asked by mail", "gdpr-17", "li")
    (said,) = requests(project)
    assert (said.state, said.by, said.basis, said.rows, said.request) == ("done", "li", "gdpr-17", 4, done.request)
    assert [(v["label"], v["rows"]) for v in said.versions] == [(v.label, v.rows) for v in done.versions]
    assert [entry["outcome"] for entry in audit.entries(project, "li").to_dicts() if entry["action"] == "erase"] == ["granted", "done"]
    assert audit.verify(project) == []
    shown = CliRunner().invoke(cli, ["row", "erasures", "--json"], env={"LAKEHOUSE_PROJECT": str(factory.root)})
    assert json.loads(shown.output)[0]["request"] == done.request


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.operations.erasure import answers, affected_tables, archives, bytes, erase, gold, history, requests
from lakehouse.core.project import Project
module, name, within, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
owner, calls = globals()[module], [0]
real = getattr(owner, name)
def dying(*given, **named):
    calls[0] += any(within in str(each) for each in given)
    if calls[0] == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
setattr(owner, name, dying)
erase.erase(Project.open(Path.cwd()), "notes", sys.argv[5:], "asked by mail", "gdpr-17", "li")
"""
KILLS = [("history", "_put_whole", "gold/notes", 2), ("history", "_put_whole", "silver/notes", 1), ("history", "_put_whole", "bronze", 2)]
KILLS += [("archives", "put", "", 1), ("gold", "note", "", 1), ("erase", "_note_live", "", 1)]


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name", "within", "number"), KILLS, ids=lambda value: str(value))
def test_killed_at_any_moment_it_is_finished_by_the_next(factory: Factory, module: str, name: str, within: str, number: int) -> None:
    project, lake, ids = factory.project, Path(factory.project.lake), planted(factory)
    before = rows_of_versions(lake)
    command = [sys.executable, "-c", KILLED, module, name, within, str(number), *ids]
    done = subprocess.run(command, cwd=factory.root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half = rows_of_versions(lake)
    for table, states in before.items():
        for rows, now in zip(states, half[table], strict=True):
            assert kept(rows, ids).equals(kept(now, ids)), "a kill takes no other row, and doubles none"
    (open_,) = unfinished(project)
    with pytest.raises(LockedError, match=f"the erasure {open_.request}"):
        factory.collect()
    assert resume(project) == (open_.request,)
    assert (places_of(lake, TOKEN), places_of(factory.root / "archive", TOKEN), in_packs(project, TOKEN)) == ([], [], [])
    after = rows_of_versions(lake)
    for table, states in before.items():
        assert [kept(rows, ids).equals(now) for rows, now in zip(states, after[table], strict=True)] == [True] * len(states), table
    assert [version.erased is not None for version in versions.versions(project, "notes")] == [True] * 3
    assert (factory.collect().live, factory.made()[1].rows > 0) == (40, True)


def test_mistakes_are_one_message(factory: Factory) -> None:
    project, ids = factory.project, planted(factory)

    def run(*given: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["row", "erase", *given], env={"LAKEHOUSE_PROJECT": str(factory.root)})
        return done.exit_code, f"{done.output}{done.exception}"

    before = rows_of_versions(Path(project.lake))
    for given, kind, words in (
        (("notes", "nobody", "--reason", "x", "--yes"), NotFoundError, "source notes has no row `notes/nobody`"),
        (("nots", "0900", "--reason", "x", "--yes"), NotFoundError, "no source `nots`"),
        (("notes", "0900#0", "--reason", "x", "--yes"), NotFoundError, "erase the row it stems from: notes/0900"),
        (("notes", "--where", "text LIKE", "--reason", "x", "--yes"), SpecError, "--where cannot be understood"),
        (("notes", "--where", "colour = 'red'", "--reason", "x", "--yes"), SpecError, "over the columns id, text, label"),
        (("notes", "0900", "--yes"), MaintenanceError, "a reason is needed"),
    ):
        code, said = run(*given)
        assert code != 0
        assert words in said.replace("\n", " "), (kind, said)
    with locked(project, "dataset notes"):
        held = [sys.executable, "-m", "lakehouse.cli", "row", "erase", "notes", "0900", "--reason", "x", "--yes"]
        done = subprocess.run(held, cwd=factory.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("Traceback")) == (3, 0)
    assert "dataset notes is being made by process" in done.stderr
    assert all(
        a.equals(b) for name, states in before.items() for a, b in zip(states, rows_of_versions(Path(project.lake))[name], strict=True)
    )
    assert (requests(project), plan(project, "notes", ids).rows) == ([], 4)


def test_rows_by_a_condition_and_a_dry_run(factory: Factory) -> None:
    project = factory.project

    def run(*given: str) -> dict[str, object]:
        done = CliRunner().invoke(cli, ["row", "erase", "notes", *given, "--json"], env={"LAKEHOUSE_PROJECT": str(factory.root)})
        assert done.exit_code == 0, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found

    planned = run("--where", f"text LIKE '%{TOKEN}%'", "--dry-run")
    assert (planned["state"], planned["rows"]) == ("planned", 2)
    assert requests(project) == []
    done = run("--where", f"text LIKE '%{TOKEN}%'", "--reason", "asked", "--yes")
    assert (done["state"], done["rows"], done["tables"]) == ("done", 2, planned["tables"])
    left = planted(factory)
    assert len(left) == 2, "what could not be read has no columns to meet a condition with"
