"""A version is evaluated once, its run stands in MLflow, and its gates judge it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.errors import HeldOutError, NotFoundError, RecipeError, StorageError
from lakehouse.core.project import Project
from lakehouse.pilot.pilot import PilotResult, pilot
from lakehouse.pilot.predictions import predictions_table
from lakehouse.pilot.tracking.connection import connected

from .conftest import TRAIN, Factory, new_factory, remarks

VERSUS = {"metric": "macro_f1", "versus": "released", "margin": 0.01}


def runs(project: Project) -> list[Any]:
    """The runs of `orders` that are not deleted, those of single seeds below them left out."""
    with connected(project) as mlflow:
        found = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("orders").experiment_id])
    return [run for run in found if "mlflow.parentRunId" not in run.data.tags]


@pytest.fixture(scope="module")
def piloted(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Factory, PilotResult]:
    factory = new_factory(tmp_path_factory.mktemp("piloted") / "factory", empty_store)
    factory.make(remarks())
    return factory, pilot(factory.project, "orders")


def test_the_run_in_mlflow_says_everything(piloted: tuple[Factory, PilotResult]) -> None:
    factory, done = piloted
    version = versions.find(factory.project, "orders", "latest")
    assert (done.ran, done.passed, done.unchanged) == (("train",), True, False)
    (run,) = runs(factory.project)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "1.0.0 train"
    assert run.data.params["input"] == "text"
    assert run.data.params["seeds"] == "[1, 2]"
    assert run.data.metrics["test.macro_f1"] == done.metrics["train"]["test"]["macro_f1"]["mean"]
    assert run.data.metrics["test.recall.好评"] == done.metrics["train"]["test"]["recall.好评"]["mean"]
    assert run.data.metrics["resources.peak_memory_mb"] >= 0  # above what this process held before
    tags = run.data.tags
    assert (tags["factory.version"], tags["factory.plan_id"], tags["factory.gates"]) == (version.version, version.plan_id, "passed")
    assert tags["factory.gate.1"].startswith("macro_f1 on test >= 0.5: met")
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("orders", version.version)
    assert version.evaluations["train"]["run_id"] == run.info.run_id
    files = {f.relative_to(factory.root).parts[-2:] for f in (factory.root / "mlruns").rglob("*") if f.is_file()}
    assert files == {("test", "confusion.png"), ("test", "recall.png"), ("test", "predictions.csv")}


def test_the_callers_own_mlflow_store_stays_what_it_was(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow keeps the store in the environment too; a project opened later must not take it for the user's choice."""
    import mlflow

    factory.make(remarks())
    with connected(factory.project):
        assert mlflow.get_tracking_uri() == factory.project.tracking_uri
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert Project.open(factory.root).tracking_uri == f"sqlite:///{factory.root / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    with connected(factory.project):
        pass
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///elsewhere.db"


def test_a_second_pilot_does_nothing(piloted: tuple[Factory, PilotResult]) -> None:
    factory, first = piloted
    events, rows = versions.events(factory.project, "orders").height, predictions_table(factory.project).version()
    again = pilot(factory.project, "orders")
    assert (again.ran, again.unchanged, again.metrics, again.verdicts) == ((), True, first.metrics, first.verdicts)
    assert len(runs(factory.project)) == 1
    assert (versions.events(factory.project, "orders").height, predictions_table(factory.project).version()) == (events, rows)


def test_gates_are_judged_again_without_evaluating_again(piloted: tuple[Factory, PilotResult]) -> None:
    factory, _ = piloted
    factory.declare(evaluations=[TRAIN], gates=[{"metric": "macro_f1", "at_least": 1.01}, {"metric": "recall.中评", "at_least": 0.1}])
    judged = pilot(factory.project, "orders")
    assert (judged.ran, judged.passed, judged.unchanged) == ((), False, False)
    assert [v.verdict for v in judged.verdicts] == ["missed", "missed"]
    assert "not measured; known: accuracy" in judged.verdicts[1].reason
    (run,) = runs(factory.project)
    assert run.data.tags["factory.gates"] == "failed"
    assert versions.find(factory.project, "orders", "latest").passed is False


@pytest.mark.slow
def test_what_a_killed_pilot_left_is_replaced(factory: Factory) -> None:
    factory.make(remarks())
    done = pilot(factory.project, "orders")
    key = versions.find(factory.project, "orders", "latest").evaluations["train"]["key"]
    # The register forgets the evaluation, as when the process died after MLflow's run was opened and before it was recorded.
    table = factory.project.table("system", "versions")
    table.write(table.read().filter(pl.col("event") == "made"), "overwrite")
    with connected(factory.project) as mlflow:
        client = mlflow.MlflowClient()
        experiment = mlflow.get_experiment_by_name("orders").experiment_id
        left = client.create_run(experiment, tags={"factory.key": key}).info.run_id
    again = pilot(factory.project, "orders")
    assert (again.ran, again.metrics["train"]["test"]) == (("train",), done.metrics["train"]["test"])
    (run,) = runs(factory.project)
    assert (run.info.status, run.info.run_id == left) == ("FINISHED", False)
    stored = predictions_table(factory.project).read()
    assert stored.height == stored.select("set", "seed", "_row_id").unique().height, "predictions stand once"


