"""The learning curve of the real reviews: what docs/training.md shows holds roughly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lakehouse import versions
from lakehouse.line import run
from lakehouse.project import Project

from .living import change_pilot, declarations

TRAIN = {"task": "text_classification", "input": "text", "label": "label", "analyzer": "char", "ngrams": [1, 3], "seeds": [1]}


@pytest.mark.slow
def test_twice_the_reviews_would_add_a_point_or_two(tmp_path: Path) -> None:
    declarations(tmp_path)
    evaluations: list[dict[str, Any]] = [
        {"train": TRAIN | {"curve": [0.1, 0.25, 0.5, 1.0]}},
        {"train": {"task": "language_modelling", "input": "text"}},
    ]
    gates = [
        {"metric": "curve.macro_f1.25", "at_least": 0.75},
        {"evaluation": "train_2", "metric": "bits_per_byte", "at_most": 2.5},
    ]
    change_pilot(tmp_path, "reviews", evaluations=evaluations, gates=gates)
    made = run(Project.open(tmp_path), ["reviews"])
    assert all(m.pilot is None or m.pilot.passed for m in made)
    version = versions.find(Project.open(tmp_path), "reviews", "latest")
    found = version.evaluations["train"]["metrics"]["held_out"]
    by_share = [found[f"curve.macro_f1.{share}"]["mean"] for share in (10, 25, 50, 100)]
    assert by_share == sorted(by_share)
    assert 0.76 < by_share[0] < 0.80
    assert 0.85 < by_share[-1] < 0.87
    assert 0.005 < found["curve.gain_of_doubling"]["mean"] < 0.03
    assert any("doubling the 12,511 train rows" in sentence for sentence in version.evaluations["train"]["said"])
    assert version.evaluations["train_2"]["task"] == "language_modelling"
    assert version.evaluations["train"]["metrics"]["resources"]["score_per_cpu_hour"] > 0
