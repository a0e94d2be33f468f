"""`lakehouse run` killed in the middle of an evaluation: nothing is left running, and the next run ends as if nothing had been."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lakehouse.core import versions
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import predictions_table
from lakehouse.pilot.tracking.connection import connected
from tests.factory import Factory, new_factory
from tests.system.commands import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("isolated"),
    pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the worker in /proc"),
]

TRAIN = {"task": "text_classification", "input": "text", "label": "label", "analyzer": "char", "seeds": [1, 2]}
KILLED = """
import os, signal, sys
import mlflow
from lakehouse.core import versions
from lakehouse.cli import main

place = sys.argv.pop(1)
kill = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
record = versions.record
if place == "a run open in MLflow":
    mlflow.log_artifacts = kill
elif place == "a run finished in MLflow":
    versions.record = lambda p, d, v, event, payload: kill() if event == "evaluated" else record(p, d, v, event, payload)
else:
    versions.record = lambda p, d, v, event, payload: kill() if event == "gated" else record(p, d, v, event, payload)
main()
"""


def opinions(root: Path, store: Path, epochs: int = 20) -> Factory:
    """240 opinions of two kinds that any training tells apart, and a pilot of two seeds."""
    root.mkdir(parents=True)
    shutil.copyfile(store, root / "mlflow.db")
    declared = {"evaluations": [{"train": {**TRAIN, "epochs": epochs}}], "gates": [{"metric": "macro_f1", "at_least": 0.5}]}
    factory = new_factory(root, pilot=declared, splits={"train": 0.6, "test": 0.4})
    words = {"好": "这个商品我很喜欢，值得再买", "坏": "真的讨厌，退货退款，再也不买"}
    kinds = ["好" if i % 2 else "坏" for i in range(240)]
    factory.material({"id": f"{i:03}", "text": f"第{i * 37}条：{words[kind]}{i % 11}", "label": kind} for i, kind in enumerate(kinds))
    return factory


def finish(factory: Factory) -> dict[str, Any]:
    """`lakehouse run notes` to its end, and what it says."""
    command = [sys.executable, "-m", "lakehouse.cli", "run", "notes", "--to", "pilot", "--json"]
    done = subprocess.run(command, cwd=factory.root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = json.loads(done.stdout)
    return dict(made)


def workers(parent: int) -> list[int]:
    """Processes of evaluations that `parent` started."""
    return [pid for pid, owner in _evaluating() if owner == parent]


def _evaluating() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"lakehouse.pilot.worker" in (folder / "cmdline").read_bytes():
                yield int(folder.name), int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def until(seconds: float, what: str) -> Iterator[None]:
    """Look again twenty times a second; fails when it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)
    pytest.fail(what)


def runs(factory: Factory) -> list[tuple[str, str, str]]:
    """Status, version and evaluation of the runs of the dataset that are not deleted, those of single seeds left out."""
    return [
        (r.info.status, r.data.tags["factory.version"], r.data.tags["factory.evaluation"])
        for r in _in_mlflow(factory)[0]
        if "factory.seed" not in r.data.tags
    ]


def parts(factory: Factory) -> tuple[list[str], int]:
    """Seeds that have a run below that of the evaluation, and the number of models."""
    found, models = _in_mlflow(factory)
    return sorted(r.data.tags["factory.seed"] for r in found if "mlflow.parentRunId" in r.data.tags), len(models)


def _in_mlflow(factory: Factory) -> tuple[list[Any], list[Any]]:
    with connected(factory.project) as mlflow:
        client, experiment = mlflow.MlflowClient(), mlflow.get_experiment_by_name("notes").experiment_id
        return list(client.search_runs([experiment])), list(client.search_logged_models([experiment]))


def ends_as_if_nothing_had_been(factory: Factory, undisturbed: dict[str, Any]) -> None:
    made = finish(factory)
    assert (made["gold"]["version"], made["pilot"]["passed"]) == (undisturbed["gold"]["version"], True)
    assert made["pilot"]["metrics"]["train"]["test"] == undisturbed["pilot"]["metrics"]["train"]["test"]
    assert runs(factory) == [("FINISHED", made["gold"]["version"], "train")]
    assert parts(factory) == (["1", "2"], 1)
    found = predictions_table(factory.project).read()
    assert found.height == found.select("set", "seed", "_row_id").unique().height > 0
    assert versions.events(factory.project, "notes")["event"].to_list() == ["made", "evaluated", "gated", "graded"]
    assert list((factory.root / ".lakehouse" / "pilot").rglob("*.parquet")) == [], "no rows lie about"
    assert pilot(factory.project, "notes").unchanged
    assert runs(factory) == [("FINISHED", made["gold"]["version"], "train")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> dict[str, Any]:
    return finish(opinions(tmp_path_factory.mktemp("undisturbed") / "factory", empty_store))


def test_killed_while_the_worker_evaluates(tmp_path: Path, empty_store: Path, undisturbed: dict[str, Any]) -> None:
    factory = opinions(tmp_path / "factory", empty_store, epochs=100_000)  # seconds of training
    command = [sys.executable, "-m", "lakehouse.cli", "run", "notes", "--to", "pilot"]
    for moment in (0.0, 0.5, 1.2):
        run = subprocess.Popen(command, cwd=factory.root, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in until(120, "no worker was started"):
            assert run.poll() is None, "the run ended before it was killed"
            if started := workers(run.pid):
                break
        time.sleep(moment)
        assert workers(run.pid) == started, "the evaluation ended before it was killed"
        run.kill()
        assert run.wait() == -signal.SIGKILL
        for _ in until(30, "a worker is left"):
            if not set(started) & {pid for pid, _ in _evaluating()}:
                break
        assert versions.events(factory.project, "notes")["event"].to_list() == ["made"]
    ends_as_if_nothing_had_been(factory, undisturbed)


@pytest.mark.parametrize("place", ["a run open in MLflow", "a run finished in MLflow", "the gates not recorded"])
def test_killed_with(place: str, tmp_path: Path, empty_store: Path, undisturbed: dict[str, Any]) -> None:
    factory = opinions(tmp_path / "factory", empty_store)
    command = [sys.executable, "-c", KILLED, place, "run", "notes", "--to", "pilot"]
    killed = subprocess.run(command, cwd=factory.root, env=environment(), capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    assert [status for status, _, _ in runs(factory)] == ["RUNNING" if place == "a run open in MLflow" else "FINISHED"]
    ends_as_if_nothing_had_been(factory, undisturbed)
