"""The chain of the audit log: whatever is done to it is seen."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.hashing import digest
from lakehouse.core.labels.decisions import Decision
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import silent
from lakehouse.governance import audit
from lakehouse.governance.audit import SCHEMA, START, Head, broken
from lakehouse.operations.maintenance.compaction import MANY, compact
from lakehouse.operations.maintenance.lifecycle import reinstate, retire
from lakehouse.operations.repair import policies
from lakehouse.operations.repair.tickets import Ticket
from tests.factory import Factory, notes

WORDS = st.text(max_size=8)


def chain(said: list[tuple[str, str, int | None]]) -> list[dict[str, Any]]:
    """Entries as they are written, without a table."""
    log: list[dict[str, Any]] = []
    for principal, table, rows in said:
        entry: dict[str, Any] = dict.fromkeys(SCHEMA) | {"seq": len(log) + 1, "principal": principal, "table": table, "rows": rows}
        entry |= {"columns": [table], "previous": log[-1]["hash"] if log else START}
        log.append(entry | {"hash": digest({name: value for name, value in entry.items() if name != "hash"})})
    return log


CHAINS = st.lists(st.tuples(WORDS, WORDS, st.none() | st.integers(0, 10**6)), min_size=1, max_size=8).map(chain)


@given(CHAINS)
def test_what_was_written_holds(log: list[dict[str, Any]]) -> None:
    assert broken(log, [Head(0, START), *(Head(entry["seq"], entry["hash"]) for entry in log)]) == []


@given(CHAINS, st.data())
def test_a_changed_entry_is_seen(log: list[dict[str, Any]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    column = data.draw(st.sampled_from(["seq", "principal", "table", "rows", "columns", "outcome", "previous", "hash"]))
    value = {"seq": -1, "rows": -5, "columns": ["other"]}.get(column, "other than any word")
    log[at] = {**log[at], column: value}
    assert broken(log)
    if column not in ("hash", "previous", "seq"):  # whoever makes the hash fit breaks what follows, or the head
        head = Head(len(log), log[-1]["hash"])
        log[at]["hash"] = digest({name: value for name, value in log[at].items() if name != "hash"})
        assert broken(log, [head])


@given(CHAINS, st.data())
def test_a_removed_moved_added_or_cut_entry_is_seen(log: list[dict[str, Any]], data: st.DataObject) -> None:
    head = Head(len(log), log[-1]["hash"])
    at = data.draw(st.integers(0, len(log) - 1))
    assert broken([entry for entry in log if entry["seq"] != at + 1], [head])
    assert broken(log[:at], [head])
    assert broken([*log[: at + 1], log[at], *log[at + 1 :]], [head])
    other = data.draw(st.integers(0, len(log) - 1))
    if other != at:
        moved = list(log)
        moved[at], moved[other] = moved[other], moved[at]
        assert broken(moved, [head])
        renamed = [{**entry, "seq": place} for place, entry in enumerate(moved, 1)]
        assert broken(renamed, [head])


def write(project: Project, n: int, who: str = "ana") -> None:
    for _ in range(n):
        audit.record(project, principal=who, action="read", table="gold/notes", rows=1)


def tamper(project: Project, change: pl.Expr | None = None, keep: pl.Expr | None = None) -> None:
    rows = audit.table(project).read()
    rows = rows if change is None else rows.with_columns(change)
    audit.table(project).write(rows if keep is None else rows.filter(keep), "overwrite")


@pytest.fixture
def logged(notes_factory: Factory) -> Project:
    write(notes_factory.project, 4)
    return notes_factory.project


def test_a_log_that_nobody_touched_verifies(logged: Project, tmp_path: Path) -> None:
    assert audit.verify(logged) == []
    assert audit.entries(logged)["seq"].to_list() == [1, 2, 3, 4]
    head = json.loads((tmp_path / "lake" / "system" / "audit_head.json").read_text(encoding="utf-8"))
    assert head == {"seq": 4, "hash": audit.entries(logged)["hash"][-1]}


def test_the_chain_outlives_the_compaction_of_its_files(logged: Project) -> None:
    write(logged, MANY)
    assert [done.files_after for done in compact(logged, silent) if done.table == "system/audit"] == [1]
    write(logged, 2)
    assert audit.verify(logged) == []
    assert audit.entries(logged)["seq"].to_list() == list(range(1, MANY + 7))
    tamper(logged, keep=pl.col("seq") != 9)
    assert "entry 10 is in the place of entry 9" in audit.verify(logged)


def test_a_changed_row_count_is_seen_in_the_table(logged: Project) -> None:
    tamper(logged, change=pl.when(pl.col("seq") == 2).then(99).otherwise(pl.col("rows")).alias("rows"))
    assert audit.verify(logged) == ["entry 2 was changed"]


def test_a_missing_entry_and_a_cut_end_are_seen_in_the_table(logged: Project) -> None:
    tamper(logged, keep=pl.col("seq") != 2)
    assert "entry 3 is in the place of entry 2" in audit.verify(logged)
    tamper(logged, keep=pl.col("seq") < 2)
    assert audit.verify(logged) == ["entry 4, which system/audit_head.json knows, is gone"]
    # What is written after the cut does not mend it.
    write(logged, 1)
    assert audit.verify(logged) == ["entry 5 is in the place of entry 2"]


def test_a_head_that_is_gone_is_said(logged: Project, tmp_path: Path) -> None:
    (tmp_path / "lake" / "system" / "audit_head.json").unlink()
    assert audit.verify(logged) == ["system/audit_head.json is gone: entries cut off at the end would not be seen"]


def test_writers_at_the_same_time_make_one_chain(notes_factory: Factory) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(notes_factory.project, 6, f"writer{i}")) for i in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = audit.entries(notes_factory.project)
    assert audit.verify(notes_factory.project) == []
    assert dict(found.group_by("principal").len().iter_rows()) == {"writer0": 6, "writer1": 6}


def test_a_writer_killed_at_any_moment_leaves_a_whole_chain(notes_factory: Factory) -> None:
    project = notes_factory.project
    context = multiprocessing.get_context("spawn")
    for killed in range(3):
        before = audit.entries(project).height
        writer = context.Process(target=write, args=(project, 10_000))
        writer.start()
        end = time.monotonic() + 60
        while audit.entries(project).height < before + 1 + killed and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(random.random() * 0.1)
        writer.kill()
        writer.join()
        assert audit.verify(project) == []
        write(project, 1, "next")
        assert audit.verify(project) == []
    assert audit.entries(project, "next").height == 3


def test_a_retirement_is_written_down_with_its_reason(notes_factory: Factory) -> None:
    notes_factory.material([{"id": "1", "text": "one", "label": "a"}])
    notes_factory.made()
    project = notes_factory.project
    retire(project, "notes", "latest", "its source was withdrawn", "ana")
    reinstate(project, "notes", "1.0.0", "by mistake", "li")
    assert audit.entries(project).select("principal", "action", "table", "purpose").rows() == [
        ("ana", "retire", "gold/notes", "its source was withdrawn"),
        ("li", "reinstate", "gold/notes", "by mistake"),
    ]


def test_a_release_knows_the_head_of_its_time(logged: Project) -> None:
    head = audit.entries(logged).row(2, named=True)
    said = {"label": "1.0.0", "audit": {"seq": head["seq"], "hash": head["hash"]}}
    versions.record(logged, "notes", "0" * 12, "released", said)
    assert audit.verify(logged) == []
    tamper(logged, keep=pl.col("seq") < 2)
    assert "entry 3, which the release notes 1.0.0 knows, is gone" in audit.verify(logged)


def test_decisions_about_rows_are_written_down_with_their_ticket(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    notes_factory.made()
    project = notes_factory.project
    version = versions.find(project, "notes", "latest")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ticket = Ticket(
        ticket="1f0c",
        dataset="notes",
        version=version.version,
        kind="label_error",
        title="Wrong labels",
        rows=(),
        evidence={},
        upstream=(),
        at=at,
    )
    made = [Decision("notes/00", "c" * 64, drop="wrong"), Decision("notes/01", "d" * 64, set={"label": "b"})]
    policies.apply(project, project.dataset("notes"), ticket, made, {}, "ana")
    (entry,) = audit.entries(project).to_dicts()
    assert (entry["principal"], entry["action"], entry["table"], entry["version"]) == ("ana", "decide", "gold/notes", version.version)
    assert (entry["purpose"], entry["rows"]) == ("ticket 1f0c: label_error", 2)
