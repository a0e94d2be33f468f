"""The loop on a whole line: findings become tickets, tickets decisions, decisions a version, and its verdict closes the tickets or not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.labels import decisions
from lakehouse.operations import line
from lakehouse.operations.repair import review, tickets
from lakehouse.operations.repair.loop import repair
from lakehouse.operations.repair.reports import open_report
from lakehouse.pilot.diagnose import diagnose
from tests.copies import copied
from tests.factory import Factory
from tests.system.commands import environment

from .loop import declare_loop, loop_factory, notes, spoilt

RELABEL = {"policies": [{"on": "label_error", "action": "relabel", "p_given_at_most": 0.5}], "limits": {"rounds": 1}}


def swapped(rows: list[dict[str, str]], share: int = 8) -> set[str]:
    return {row["id"] for row in rows if int(row["id"]) * 37 % 100 < share}


def new_spoilt_notes(root: Path, empty_store: Path) -> Factory:
    factory = loop_factory(root, empty_store, RELABEL)
    rows = notes(600)
    factory.material(spoilt(rows, swapped(rows)))
    return factory


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    factory = new_spoilt_notes(tmp_path_factory.mktemp("diagnosed"), empty_store)
    list(line.run(factory.project, ["notes"]))
    diagnose(factory.project, "notes")
    return factory.root


@pytest.fixture
def spoilt_notes(diagnosed: Path, tmp_path: Path) -> Factory:
    """600 notes, 8 % of them under the wrong label; a version of them is evaluated and diagnosed."""
    return Factory(copied(diagnosed, tmp_path))


def decided(factory: Factory) -> list[decisions.Decision]:
    return decisions.read(factory.root / "repairs/notes.jsonl")


def test_wrong_labels_are_found_corrected_and_the_ticket_closed(tmp_path: Path, empty_store: Path) -> None:
    spoilt_notes = new_spoilt_notes(tmp_path, empty_store)
    done = repair(spoilt_notes.project, "notes")
    (round_,) = done.rounds
    assert round_.kept
    assert round_.verdict in ("better", "equal")
    (ticket,) = [t for t in tickets.tickets(spoilt_notes.project, "notes") if t.kind == "label_error"]
    assert ticket.state == "closed"
    assert ticket.last["closed"]["after"] == done.version != ticket.version
    assert ticket.upstream[0]["source"] == "notes"
    wrong = swapped(notes(600))
    train = {row for row, split in spoilt_notes.rows("gold").select("_row_id", "_split").iter_rows() if split == "train"}
    corrected = {each.row.removeprefix("notes/") for each in decided(spoilt_notes)}
    assert len(corrected & wrong) >= 0.9 * len([one for one in wrong if f"notes/{one}" in train])
    assert len(corrected - wrong) <= 0.2 * len(corrected)
    truth = {row["id"]: row["label"] for row in notes(600)}
    labels = dict(spoilt_notes.rows("gold").select(pl.col("_row_id").str.strip_prefix("notes/"), "label").iter_rows())
    assert all(labels[one] == truth[one] for one in corrected & wrong)
    manifest = versions.find(spoilt_notes.project, "notes", done.version).manifest
    assert [step["operator"] for step in manifest["recipe"]] == ["correct_rows"]


@pytest.mark.slow
def test_only_rows_of_the_train_split_are_decided_without_a_person(spoilt_notes: Factory) -> None:
    done = repair(spoilt_notes.project, "notes")
    splits = dict(spoilt_notes.rows("gold").select("_row_id", "_split").iter_rows())
    assert {splits[each.row] for each in decided(spoilt_notes)} == {"train"}
    assert done.rounds[0].left["not of the train split: for a person"] > 0


@pytest.mark.slow
def test_a_second_repair_finds_nothing_left_to_decide(spoilt_notes: Factory) -> None:
    first = repair(spoilt_notes.project, "notes")
    before = (spoilt_notes.root / "repairs/notes.jsonl").read_bytes()
    second = repair(spoilt_notes.project, "notes", rounds=1)
    new = {t for each in second.rounds for t in each.tickets}
    assert not new & set(first.rounds[0].tickets)
    if not second.rounds:
        assert (spoilt_notes.root / "repairs/notes.jsonl").read_bytes() == before
        assert second.ended == "no ticket that a policy can decide"


def test_a_verdict_that_does_not_allow_takes_the_decisions_back(tmp_path: Path, empty_store: Path) -> None:
    # Every suspect leaves, and only `better` would do: notes that are right teach nothing new by leaving.
    policy = {"policies": [{"on": "label_error", "action": "drop", "p_given_at_most": 1.0}], "close_on": ["better"], "margin": 0.5}
    factory = loop_factory(tmp_path, empty_store, policy)
    rows = notes(600)
    factory.material(spoilt(rows, {row["id"] for row in rows[:6]}))
    done = repair(factory.project, "notes")
    (round_,) = done.rounds
    assert not round_.kept
    assert round_.verdict == "equal"
    assert done.version == round_.before
    assert decided(factory) == []
    (ticket,) = [t for t in tickets.tickets(factory.project, "notes") if t.kind == "label_error"]
    assert ticket.state == "reverted"
    assert ticket.last["reverted"]["after"] == round_.after
    assert factory.rows("gold").height == 600
    again = repair(factory.project, "notes")
    assert again.rounds == ()  # the same rows are not tried twice


@pytest.mark.slow
def test_the_declared_share_of_rows_is_the_limit(spoilt_notes: Factory) -> None:
    declare_loop(spoilt_notes, {**RELABEL, "limits": {"rounds": 3, "rows": 0.01}})
    done = repair(spoilt_notes.project, "notes")
    assert len(decided(spoilt_notes)) <= 6
    assert done.rounds[0].left["over the limit of rows"] > 0


def test_without_a_declaration_it_says_how(tmp_path: Path, empty_store: Path) -> None:
    factory = loop_factory(tmp_path, empty_store)
    factory.material(notes(40))
    with pytest.raises(RecipeError, match="declares no `repair`"):
        repair(factory.project, "notes")


def test_a_metric_or_evaluation_that_cannot_judge_is_refused_before_anything_is_decided(spoilt_notes: Factory) -> None:
    factory = spoilt_notes
    declare_loop(factory, {**RELABEL, "evaluation": "trian"})
    with pytest.raises(RecipeError, match="names no evaluation of it: `trian`"):
        repair(factory.project, "notes")
    declare_loop(factory, {**RELABEL, "metric": "f1"})
    with pytest.raises(RecipeError, match="cannot be compared by `f1` of train"):
        repair(factory.project, "notes")
    assert tickets.tickets(factory.project) == []


def test_a_person_decides_rows_of_a_queue(spoilt_notes: Factory, tmp_path: Path) -> None:
    factory, rows = spoilt_notes, notes(600)
    declare_loop(factory, {"policies": [{"on": "label_error", "action": "queue"}]})
    done = repair(factory.project, "notes")
    assert done.rounds == ()
    (waiting,) = [tickets.find(factory.project, t) for t in done.waiting]
    file = tmp_path / "to-decide.csv"
    assert review.export(factory.project, waiting, file) == len(waiting.rows)
    asked = pl.read_csv(file, infer_schema=False)
    assert asked["text"].null_count() == 0
    wrong = asked["row"].str.strip_prefix("notes/").is_in(list(swapped(rows)))
    answered = asked.with_columns(decision=pl.when(wrong).then(pl.lit("relabel")).otherwise(pl.lit("keep")))
    answered.write_csv(file)
    (counts,) = review.decide(factory.project, file, "ana").values()
    assert counts == (int(wrong.sum()), 0, int((~wrong).sum()))
    assert {each.by for each in decided(factory)} == {"ana"}
    judged = repair(factory.project, "notes")
    assert judged.rounds[0].relabelled == int(wrong.sum())
    assert tickets.find(factory.project, waiting.ticket).state in ("closed", "waiting")
    assert len(decided(factory)) == int(wrong.sum())  # a person's word stays, whatever the verdict
    kept = set(asked.filter(~wrong)["row"])
    later = [t for t in tickets.tickets(factory.project, "notes") if t.kind == "label_error" and t.ticket != waiting.ticket]
    assert not kept & {suspect.row for t in later for suspect in t.rows}


def test_a_file_of_decisions_that_cannot_be_taken_changes_nothing(spoilt_notes: Factory, tmp_path: Path) -> None:
    file = tmp_path / "decided.csv"
    for text, message in [
        ("ticket,row,decision,label\nabc,notes/1,maybe,good\n", "no decision `maybe`"),
        ("ticket,row,decision,label\nabc,notes/1,relabel,\n", "without a label"),
        ("ticket,row,decision,label\nabc,notes/1,,\n", "decides nothing"),
        ("row,decision\nnotes/1,keep\n", "has no column ticket"),
    ]:
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SpecError, match=message):
            review.decide(spoilt_notes.project, file, "ana")
    assert decided(spoilt_notes) == []


@pytest.mark.slow
def test_a_corrected_source_closes_the_ticket_that_waited_for_it(spoilt_notes: Factory) -> None:
    factory, rows = spoilt_notes, notes(600)
    declare_loop(factory, {"policies": [{"on": "label_error", "action": "recollect"}], "margin": 0.05})
    (waiting,) = repair(factory.project, "notes").waiting
    assert repair(factory.project, "notes").waiting == (waiting,)  # nothing came yet
    factory.material(rows)
    repair(factory.project, "notes")
    ticket = tickets.find(factory.project, waiting)
    found_again = {s.row for t in tickets.tickets(factory.project, "notes") if t.ticket != waiting for s in t.rows}
    if not found_again & {suspect.row for suspect in ticket.rows}:
        assert ticket.state == "closed"
        assert ticket.last["closed"]["recollected"] > 30


@pytest.mark.slow
def test_a_threshold_is_proposed_that_takes_the_rows_out(tmp_path: Path, empty_store: Path) -> None:
    recipe = [{"text_length": {"column": "text", "at_least": 1}}]
    factory = loop_factory(tmp_path, empty_store, {"policies": [{"on": "label_error", "action": "propose"}]}, recipe)
    rows = notes(600)
    # Labels are wrong where notes are long.
    wrong = swapped(rows)
    long = [
        {**row, "text": row["text"] + " the the the phone box box screen paper" * 3 if row["id"] in wrong else row["text"]} for row in rows
    ]
    factory.material(spoilt(long, wrong))
    (waiting,) = repair(factory.project, "notes").waiting
    first = tickets.find(factory.project, waiting).last["waiting"]["proposals"][0]
    assert (first["step"], first["param"]) == ("text_length", "at_most")
    assert first["precision"] > 0.7
    assert first["lift"] > 5
    assert first["leave"] >= first["hit"]


@pytest.mark.slow
def test_a_slice_is_repaired_and_its_ticket_closed(tmp_path: Path, empty_store: Path) -> None:
    policies = [{"on": "slice", "action": "relabel", "p_given_at_most": 0.5}]
    factory = loop_factory(tmp_path, empty_store, {"policies": policies, "margin": 0.05, "limits": {"rounds": 1}})
    factory.declare_source(columns={"id": "string", "text": "string", "label": "string", "annotator": "string"})
    factory.contract(more='    annotator: str = pa.Field(description="Who labelled it.")\n')
    factory.declare_source("notes_frozen", columns={"id": "string", "text": "string", "label": "string", "annotator": "string"})
    factory.material([{**row, "annotator": "x"} for row in notes(400, seed=99, start=90_000)], "notes_frozen")
    rows = [{**row, "annotator": f"a{int(row['id']) // 2 % 10}"} for row in notes(2000)]
    hers = [row["id"] for row in rows if row["annotator"] == "a3"]
    wrong = {one for at, one in enumerate(hers) if at % 20 < 9}
    factory.material(spoilt(rows, wrong))
    done = repair(factory.project, "notes")
    first, *_ = [t for t in tickets.tickets(factory.project, "notes") if t.kind == "slice"]
    assert first.evidence["conditions"]["annotator"] == "a3"
    assert first.state == "closed"
    assert [(each["source"], each["rows"]) for each in first.upstream] == [("notes", len(first.rows))]
    assert done.rounds[0].relabelled > 10
    assert not list(done.rounds[1:])


@pytest.mark.slow
def test_reports_name_rows_by_id_by_text_and_by_what_is_near(spoilt_notes: Factory, tmp_path: Path) -> None:
    repair(spoilt_notes.project, "notes", rounds=1)
    rows = notes(600)
    project = spoilt_notes.project
    lines = [
        {"row": "notes/00001", "label": "good", "message": "is praise"},
        {"text": rows[4]["text"], "label": "bad"},
        {"text": rows[7]["text"] + " again", "label": "good"},
        {"text": "zzz qqq"},
        {"row": "notes/none"},
    ]
    file = spoilt_notes.write("errors.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    ticket, counts = open_report(project, versions.find(project, "notes", "latest"), file, origin="classifier-7")
    assert ticket is not None
    assert counts == {"rows": 2, "neighbours": 1, "nothing": 2}
    suggested = {suspect.row: suspect.suggested for suspect in ticket.rows}
    assert suggested["notes/00001"] == "good"
    assert suggested["notes/00004"] == "bad"
    assert "notes/00007" in suggested
    again, _ = open_report(project, versions.find(project, "notes", "latest"), file, origin="classifier-7")
    assert again is None
    file.write_text('{"words": 1}\n', encoding="utf-8")
    with pytest.raises(SpecError, match="report 1 is none"):
        open_report(project, versions.find(project, "notes", "latest"), file)


KILLED = """
import os, signal, sys
from lakehouse.cli import main
from lakehouse.core.labels import decisions
from lakehouse.operations.repair import tickets

