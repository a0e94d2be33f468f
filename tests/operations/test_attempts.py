"""Several datasets in one run: a failure stops only itself and what refers to it, and the end names what became of each."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from lakehouse.cli import cli, terminal
from lakehouse.operations import line
from lakehouse.operations.attempts import NotMade, NotTried, attempts
from lakehouse.operations.line import DatasetRun
from tests.factory import Factory, notes


@pytest.fixture
def shop(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """`bad`, whose contract does not load; `after`, which refers to it; `notes` and `more`, which have nothing to do with it."""
    notes_factory.write(
        "contracts/bad.py", "import pandera.polars as pa\n\n\nclass Rows(pa.DataFrameModel):\n    text: str = pa.Field(le=inf)\n"
    )
    notes_factory.declare([], "bad", contract="contracts/bad.py:Rows")
    notes_factory.declare([{"decontaminate": {"column": "text", "dataset": "bad", "unit": "characters", "size": 2}}], "after")
    notes_factory.declare([], "more")
    notes_factory.material(notes("one text", "another one"))
    monkeypatch.chdir(notes_factory.root)
    for console in (terminal.out, terminal.err):
        monkeypatch.setattr(console, "_width", 80)
    return notes_factory


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_what_does_not_need_the_failed_dataset_is_made(shop: Factory) -> None:
    outcomes = list(attempts(shop.project, ["bad", "after", "notes", "more"], "gold"))
    assert [(type(o), o.dataset) for o in outcomes] == [(NotMade, "bad"), (NotTried, "after"), (DatasetRun, "notes"), (DatasetRun, "more")]


def test_the_end_of_a_run_names_what_became_of_each(shop: Factory) -> None:
    shop.write("assets/datasets/torn.yaml", "dataset: [\n")
    done = ran("run", "bad", "after", "torn", "notes", "--to", "gold")
    assert done.exit_code == 1
    assert "failed bad: contracts/bad.py:5: the contract does not load: NameError: name 'inf' is not defined" in done.output
    assert "not tried after: it refers to bad, which was not made" in done.output
    assert "failed torn: assets/datasets/torn.yaml" in done.output
    assert "made notes 1.0.0" in done.output
    again = ran("run", "bad", "after", "notes", "--to", "gold", "--json")
    outcomes = json.loads(again.stdout)
    assert [o["dataset"] for o in outcomes] == ["bad", "after", "notes"]
    assert outcomes[0]["error"]["where"] == "contracts/bad.py:5"
    assert outcomes[1]["not_tried_because_of"] == "bad"


def test_a_source_that_fails_stops_its_datasets_and_is_tried_once(shop: Factory) -> None:
    shop.declare_source("gone")
    for dataset in ("first", "second"):
        shop.declare([], dataset, sources=["gone"])
    said: list[str] = []
    outcomes = list(attempts(shop.project, ["first", "second", "notes"], "gold", progress=lambda what, *_: said.append(what)))
    assert [type(o) for o in outcomes] == [NotMade, NotMade, DatasetRun]
    assert outcomes[0].error is outcomes[1].error  # type: ignore[union-attr]


def test_a_name_that_is_none_stops_the_run_before_it_begins(shop: Factory) -> None:
    done = ran("run", "notes", "nots")
    assert done.exit_code != 0
    assert not shop.project.table("bronze", "notes").exists()


def test_status_and_release_name_the_last_failure_until_a_run_ends_well(shop: Factory) -> None:
    shop.declare([], "bad", contract="contracts/bad.py:Rows", release={"license": "cc0-1.0"})
    ran("run", "bad", "--to", "gold")
    status = ran("status")
    assert "failed the last run of bad (" in status.output
    assert "the contract does not load: NameError: name 'inf' is not defined" in status.output
    refused = ran("release", "bad")
    assert (
        "no version of bad was made, so there is nothing to release: its last run failed, since contracts/bad.py:5: the contract does"
        in str(refused.exception)
    )
    assert "`latest`" not in str(refused.exception)
    shop.write("contracts/bad.py", "import pandera.polars as pa\n\n\nclass Rows(pa.DataFrameModel):\n    text: str\n")
    assert ran("run", "bad", "--to", "gold").exit_code == 0
    assert "failed the last run" not in ran("status").output
    assert "no version of more was made yet" in str(ran("release", "more").exception)


def test_a_plan_shows_the_datasets_that_can_be_planned(shop: Factory) -> None:
    shown = ran("plan", "bad", "notes")
    assert "cannot be made" in shown.output
    rows = {line.split()[0]: line.split() for line in shown.output.splitlines() if line.startswith("notes")}
    assert "-" in rows["notes"], "a dataset that was never collected has no number of rows to measure"
    assert " 0 " not in shown.output


def test_a_plan_foresees_that_a_source_is_read_again(shop: Factory) -> None:
    shop.material([{"id": "1", "text": "one", "label": "7"}])
    list(line.run(shop.project, ["notes"], "gold"))
    assert line.plans(shop.project, ["notes"])[0].silver == ()
    shop.declare_source(columns={"id": "string", "text": "string", "label": {"type": "string", "nulls": ["7"]}})
    (planned,) = line.plans(shop.project, ["notes"])
    assert planned.silver == ("source notes is declared otherwise and read again",)
    (made,) = line.run(shop.project, ["notes"], "gold")
    assert made.collections[0].changed == 1
    shop.write("contracts/rows.py", (shop.root / "contracts" / "rows.py").read_text().replace("label: str", "label: int"))
    shop.declare_source(columns={"id": "string", "text": "string", "label": "int"})
    (planned,) = line.plans(shop.project, ["notes"])
    assert planned.silver == ("source notes is declared otherwise and read again: `label` is int",)
    list(line.run(shop.project, ["notes"], "gold"))
    assert line.plans(shop.project, ["notes"])[0].silver == ()


def test_plan_and_run_agree_on_a_version_that_was_there_before(shop: Factory) -> None:
    ran("run", "notes", "--to", "gold")
    shop.declare([{"text_length": {"column": "text"}}])
    ran("run", "notes", "--to", "gold")
    shop.declare([])
    assert "as 1.0.0 before" in ran("plan", "notes").output
    assert "as 1.0.0 before: step text_length removed" in " ".join(ran("run", "notes", "--to", "gold").output.split())


def test_a_release_that_is_refused_stops_no_other(shop: Factory) -> None:
    for dataset in ("notes", "more"):
        shop.declare([], dataset, release={"license": "cc0-1.0"})
    done = ran("release", "notes", "more")
    assert done.exit_code == 2
    assert "no version of notes was made yet" in done.output
    assert "no version of more was made yet" in done.output
    assert "0 of 2 released: none" in done.output
