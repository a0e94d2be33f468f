"""A version against the constant answer of its train rows, and classes that no scored row has."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.errors import RecipeError
from lakehouse.core.hashing import row_digest
from lakehouse.core.spec import Call, Gate
from lakehouse.operations.check import check
from lakehouse.pilot.baseline import absent, answered, constant, named, truths
from lakehouse.pilot.gates import Verdict, absolute, against_baseline, with_absent
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.pilot.scoring.numbers import NUMBERS
from lakehouse.pilot.scoring.sequences import SEQUENCES
from lakehouse.pilot.scoring.texts import TEXTS
from lakehouse.pilot.tracking.connection import connected

from .conftest import TRAIN, Factory, remarks

BASELINE = {"metric": "macro_f1", "versus": "baseline", "margin": 0.0}


def scored(truth: list[str], predicted: list[str], on: str = "test") -> pl.DataFrame:
    return pl.DataFrame({"label": truth, "predicted": predicted}).select(
        pl.lit(on).alias("set"), pl.lit(1, pl.Int64).alias("seed"), pl.int_range(pl.len()).cast(pl.String).alias("_row_id"), pl.all()
    )


def judged(truth: list[str], predicted: list[str], answer: str | None, scoring: Any = CLASSIFICATION, **gate: Any) -> Verdict:
    asked = Gate(versus="baseline", **{"metric": "macro_f1", "margin": 0.0, **gate})
    return against_baseline(asked, "test", scored(truth, predicted), answer, scoring)


@given(st.lists(st.sampled_from(["好", "坏", "中"]), min_size=1))
def test_the_answer_is_the_most_frequent_class(labels: list[str]) -> None:
    most = max(labels.count(label) for label in labels)
    assert constant(pl.Series(labels), CLASSIFICATION) == min(label for label in labels if labels.count(label) == most)


def test_the_answer_of_numbers_tags_and_texts() -> None:
    assert float(constant(pl.Series(["1.5", "2.5", "8.0"]), NUMBERS) or 0) == 4.0
    assert constant(pl.Series(["O B-x O", "O", ""]), SEQUENCES) == "O"
    assert answered(scored(["O B-x", "", "O"], ["O O", "", "O"]), "$1", SEQUENCES)["predicted"].to_list() == ["$1 $1", "", "$1"]
    assert constant(pl.Series(["6 3"]), TEXTS) is None
    assert constant(pl.Series([], dtype=pl.String), CLASSIFICATION) is None


def test_a_gate_passes_when_the_interval_lies_above_the_margin() -> None:
    truth = ["好", "坏"] * 60
    better = judged(truth, truth, "好")
    assert (better.verdict, better.passed, better.versus, better.p) == ("better", True, "baseline", None)
    assert better.gate == "macro_f1 on test better than baseline by more than 0"
    assert better.reason.startswith("1.0000 against 0.3333 (always `好`): +0.6667, 95 % interval")
    assert not judged(truth, truth, "好", margin=0.7).passed
    constant_model = judged(truth, ["好"] * 120, "好")
    assert (constant_model.verdict, constant_model.passed) == ("equal", False)
    few = judged(["好", "坏", "好", "坏"], ["好", "坏", "好", "好"], "好", metric="accuracy")
    assert (few.verdict, few.passed) == ("inconclusive", False)


def test_numbers_and_tags_are_compared_too() -> None:
    generator = np.random.default_rng(3)
    truth = generator.normal(size=200)
    near = [repr(float(v)) for v in truth + generator.normal(scale=0.1, size=200)]
    texts = [repr(float(v)) for v in truth]
    answer = constant(pl.Series(texts), NUMBERS)
    assert judged(texts, near, answer, NUMBERS, metric="rmse").passed
    assert not judged(texts, [str(answer)] * 200, answer, NUMBERS, metric="rmse").passed
    assert judged(["O B-x"] * 50, ["O B-x"] * 50, "O", SEQUENCES, metric="f1").passed
    assert judged(texts, near, answer, NUMBERS, metric="accuracy").reason == "not measured; known: rmse, mae, r2"
    assert not judged(["a"], ["a"], None).passed


def test_classes_that_no_scored_row_has() -> None:
    rows = pl.concat([scored(["a", "b"], ["a", "c"]), scored(["c", "a"], ["a", "a"], "held_out")])
    assert absent(pl.Series(["a", "b", "c"]), rows, CLASSIFICATION) == {"test": ["c"], "held_out": ["b"]}
    assert absent(pl.Series(["B-x I-x", "O B-y"]), scored(["B-x O"], ["B-y O"]), SEQUENCES) == {"test": ["y"]}
    assert absent(pl.Series(["1.0"]), scored(["2.0"], ["2.0"]), NUMBERS) == {}
    assert named(list("abcdefg")) == "the classes `a`, `b`, `c`, `d`, `e` and 2 more"


def test_a_macro_metric_says_nothing_of_a_class_without_rows() -> None:
    met = absolute(Gate(metric="macro_f1", at_least=0.4), "test", {"test": {"macro_f1": {"mean": 1.0}}})
    judged = with_absent(met, ["rare"])
    assert (judged.verdict, judged.passed, judged.value) == ("inconclusive", False, 1.0)
    assert "no test row is of class `rare`" in judged.reason
    assert "give the test split a larger share, or declare `held_out`" in judged.reason
    plain = with_absent(absolute(Gate(metric="accuracy", at_least=0.4), "test", {"test": {"accuracy": {"mean": 1.0}}}), ["rare"])
    assert (plain.verdict, plain.passed) == ("met", True)
    assert plain.reason.endswith("no test row is of class `rare`")
    assert with_absent(met, []) == met


def test_the_labels_of_train_rows_are_those_of_the_predictions() -> None:
    rows = pl.DataFrame({"text": ["a", "b", "c"], "label": [1, None, 2]})
    call = Call.model_validate({"train": {**TRAIN["train"]}})
    assert truths(call, rows).to_list() == ["1", "2"]
    assert truths(Call.model_validate({"train": {"task": "language_modelling", "input": "text"}}), rows).to_list() == []


def test_a_version_is_held_against_its_baseline(factory: Factory) -> None:
    factory.make(remarks(80, start=1000, split="test"), name="orders_frozen")
    gates = [BASELINE, {**BASELINE, "on": "test"}, {**BASELINE, "metric": "accuracy", "margin": 0.9}]
    factory.declare(held_out={"dataset": "orders_frozen"}, evaluations=[TRAIN], gates=gates)
    factory.make(remarks())
    done = pilot(factory.project, "orders")
    assert [(v.on, v.verdict, v.passed) for v in done.verdicts] == [
        ("held_out", "better", True),
        ("test", "better", True),
        ("held_out", "equal", False),
    ]
    assert "(always `好评`)" in done.verdicts[0].reason
    assert pilot(factory.project, "orders").unchanged


def test_a_class_that_is_not_tested_is_named_everywhere(factory: Factory) -> None:
    rare = pl.DataFrame(
        {"text": ["odd thing"] * 3, "label": ["rare"] * 3, "_row_id": [f"orders_raw/9{i}" for i in range(3)], "_split": ["train"] * 3}
    )
    rare = rare.with_columns(row_digest(dict(rare.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))
    factory.make(pl.concat([remarks(), rare]))
    done = pilot(factory.project, "orders")
    assert [(v.verdict, v.passed) for v in done.verdicts] == [("inconclusive", False)]
    (sentence,) = done.remarks
    assert sentence == "train: test: no row is of class `rare`, so that no score says how well it is told"
    version = versions.find(factory.project, "orders", "latest")
    assert version.evaluations["train"]["absent"] == {"test": ["rare"]}
    assert version.passed is False
    with connected(factory.project) as mlflow:
        run = mlflow.MlflowClient().get_run(version.evaluations["train"]["run_id"])
    assert "class `rare`" in run.data.tags["factory.gate.1"]
    # What was recorded before the register held it is told from the rows.
    table = factory.project.table("system", "versions")
    old = table.read().with_columns(pl.col("payload").str.replace(r',"absent":\{"test":\["rare"\]\}|"absent":\{"test":\["rare"\]\},', ""))
    table.write(old, "overwrite")
    assert "absent" not in versions.find(factory.project, "orders", "latest").evaluations["train"]
    assert pilot(factory.project, "orders").verdicts == done.verdicts


def test_a_language_model_has_no_baseline(factory: Factory) -> None:
    model = {"train": {"task": "language_modelling", "input": "text", "seeds": [1]}}
    factory.declare(evaluations=[model], gates=[{"metric": "bits_per_byte", "versus": "baseline"}])
    factory.make(remarks())
    with pytest.raises(RecipeError, match="train learns no label"):
        pilot(factory.project, "orders")
    assert any("`versus: baseline`" in str(problem) for problem in check(factory.project))