place = sys.argv.pop(1)
kill = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
record, write = tickets.record, decisions.write
if place == "before the decisions":
    decisions.write = kill
elif place == "after the decisions":
    decisions.write = lambda *given: (write(*given), kill())
else:
    tickets.record = lambda p, t, d, event, payload: kill() if event == "closed" else record(p, t, d, event, payload)
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["before the decisions", "after the decisions", "before the ticket is closed"])
def test_a_killed_repair_is_finished_by_the_next(spoilt_notes: Factory, place: str) -> None:
    command = [sys.executable, "-c", KILLED, place, "repair", "run", "notes"]
    users = environment(LAKEHOUSE_EVALUATIONS="in_process")
    done = subprocess.run(command, cwd=spoilt_notes.root, env=users, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (ticket,) = [t for t in tickets.tickets(spoilt_notes.project, "notes") if t.kind == "label_error"]
    assert ticket.state == "applied"
    after = repair(spoilt_notes.project, "notes")
    assert after.rounds[0].tickets == (ticket.ticket,)
    assert after.rounds[0].relabelled == len(decided(spoilt_notes))
    assert tickets.find(spoilt_notes.project, ticket.ticket).state == "closed"


@pytest.mark.slow
def test_the_commands_show_the_loop(spoilt_notes: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(spoilt_notes.root))
    call = lambda *words: CliRunner().invoke(cli, list(words), catch_exceptions=False)  # noqa: E731
    said = call("repair", "run", "notes")
    assert said.exit_code == 0
    assert "rows relabelled" in said.output
    assert "the decisions stay" in said.output
    listed = json.loads(call("repair", "tickets", "list", "notes", "--json").output)
    closed = next(each for each in listed if each["kind"] == "label_error")
    assert closed["state"] == "closed"
    shown = call("repair", "tickets", "show", closed["ticket"][:6], "--top", "2").output
    for words in ("labels that are likely wrong", "rows from notes", "closed: ", "p given"):
        assert words in shown
    assert call("repair", "tickets", "list").exit_code == 0
    with pytest.raises(Exception, match="no ticket `zz`"):
        call("repair", "tickets", "show", "zz")


@pytest.mark.slow
def test_tickets_are_opened_exported_decided_and_reported_by_commands(
    spoilt_notes: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = spoilt_notes
    declare_loop(factory, {"policies": [{"on": "label_error", "action": "queue"}]})
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))

    def call(*given: str) -> Any:
        return json.loads(CliRunner().invoke(cli, ["repair", "tickets", *given, "--json"], catch_exceptions=False).output)

    wrong = next(each for each in call("open", "notes") if each["kind"] == "label_error")
    file = tmp_path / "to-decide.csv"
    assert call("export", wrong["ticket"], str(file)) == {"file": str(file), "rows": wrong["rows"]}
    pl.read_csv(file, infer_schema=False).with_columns(decision=pl.lit("keep")).write_csv(file)
    assert call("decide", str(file)) == {wrong["ticket"]: {"relabelled": 0, "dropped": 0, "kept": wrong["rows"]}}
    reports = factory.write("errors.jsonl", json.dumps({"row": "notes/00001", "label": "good"}) + "\n")
    reported = call("report", "notes", str(reports))
    assert (reported["rows"], reported["ticket"]["rows"]) == (1, 1)
