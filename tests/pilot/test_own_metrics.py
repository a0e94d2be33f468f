"""Metrics that an evaluation measures itself, files it reads, and names that MLflow would not take."""

from __future__ import annotations

from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.pilot.pilot import pilot

from .conftest import TRAIN, Factory, remarks

BEHAVIOUR: dict[str, Any] = {"behaviour": {"input": "text", "label": "label", "cases": "cases/orders.yaml"}}
CASES = "tests:\n  - minimum_function: {name: praise, texts: [great wonderful], expect: %s}\n"


def cases(factory: Factory, label: str) -> None:
    file = factory.root / "cases/orders.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(CASES % label, encoding="utf-8")


def test_a_changed_file_of_cases_is_evaluated_again(factory: Factory) -> None:
    cases(factory, "好评")
    factory.declare(evaluations=[BEHAVIOUR])
    factory.make(remarks(60))
    first = pilot(factory.project, "orders")
    assert pilot(factory.project, "orders").unchanged
    cases(factory, "差评")
    second = pilot(factory.project, "orders")
    assert second.ran == ("behaviour",)
    failures = [found.metrics["behaviour"]["test"]["failures.praise"]["mean"] for found in (first, second)]
    assert failures == [0.0, 1.0]


def test_a_gate_on_a_metric_of_its_own_stands_beside_self_tests(factory: Factory) -> None:
    cases(factory, "好评")
    gates = [
        {"metric": "macro_f1", "at_least": 0.5},
        {"metric": "failures.praise", "evaluation": "behaviour", "at_most": 0.0},
    ]
    factory.declare(evaluations=[TRAIN, BEHAVIOUR], gates=gates, self_test=True)
    factory.make(remarks(200))
    found = pilot(factory.project, "orders")
    assert {test.metric for test in found.self_tests} == {"macro_f1"}
    assert [verdict.verdict for verdict in found.verdicts][1] == "met"


def test_labels_of_any_name_reach_mlflow(factory: Factory) -> None:
    rows = remarks(60).with_columns(label=pl.col("label").replace({"好评": "好评 (5, best)", "差评": "差评 & <co>"}))
    version = factory.make(rows)
    pilot(factory.project, "orders")
    assert versions.find(factory.project, "orders", version.version).passed
