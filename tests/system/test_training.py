"""The learning curve of the real reviews, and language models of them: what docs/training.md shows holds roughly."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.operations.line import run
from lakehouse.pilot.controls import UNLABELLED

from .living import change_pilot

TRAIN = {"task": "text_classification", "input": "text", "label": "label", "analyzer": "char", "ngrams": [1, 3], "seeds": [1]}


def test_twice_the_reviews_would_add_a_point_or_two_and_a_model_of_single_characters_may_not_gate(
    tmp_path: Path, living: Callable[[Path, str], None]
) -> None:
    living(tmp_path, "reviews")
    evaluations: list[dict[str, Any]] = [
        {"train": TRAIN | {"curve": [0.1, 0.25, 0.5, 1.0]}},
        {"train": {"task": "language_modelling", "input": "text"}},
        {"train": {"task": "language_modelling", "input": "text", "order": 1}},
    ]
    gates = [
        {"metric": "curve.macro_f1.25", "at_least": 0.75},
        {"evaluation": "train_2", "metric": "bits_per_byte", "at_most": 2.5},
        {"evaluation": "train_2", "metric": "perplexity", "at_most": 100},
        {"evaluation": "train_3", "metric": "bits_per_byte", "at_most": 10},
    ]
    change_pilot(tmp_path, "reviews", evaluations=evaluations, gates=gates, self_test=True)
    made = run(Project.open(tmp_path), ["reviews"])
    piloted = next(m.pilot for m in made if m.pilot is not None and m.pilot.dataset == "reviews")
    assert [v.verdict for v in piloted.verdicts] == ["met", "met", "met", "untrusted"]
    told = {(t.evaluation, t.metric, t.control): t.passed for t in piloted.self_tests}
    assert {control for (name, _, control), passed in told.items() if name == "train_2" and passed} == set(UNLABELLED)
    assert all(passed for (name, _, _), passed in told.items() if name == "train_2")
    assert not told["train_3", "bits_per_byte", "shuffled_order"], "what follows what is nothing to a model of single characters"
    version = versions.find(Project.open(tmp_path), "reviews", "latest")
    found = version.evaluations["train"]["metrics"]["held_out"]
    by_share = [found[f"curve.macro_f1.{share}"]["mean"] for share in (10, 25, 50, 100)]
    assert by_share == sorted(by_share)
    assert 0.76 < by_share[0] < 0.80
    assert 0.85 < by_share[-1] < 0.87
    assert 0.005 < found["curve.gain_of_doubling"]["mean"] < 0.03
    assert any(re.search(r"doubling the 12,5\d\d train rows", sentence) for sentence in version.evaluations["train"]["said"])
    assert version.evaluations["train_2"]["task"] == "language_modelling"
    assert version.evaluations["train"]["metrics"]["resources"]["score_per_cpu_hour"] > 0
