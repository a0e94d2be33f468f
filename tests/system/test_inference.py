"""The evaluations of inference on the real reviews: the figures that docs/inference.md shows hold roughly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.operations.line import run

from .living import change_pilot

MODEL = {"input": "text", "label": "label", "analyzer": "char", "ngrams": [1, 3], "seeds": [1]}
BEHAVIOUR = {
    "tests": [
        {
            "minimum_function": {
                "name": "complaint",
                "templates": ["这{x}太差了，我要退货。"],
                "slots": {"x": ["本书", "台电脑"]},
                "expect": "negative",
            }
        },
        {
            "minimum_function": {
                "name": "negated",
                "texts": ["这本书一点也不差。", "我没有后悔买这台电脑。"],
                "expect": "positive",
                "cost": 1,
            }
        },
        {"invariance": {"name": "homophones", "noise": {"homophones": {"rate": 0.05}}, "rows": 300, "allowed": 0.1}},
        {"direction": {"name": "thanks", "add": "非常满意，谢谢。", "label": "positive", "must_not": "fall", "rows": 200}},
    ]
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, living: Callable[[Path, str], None]) -> dict[str, dict[str, Any]]:
    """Metrics on the frozen set, by evaluation."""
    folder = tmp_path_factory.mktemp("inference")
    living(folder, "reviews")
    evaluations: list[dict[str, Any]] = [
        {"robustness": MODEL | {"noise": [{"homophones": {"rate": [0.05, 0.2]}}, "case_noise"]}},
        {"calibration": MODEL},
        {"bias": MODEL},
        {"behaviour": MODEL | BEHAVIOUR},
        {"load": MODEL | {"workers": [1, 4], "seconds": 1.0}},
    ]
    gates = [{"evaluation": "robustness", "metric": "worst_drop", "at_most": 0.1}]
    change_pilot(folder, "reviews", evaluations=evaluations, gates=gates)
    made = run(Project.open(folder), ["reviews"])
    assert all(m.pilot is None or m.pilot.passed for m in made)
    version = versions.find(Project.open(folder), "reviews", "latest")
    return {name: result["metrics"]["held_out"] for name, result in version.evaluations.items()}


def mean(numbers: dict[str, Any], name: str) -> float:
    return float(numbers[name]["mean"])


def test_more_noise_costs_more(found: dict[str, dict[str, Any]]) -> None:
    numbers = found["robustness"]
    assert 0.80 < mean(numbers, "clean_accuracy") < 0.90
    assert -0.01 < mean(numbers, "drop.homophones_0.05") < 0.02 < mean(numbers, "drop.homophones_0.2") < 0.08
    assert mean(numbers, "drop.case_noise") == pytest.approx(0, abs=0.005)
    assert mean(numbers, "worst_drop") == mean(numbers, "drop.homophones_0.2")


def test_the_model_is_a_little_less_sure_than_it_could_be(found: dict[str, dict[str, Any]]) -> None:
    numbers = found["calibration"]
    assert 0.015 < mean(numbers, "ece") < 0.06
    assert mean(numbers, "overconfidence") < 0
    assert 0.8 < mean(numbers, "temperature") < 1


def test_short_reviews_are_read_worse_than_long_ones(found: dict[str, dict[str, Any]]) -> None:
    numbers = found["bias"]
    assert mean(numbers, "worst_accuracy") < 0.84
    assert mean(numbers, "equalized_odds_difference.length_low") > mean(numbers, "equalized_odds_difference.length_by_chance") / 2


def test_a_bag_of_characters_takes_a_negated_complaint_for_a_complaint(found: dict[str, dict[str, Any]]) -> None:
    numbers = found["behaviour"]
    assert mean(numbers, "failures.complaint") == 0
    assert mean(numbers, "failures.negated") == 1
    assert mean(numbers, "cost") == 2
    assert mean(numbers, "failures.homophones") < 0.1
    assert mean(numbers, "failures.thanks") < 0.1


def test_the_baseline_is_asked_by_one_and_by_four(found: dict[str, dict[str, Any]]) -> None:
    numbers = found["load"]
    for workers in (1, 4):
        assert 0 < mean(numbers, f"p50_ms.w{workers}") <= mean(numbers, f"p99_ms.w{workers}")
