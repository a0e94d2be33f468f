"""The line and its command: from sources to an evaluated version; mistakes are one message and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakehouse.operations import line
from tests.factory import Factory, notes

TRAIN = {"evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1]}}]}


def command(factory: Factory, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    run = [sys.executable, "-m", "lakehouse.cli", *arguments]
    return subprocess.run(run, cwd=factory.root, capture_output=True, text=True, check=False, env=environment)


def decontaminate(dataset: str) -> list[Any]:
    return [{"decontaminate": {"column": "text", "dataset": dataset, "unit": "characters", "size": 2}}]


@pytest.fixture
def two_datasets(notes_factory: Factory) -> Factory:
    """`notes`, freed of what stands in `exam`."""
    notes_factory.declare_source("exam")
    notes_factory.declare([], "exam", sources=["exam"], splits={"test": 1.0})
    notes_factory.declare(decontaminate("exam"))
    notes_factory.material(notes("考题一二三四五六七八九十", "题目另一个"), "exam")
    notes_factory.material(notes("考题一二三四五六七八九十", "评论很好很好很好"))
    return notes_factory


def test_what_a_dataset_refers_to_is_made_first_as_far_as_gold(two_datasets: Factory) -> None:
    exam, made = line.run(two_datasets.project, ["notes"], "silver")
    assert (exam.dataset, made.dataset) == ("exam", "notes")
    assert exam.gold is not None
    assert (made.silver is not None, made.gold, made.pilot) == (True, None, None)
    assert two_datasets.texts("silver") == ["评论很好很好很好"]


@pytest.mark.parametrize(("to", "made"), [("bronze", 0), ("silver", 1), ("gold", 2), ("pilot", 2)])
def test_a_run_goes_as_far_as_it_is_asked_to(notes_factory: Factory, to: line.Stage, made: int) -> None:
    notes_factory.material(notes("one", "two"))
    (done,) = line.run(notes_factory.project, ["notes"], to)
    assert [stage is not None for stage in (done.silver, done.gold, done.pilot)] == [made > 0, made > 1, False]
    assert not done.unchanged
    (again,) = line.run(notes_factory.project, ["notes"], to)
    assert again.unchanged


def test_a_plan_says_what_a_run_would_do_and_then_nothing(two_datasets: Factory) -> None:
    before = {p.dataset: p for p in line.plans(two_datasets.project, ["notes"])}
    assert before["exam"].silver == ("source exam was never collected",)
    list(line.run(two_datasets.project, ["notes"], "gold"))
    after = line.plans(two_datasets.project, ["notes"])
    assert [(p.silver, p.gold, p.measure) for p in after] == [((), (), 0), ((), (), 0)]
    two_datasets.declare([*decontaminate("exam"), {"text_length": {"column": "text"}}])
    changed = line.plans(two_datasets.project, ["notes"])[1]
    assert changed.measure == 2
    assert changed.signals == ("text_length__length",)
    assert "step text_length is new or changed" in changed.silver
    (_, made) = line.run(two_datasets.project, ["notes"], "gold")
    assert made.silver is not None
    assert made.silver.measured == 0
    assert line.plans(two_datasets.project, ["notes"])[1].plan_id == changed.plan_id


HOLD = """
import sys, time
from pathlib import Path
from lakehouse.core.runs.lock import locked
from lakehouse.core.project import Project

with locked(Project.open(Path(sys.argv[1])), "dataset notes"):
    print("held", flush=True)
    time.sleep(120)
"""


def test_of_two_runs_at_once_one_is_told_to_wait(notes_factory: Factory) -> None:
    notes_factory.material(notes("one"))
    notes_factory.collect()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(notes_factory.root)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = command(notes_factory, "run", "notes")
        holder.kill()
    assert refused.returncode == 3
    assert f"error: dataset notes is being made by process {holder.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert command(notes_factory, "run", "notes", "--to", "gold").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "note"], 2, "did you mean `notes`?"),
        (["rum"], 2, "no command `lakehouse rum`; did you mean `lakehouse run`?"),
        (["run", "notes", "--to", "moon"], 2, "'moon' is not one of"),
        (["check"], 2, "assets/datasets/bad.yaml:1: unknown key `ownr`"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_code(notes_factory: Factory, arguments: list[str], code: int, words: str) -> None:
    if arguments == ["check"]:
        notes_factory.write("assets/datasets/bad.yaml", "ownr: x\n")
    done = command(notes_factory, *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_factory(tmp_path: Path) -> None:
    done = command(Factory(tmp_path), "status")
    assert done.returncode == 2
    assert "no data factory at or above" in done.stderr
    assert "lakehouse init DIR" in done.stderr


def test_answers_and_mistakes_as_json(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    (made,) = json.loads(command(notes_factory, "run", "notes", "--to", "gold", "--json").stdout)
    assert made["gold"]["label"] == "1.0.0"
    assert made["silver"]["balance"][0]["step"] == "intake"
    broken = command(notes_factory, "run", "note", "--json")
    assert json.loads(broken.stdout)["error"] == {
        "kind": "NotFoundError",
        "what": "no dataset `note`",
        "where": None,
        "fix": "did you mean `notes`?",
    }


@pytest.mark.slow
def test_the_whole_line_with_an_evaluation(notes_factory: Factory) -> None:
    texts = [f"{'好' if i % 2 else '坏'}评第{i}条，{'喜欢' if i % 2 else '讨厌'}这个商品" for i in range(120)]
    notes_factory.material({"id": f"{i:03}", "text": t, "label": "p" if i % 2 else "n"} for i, t in enumerate(texts))
    notes_factory.declare([], pilot={**TRAIN, "gates": [{"metric": "macro_f1", "at_least": 0.5}]}, splits={"train": 0.6, "test": 0.4})
    done = command(notes_factory, "run", "notes")
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout
    again = command(notes_factory, "run", "notes")
    assert "Nothing to do: every version is as declared." in again.stdout
    notes_factory.declare([], pilot={**TRAIN, "gates": [{"metric": "macro_f1", "at_least": 1.01}]}, splits={"train": 0.6, "test": 0.4})
    failed = command(notes_factory, "run", "notes")
    assert failed.returncode == 4
    assert "Gates failed" in failed.stdout
