"""An evaluation in the caller's own process gives what one in a process of its own gives; only its costs are measured otherwise."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data, DataOrigin
from lakehouse.pilot.scores import Scores
from lakehouse.pilot.worker import evaluate, evaluate_in_process, runner_of

from .conftest import TRAIN, Factory, remarks

pytestmark = pytest.mark.usefixtures("isolated")

CALL = Call.model_validate({"train": {**TRAIN["train"], "loss_curve": True, "log_model": True}})


def data(root: Path | None = None) -> Data:
    rows = remarks(120)
    return Data(rows.filter(pl.col("_split") == "train"), {"test": rows.filter(pl.col("_split") == "test")}, DataOrigin("orders", root))


def settings(factory: Factory, text: str) -> Project:
    (factory.root / "lakehouse.yaml").write_text(text, encoding="utf-8")
    return factory.project


def test_scores_predictions_and_pictures_are_those_of_an_isolated_evaluation(factory: Factory) -> None:
    isolated = evaluate(CALL, data(factory.root), factory.project.state / "pilot" / "orders")
    here = evaluate_in_process(CALL, data(factory.root))
    assert here.scores.predictions.equals(isolated.scores.predictions)
    assert here.scores.scoring is isolated.scores.scoring
    assert list(here.scores.files) == list(isolated.scores.files) == ["loss.png"]
    assert {**here.scores.steps} == {**isolated.scores.steps}
    assert {**here.scores.notes} == {**isolated.scores.notes}
    assert here.wall_seconds > 0
    assert here.peak_memory_mb >= 0
    title = "1.0.0"
    pictures = [s.scoring.pictures(s.predictions, {}, title) for s in (here.scores, isolated.scores)]
    assert pictures[0] == pictures[1]


def test_the_setting_chooses_and_isolation_is_the_default(factory: Factory) -> None:
    assert runner_of(factory.project, "orders") is not evaluate_in_process
    assert runner_of(settings(factory, "evaluations: in_process\n"), "orders") is evaluate_in_process
    with pytest.raises(SpecError, match="evaluations"):
        settings(factory, "evaluations: in_threads\n")


def test_the_environment_wins_over_the_settings(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_EVALUATIONS", "isolated")
    assert runner_of(settings(factory, "evaluations: in_process\n"), "orders") is not evaluate_in_process
    monkeypatch.setenv("LAKEHOUSE_EVALUATIONS", "in_threads")
    with pytest.raises(SpecError, match="LAKEHOUSE_EVALUATIONS is `in_threads`"):
        settings(factory, "workers: 1\n")


def test_a_refusal_and_a_crash_are_one_message() -> None:
    with pytest.raises(RecipeError, match="no column `comment`") as refused:
        evaluate_in_process(Call.model_validate({"train": {**TRAIN["train"], "input": "comment"}}), data())
    assert refused.value.fix == "columns: text, label"
    broken = Data(data().train.drop("_row_id"), {"test": data().sets["test"].drop("_row_id")})
    with pytest.raises(RecipeError, match="evaluation train ended with an error: ColumnNotFoundError"):
        evaluate_in_process(CALL, broken)


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores: Scores = EVALUATIONS.entry(CALL).function(**EVALUATIONS.bind(CALL))(data())
    scores.write(tmp_path)
    again = Scores.read(tmp_path)
    assert again.predictions.equals(scores.predictions)
    assert (again.seconds, again.notes, again.files) == (scores.seconds, scores.notes, scores.files)
    assert (again.scoring, again.steps, list(again.remarks)) == (scores.scoring, scores.steps, list(scores.remarks))
    assert again.model is not None
    assert scores.model is not None
    assert again.model.pickled == scores.model.pickled
