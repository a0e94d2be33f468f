"""The diagnosis of a version, as a user sees it: findings in the lake, pictures in MLflow, a printout."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import RecipeError
from lakehouse.pilot.diagnose import diagnose, findings_table
from lakehouse.pilot.diagnosis.kinds import KINDS
from lakehouse.pilot.task import tasks

from ..conftest import TRAIN, Factory, remarks


def test_swapped_labels_are_the_findings(factory: Factory) -> None:
    made = factory.make(remarks(200, wrong=8))
    found = diagnose(factory.project, "orders")
    swapped = {f"orders_raw/{at:04}" for at in range(8)}
    assert {finding["_row_id"] for finding in found.top("label_error", 8)} == swapped
    first = found.top("label_error", 1)[0]["evidence"]
    assert {first["given"], first["suggested"]} == {"好评", "差评"}
    assert first["p_suggested"] > 0.5 > first["p_given"]
    assert found.counts["label_error"] == 8
    assert found.summary["errors"] == 8
    stored = findings_table(factory.project).read()
    assert set(stored["version"]) == {made.version}
    assert stored.filter(pl.col("kind") == "label_error")["source"].unique().to_list() == ["orders_raw"]


def test_the_same_diagnosis_is_not_made_twice_and_another_version_keeps_its_own(factory: Factory) -> None:
    first = factory.make(remarks(120, wrong=4))
    made = diagnose(factory.project, "orders")
    again = diagnose(factory.project, "orders", "1.0.0")
    assert (made.unchanged, again.unchanged) == (False, True)
    assert again.findings.equals(made.findings)
    assert again.summary == made.summary
    factory.make(remarks(120, wrong=0), "1.1.0")
    clean = diagnose(factory.project, "orders")
    assert clean.counts["label_error"] == 0
    assert diagnose(factory.project, "orders", first.version).unchanged
    assert diagnose(factory.project, "orders").unchanged  # also where little was found


def test_other_parameters_replace_the_findings_and_the_run(factory: Factory) -> None:
    version = factory.make(remarks(120, wrong=4))
    before = diagnose(factory.project, "orders")
    factory.declare(evaluations=[{"train": {**TRAIN["train"], "analyzer": "char"}}])
    after = diagnose(factory.project, "orders")
    assert not after.unchanged
    stored = findings_table(factory.project).read().filter(pl.col("version") == version.version)
    assert stored["key"].n_unique() == 1
    with sqlite3.connect(factory.root / "mlflow.db") as database:
        stages = dict(database.execute("select run_uuid, lifecycle_stage from runs where name like '%diagnosis'"))
    assert stages == {before.summary["run_id"]: "deleted", after.summary["run_id"]: "active"}
    pictures = {file.name for file in (factory.root / "mlruns").rglob("*.png") if after.summary["run_id"] in file.parts}
    assert {"label_errors.png", "row_values.png"} <= pictures


def test_a_dataset_without_the_evaluation_says_so(factory: Factory) -> None:
    factory.declare()
    factory.make(remarks(20))
    with pytest.raises(RecipeError, match="no evaluation `train`"):
        diagnose(factory.project, "orders")


@pytest.mark.parametrize("task", [task.name for task in tasks() if task.view is None])
def test_a_task_whose_rows_are_not_diagnosed_is_named_with_the_reason(factory: Factory, task: str) -> None:
    factory.declare(evaluations=[{"train": {"task": task, "label": "label"}}])
    factory.make(remarks(20))
    with pytest.raises(RecipeError, match=f"rows of {task} are not diagnosed: a text has no label"):
        diagnose(factory.project, "orders")


def test_the_command_prints_rows_with_their_evidence(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    factory.make(remarks(200, wrong=8))
    said = CliRunner().invoke(cli, ["version", "diagnose", "orders", "--top", "3"], catch_exceptions=False)
    assert said.exit_code == 0
    for words in (
        "200 labelled rows",
        "8 wrong",
        "Labels that are likely wrong: 8",
        "suggested",
        "next: lakehouse row trace orders_raw/000",
    ):
        assert words in said.output
    found = json.loads(
        CliRunner().invoke(cli, ["version", "diagnose", "orders", "--kind", "label_error", "--json"], catch_exceptions=False).output
    )
    assert found["unchanged"]
    assert set(found["counts"]) == set(KINDS)
    assert [finding["rank"] for finding in found["findings"]["label_error"]] == list(range(1, 9))


def test_a_slice_names_its_rows(factory: Factory) -> None:
    rows = remarks(2000)
    # Every second remark of one channel has the other label.
    at = pl.int_range(pl.len())
    channel = pl.when(at % 8 < 2).then(pl.lit("phone")).otherwise(pl.lit("shop"))
    swapped = pl.when((at % 8 < 2) & (at % 16 < 8) & (at % 2 == 0)).then(pl.lit("差评")).otherwise(pl.col("label"))
    factory.make(rows.with_columns(channel=channel, label=swapped))
    first = diagnose(factory.project, "orders").top("slice", 1)[0]
    assert first["_row_id"] is None
    assert first["evidence"]["conditions"]["channel"] == "phone"
    assert len(first["evidence"]["rows"]) == min(first["evidence"]["size"], 1000)
    assert first["evidence"]["p"] < 1e-6


def test_tables_stay_readable_as_delta(factory: Factory) -> None:
    factory.make(remarks(120, wrong=4))
    diagnose(factory.project, "orders")
    frame = pl.read_delta(str(Path(factory.project.lake) / "system" / "findings"))
    assert frame.filter(pl.col("kind") == "summary").height == 1
