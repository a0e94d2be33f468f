"""What an erasure reaches beside the layers, what it names as out of reach, and that the card of a version says so."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.delivery.release.bundle import verify_bundle, write_bundle
from lakehouse.operations.erasure.erase import erase
from lakehouse.operations.maintenance.compare import compare
from lakehouse.operations.repair import tickets
from lakehouse.pilot.predictions import predictions_table
from lakehouse.reserve.screening.screen import screen
from tests.factory import Factory, new_factory
from tests.operations.erasure.bytes_of import places_of
from tests.operations.erasure.factory import TOKEN, long_text
from tests.production.endpoint_server import MODEL, model_server

OTHERS = [{"id": f"{n:04}", "text": f"第{n}条别的话，电话 1381234567{n}", "label": "positive"} for n in range(8)]
ROW = {"id": "0900", "text": f"{long_text(0)} 电话 13812345678", "label": "positive"}


def screened_notes(root: Path, **changes: object) -> Factory:
    factory = new_factory(root, splits={"by": "row", "train": 1.0}, **changes)
    factory.declare_source(screening=[{"privacy": {"kinds": ["phone"]}, "action": "warn", "max_rate": 1.0}])
    factory.material([*OTHERS, ROW])
    factory.collect()
    screen(factory.project, "notes")
    return factory


def test_answers_of_a_model_go_with_the_row_they_were_given_to(tmp_path: Path) -> None:
    with model_server() as model:
        asked = {"column": "text", "prompt": "Again: {text}", "model": MODEL, "url": model.url, "may_send": ["pii"]}
        factory = screened_notes(tmp_path, augment=[{"steps": [{"generate": asked}], "copies": 2}])
        factory.made()
        project, lake = factory.project, Path(factory.project.lake)
        answers = project.table("system", "answers").read()
        assert any("answers" in place for place in places_of(lake, TOKEN.upper())), "the model answers in capitals"
        erase(project, "notes", ["notes/0900"], "asked", "gdpr-17", "li")
        assert (places_of(lake, TOKEN), places_of(lake, TOKEN.upper())) == ([], [])
        left = project.table("system", "answers").read()
        assert left.equals(answers.filter(~pl.col("text").str.contains(TOKEN.upper())))
        assert answers.height - left.height == 2
        sent = len(model.bodies)
        screen(project, "notes")
        factory.silver(), factory.gold()
        assert len(model.bodies) == sent, "the answers about other rows are not asked for again"


def test_findings_predictions_and_tickets_lose_the_row(tmp_path: Path) -> None:
    factory = screened_notes(tmp_path)
    factory.made()
    project = factory.project
    version = versions.current(project, "notes")
    assert version is not None
    assert "notes/0900" in project.table("system", "screening_notes").read()["_row_id"].to_list()
    said = {"version": version.version, "kind": "report", "title": f"look at {ROW['text']}", "evidence": {}, "upstream": []}
    rows = [{"row": "notes/0900", "given": "x"}, {"row": "notes/0001", "given": "y"}]
    tickets.record(project, "t1", "notes", "opened", {**said, "rows": rows})
    predicted = pl.DataFrame({"_row_id": ["notes/0900", "notes/0001"], "predicted": ["a", "b"]})
    predictions_table(project).write(predicted, "append")
    erase(project, "notes", ["notes/0900"], "asked", "gdpr-17", "li")
    assert places_of(Path(project.lake), TOKEN) == []
    assert "notes/0900" not in project.table("system", "screening_notes").read()["_row_id"].to_list()
    (ticket,) = tickets.tickets(project)
    assert [suspect.row for suspect in ticket.rows][1:] == ["notes/0001"]
    assert ticket.rows[0].row.startswith("erased~")
    assert ticket.title == "look at [erased]"
    assert predictions_table(project).read().rows() == [("notes/0001", "b")]


def test_a_released_version_is_named_and_says_what_it_lost(tmp_path: Path) -> None:
    factory = screened_notes(tmp_path)
    factory.made()
    project = factory.project
    version = versions.current(project, "notes")
    assert version is not None
    hub = {"repo": "lab/notes", "endpoint": "https://hub.example", "tag": "v1.0.0"}
    released = {"label": "1.0.0", "tag": "notes@v1.0.0", "bundle": "b", "commit": "c", "remote": "store", "hub": hub}
    versions.record(project, "notes", version.version, "released", released)
    versions.record(project, "notes", version.version, "evaluated", {"name": "train", "run_id": "run1", "metrics": {}})
    factory.write("repairs/notes.jsonl", json.dumps({"row": "notes/0900", "content": "c", "drop": "wrong"}) + "\n")
    done = erase(project, "notes", ["notes/0900"], "asked", "gdpr-17", "li")
    found = {each.kind: each for each in done.outside}
    assert set(found) == {"origin", "release", "mlflow", "decisions"}
    assert (found["release"].what, found["release"].do.startswith("lakehouse version retire notes 1.0.0")) == ("notes@v1.0.0", True)
    assert {"DVC remote store", "Hub lab/notes at https://hub.example, tag v1.0.0"} <= set(found["release"].where)
    assert "run run1" in found["mlflow"].where
    assert [(held.label, held.rows, held.released) for held in done.versions] == [("1.0.0", 1, ("1.0.0",))]

    version = versions.find(project, "notes", "1.0.0")
    bundle = write_bundle(project, version)
    assert (verify_bundle(bundle.folder), bundle.rows) == ([], {"train": 8})
    assert "1 row was erased after this version was sealed" in (bundle.folder / "README.md").read_text(encoding="utf-8")
    screen(project, "notes")
    factory.silver(), factory.gold()
    assert compare(project, "notes", ["1.0.0", "1.1.0"]).sides[0].became == "released, 1 row erased"
    shown = CliRunner().invoke(cli, ["version", "list", "notes"], env={"LAKEHOUSE_PROJECT": str(tmp_path)})
    assert "1.0.0 lost 1 row erased after it was sealed" in shown.output
