"""A new task is one file in `lakehouse/pilot/tasks`: with it `train` scores, draws, tests its metrics and answers a diagnosis."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.task import task_named, task_names, tasks

from ..conftest import Factory, remarks

MAJORITY = '''
"""The commonest class, whatever the text: a task of this test."""

from collections import Counter

import polars as pl

from lakehouse.pilot.models.learner import TRUTH, Learner, with_classes
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.task import Task


class Majority(Learner):
    random = False

    def __init__(self, *, input: str, label: str, rank: int = 1) -> None:
        self.input, self.label, self.rank = input, label, rank
        self.needs = {input: "text", label: "label"}

    def labelled(self, rows):
        return with_classes(rows, self.label)

    def learn_features(self, rows):
        return None, rows

    def features(self, learnt, rows):
        return rows

    def fit(self, features, rows, seed):
        return sorted(Counter(rows[TRUTH].to_list()).items(), key=lambda pair: (-pair[1], pair[0]))[self.rank - 1][0]

    def predict(self, model, features, rows):
        return pl.Series([model] * rows.height, dtype=pl.String)


TASK = Task(
    name="majority_class", version=1,
    summary="the commonest class",
    learner=Majority,
    scoring=CLASSIFICATION,
    undiagnosed="it reads nothing of a row",
)
'''

RUN = """
import json, sys
from pathlib import Path

import lakehouse.pilot.tasks

lakehouse.pilot.tasks.__path__.append(sys.argv[1])  # before `train` is loaded

from lakehouse.core.errors import RecipeError
from lakehouse.pilot.diagnose import diagnose
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.predictions import scored_as
from lakehouse.pilot.tracking.connection import connected
from lakehouse.core.project import Project
from lakehouse.authoring.schema import dataset_schema
from lakehouse.core.versions import find

project = Project.open(Path(sys.argv[2]))
done = pilot(project, "orders")
version = find(project, "orders", "latest")
with connected(project) as mlflow:
    client = mlflow.MlflowClient()
    run = version.evaluations["train"]["run_id"]
    files = [file.path for file in client.list_artifacts(run, "test")]
    params = client.get_run(run).data.params
try:
    answer = diagnose(project, "orders").headline()
except RecipeError as error:
    answer = error.what
schema = json.dumps(dataset_schema())
print(json.dumps({
    "macro_f1": done.metrics["train"]["test"]["macro_f1"]["mean"],
    "accuracy": done.metrics["train"]["test"]["accuracy"]["mean"],
    "verdict": done.verdicts[0].verdict,
    "controls": [test.control for test in done.self_tests],
    "differences": [[test.difference, test.damaged - test.clean] for test in done.self_tests],
    "scoring": scored_as(version, "train").name,
    "files": files,
    "params": params,
    "answer": answer,
    "in schema": ["majority_class" in schema, '"rank"' in schema],
}))
"""


def test_a_file_is_enough_for_scores_pictures_self_test_diagnosis_and_schema(factory: Factory, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "majority_class.py").write_text(MAJORITY, encoding="utf-8")
    train = {"train": {"task": "majority_class", "input": "text", "label": "label", "rank": 1}}
    factory.declare(evaluations=[train], gates=[{"metric": "accuracy", "at_least": 0.1}], self_test=True)
    factory.make(remarks(60))
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "new"), str(factory.root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert found["controls"] == ["shuffled_labels", "noise", "halved", "duplicated"]
    assert found["verdict"] == "untrusted", "no control can make a model worse that reads nothing"
    assert all(difference == pytest.approx(apart) for difference, apart in found["differences"])
    assert found["scoring"] == "classification"
    assert {"test/confusion.png", "test/recall.png", "test/predictions.csv"} <= set(found["files"])
    assert found["params"]["rank"] == "1"
    assert "epochs" not in found["params"], "parameters of other tasks are none of this run's"
    assert "rows of majority_class are not diagnosed: it reads nothing of a row" in found["answer"]
    assert found["in schema"] == [True, True]


def test_tasks_are_found_by_their_files() -> None:
    folder = Path(__file__).parents[3] / "lakehouse" / "pilot" / "tasks"
    assert list(task_names()) == sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")
    assert [task.name for task in tasks()] == list(task_names())
    with pytest.raises(RecipeError, match="unknown task `text_clasification`") as refused:
        task_named("text_clasification")
    assert "text_classification" in str(refused.value.fix)
