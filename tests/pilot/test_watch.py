"""`lakehouse watch` sees pilots and diagnoses: while one runs, its note says what it does."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from lakehouse.core.runs.watch import running
from lakehouse.operations.line import run
from lakehouse.pilot.diagnose import diagnose
from tests.factory import Factory, new_factory

PILOT = {"evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1]}}]}


@pytest.fixture
def labelled(tmp_path: Path, empty_store: Path) -> Factory:
    factory = new_factory(tmp_path, pilot=PILOT, splits={"by": "row", "train": 0.8, "test": 0.2, "seed": 1})
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    chance = random.Random(3)
    words = {"good": ["fine", "great", "lovely", "喜欢"], "bad": ["awful", "poor", "rude", "退款"]}
    rows = [(label, " ".join(chance.choices(words[label], k=4)) + f" n{n}") for n in range(120) for label in [("good", "bad")[n % 2]]]
    factory.material({"id": f"{n:03}", "text": text, "label": label} for n, (label, text) in enumerate(rows))
    return factory


def test_a_pilot_and_a_diagnosis_are_seen_while_they_run(labelled: Factory) -> None:
    project = labelled.project
    seen: set[str] = set()

    def look(what: str, done: int, total: int | None) -> None:
        seen.update(note.name for note in running(project))

    list(run(project, ["notes"], progress=look))
    assert {"source notes", "dataset notes", "pilot notes"} <= seen
    seen.clear()
    diagnose(project, "notes", progress=look)
    assert "pilot notes" in seen
    assert running(project) == []