@pytest.mark.slow
def test_against_the_release_on_the_frozen_set(factory: Factory) -> None:
    frozen = factory.make(remarks(80, start=1000, split="test"), name="orders_frozen")
    held_out = {"dataset": "orders_frozen", "content": frozen.content_id[:12]}
    factory.declare(held_out=held_out, evaluations=[TRAIN], gates=[{"metric": "macro_f1", "at_least": 0.5}, VERSUS])
    first = factory.make(remarks())
    done = pilot(factory.project, "orders")
    assert [(v.on, v.verdict, v.passed) for v in done.verdicts] == [("held_out", "met", True), ("held_out", "first", True)]
    (run,) = runs(factory.project)
    assert {(d.dataset.name, d.dataset.digest) for d in run.inputs.dataset_inputs} == {
        ("orders", first.version),
        ("orders_frozen", frozen.version),
    }
    versions.record(factory.project, "orders", first.version, "released", {"label": "1.0.0"})

    factory.make(remarks(62), "1.1.0")
    same = pilot(factory.project, "orders")
    assert (same.verdicts[1].verdict, same.verdicts[1].versus, same.passed) == ("equal", "1.0.0", True)

    factory.make(remarks(wrong=60), "1.2.0")
    swapped = pilot(factory.project, "orders")
    assert [(v.verdict, v.passed) for v in swapped.verdicts] == [("missed", False), ("worse", False)]
    assert "against" in swapped.verdicts[1].reason
    assert "(1.0.0)" in swapped.verdicts[1].reason
    assert pilot(factory.project, "orders", "1.0.0").passed, "an older version stays piloted"
    assert len(runs(factory.project)) == 3

    zebra = {**VERSUS, "metric": "recall.中评"}
    factory.declare(held_out=held_out, evaluations=[TRAIN], gates=[zebra])
    (unknown,) = pilot(factory.project, "orders").verdicts
    assert (unknown.verdict, unknown.passed) == ("missed", False)
    assert "not measured" in unknown.reason


def test_a_pin_on_content_that_no_version_has_names_what_there_is(factory: Factory) -> None:
    frozen = factory.make(remarks(20, start=1000, split="test"), "2.0.0", name="orders_frozen")
    factory.make(remarks())
    factory.declare(held_out={"dataset": "orders_frozen", "content": "0" * 12}, evaluations=[TRAIN])
    with pytest.raises(HeldOutError, match="pinned content 000000000000") as refused:
        pilot(factory.project, "orders")
    assert f"2.0.0: {frozen.content_id[:12]}" in str(refused.value.fix)
    assert not predictions_table(factory.project).exists()


def test_a_held_out_set_without_a_version_says_how_to_make_one(factory: Factory) -> None:
    factory.make(remarks())
    factory.declare(held_out={"dataset": "orders_frozen"}, evaluations=[TRAIN])
    with pytest.raises(NotFoundError, match="no version yet") as refused:
        pilot(factory.project, "orders")
    assert refused.value.fix == "lakehouse run orders_frozen --to gold"


def test_nothing_to_be_scored_on_is_refused(factory: Factory) -> None:
    factory.make(remarks(split="train"))
    with pytest.raises(RecipeError, match="no test rows and no held-out rows"):
        pilot(factory.project, "orders")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9: the MLflow server does not answer"),  # the discard port, where nothing listens
        ("http://me:secret@127.0.0.1:9", "http://127.0.0.1:9: the MLflow server does not answer"),
        ("sqlite:///{root}/notes.txt", "MLflow refused: DatabaseError"),
        ("postgresql://nowhere.invalid/mlflow", "MLflow refused: ModuleNotFoundError|MLflow refused: OperationalError"),
        ("moon://base", "MLflow refused"),
    ],
)
def test_a_store_that_cannot_be_is_one_message_within_seconds(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, uri: str, words: str
) -> None:
    factory.make(remarks())
    (factory.root / "notes.txt").write_text("this is no database\n" * 99, encoding="utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(root=factory.root))
    began = time.perf_counter()
    with pytest.raises(StorageError, match=words) as refused:
        pilot(factory.project, "orders")
    assert time.perf_counter() - began < 20
    assert "MLFLOW_TRACKING_URI" in str(refused.value.fix)
    assert "secret" not in str(refused.value)
    assert versions.find(factory.project, "orders", "latest").evaluations == {}
    assert not predictions_table(factory.project).exists(), "nothing was evaluated in vain"


def test_the_verdict_of_a_version_stands_after_its_own_release(factory: Factory) -> None:
    factory.make(remarks(80, start=1000, split="test"), name="orders_frozen")
    factory.declare(held_out={"dataset": "orders_frozen"}, evaluations=[TRAIN], gates=[VERSUS])
    for label, rows in (("1.0.0", remarks()), ("1.1.0", remarks(62))):
        version = factory.make(rows, label)
        judged = pilot(factory.project, "orders")
        versions.record(factory.project, "orders", version.version, "released", {"label": label})
        again = pilot(factory.project, "orders")
        assert (again.unchanged, again.verdicts) == (True, judged.verdicts)
    assert (judged.verdicts[0].verdict, judged.verdicts[0].versus) == ("equal", "1.0.0")


def test_gates_are_judged_where_the_run_stands_in_another_store(
    factory: Factory, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.make(remarks())
    pilot(factory.project, "orders")
    shutil.copyfile(empty_store, factory.root / "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{factory.root / 'other.db'}")
    factory.declare(evaluations=[TRAIN], gates=[{"metric": "accuracy", "at_least": 0.1}])
    said: list[str] = []
    judged = pilot(factory.project, "orders", progress=lambda what, done, total: said.append(what))
    assert (judged.ran, judged.passed, judged.unchanged) == ((), True, False)
    assert len(said) == 1
    assert "MLflow does not hold run" in said[0]
    assert pilot(factory.project, "orders").unchanged
