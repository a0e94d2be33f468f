"""Behavioural tests: each says what a model must do, how often it may fail, and what a failure costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.core.errors import NotFoundError, RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data
from lakehouse.pilot.inference.cases import TextCases, replaced
from lakehouse.pilot.pilot import pilot
from lakehouse.pilot.scores import Scores

from ...production.endpoint_server import MODEL, completion, model_server
from ..conftest import Factory, remarks
from ..test_worker import data

PRAISE = {"minimum_function": {"name": "praise", "texts": ["great wonderful"], "expect": "好评"}}
"""A test that the baseline passes."""
CONFUSED = {"minimum_function": {"name": "confused", "texts": ["great", "terrible"], "expect": "好评", "cost": 2.5}}
"""A test that it fails half of."""


def call(*tests: Any, **params: object) -> Call:
    return Call.model_validate({"behaviour": {"input": "text", "label": "label", "seeds": [1, 2], "tests": list(tests), **params}})


def scores(*tests: Any, parts: Data | None = None, **params: object) -> Scores:
    made = call(*tests, **params)
    return EVALUATIONS.entry(made).function(**EVALUATIONS.bind(made))(parts or data(remarks()))  # type: ignore[no-any-return]


def report(found: Scores) -> dict[str, dict[str, Any]]:
    """What is said of each test with the first seed."""
    return {told["test"]: told for told in json.loads(found.files["test/behaviour.json"]) if told["seed"] == 1}


def test_failures_are_counted_priced_and_shown() -> None:
    found = scores(PRAISE, CONFUSED)
    assert found.metrics["test"] == {
        "failures.praise": [0.0, 0.0],
        "failures.confused": [0.5, 0.5],
        "tests_failed": [1.0, 1.0],
        "cost": [2.5, 2.5],
    }
    told = report(found)
    assert told["praise"]["passed"]
    assert told["confused"]["examples"] == [{"text": "terrible", "predicted": "差评"}]
    assert found.predictions.is_empty()


def test_a_share_that_may_fail_is_allowed() -> None:
    allowed = {"minimum_function": {**CONFUSED["minimum_function"], "allowed": 0.5}}
    assert scores(allowed).metrics["test"]["tests_failed"] == [0.0, 0.0]


def test_templates_are_tried_with_every_combination_of_their_slots() -> None:
    texts = TextCases(name="t", templates=["{a}{b}{a}", "plain"], slots={"a": ["x", "y"], "b": ["1", "2"]}, texts=["plain", "{c}"])
    assert texts.written() == ["plain", "{c}", "x1x", "x2x", "y1y", "y2y"]


def test_a_change_that_must_not_matter_is_tried_where_it_changes_something() -> None:
    fine = {"invariance": {"name": "items", "texts": ["great item 1", "no number"], "replace": [["item 1", "item 2"]]}}
    swapped = {"invariance": {"name": "swapped", "texts": ["great", "terrible"], "replace": [["great", "terrible"], ["terrible", "great"]]}}
    found = scores(fine, swapped)
    assert found.metrics["test"]["failures.items"] == [0.0, 0.0]
    assert found.metrics["test"]["failures.swapped"] == [1.0, 1.0]
    told = report(found)
    assert told["items"]["cases"] == 1
    assert told["swapped"]["examples"][0] == {"text": "great", "changed": "terrible", "before": "好评", "after": "差评"}


def test_rows_of_each_set_are_tried_under_noise() -> None:
    parts = data(remarks())
    parts = Data(parts.train, {**parts.sets, "held_out": remarks(50, start=100, split="test")})
    found = scores({"invariance": {"name": "case", "noise": {"case_noise": {"kinds": ["upper"]}}, "rows": 10}}, parts=parts)
    assert report(found)["case"]["cases"] == 10
    assert json.loads(found.files["held_out/behaviour.json"])[0]["cases"] == 10
    assert found.metrics["test"]["failures.case"] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("must_not", "added", "rate"), [("fall", "great", 0.0), ("fall", "terrible", 1.0), ("rise", "great", 1.0), ("rise", "terrible", 0.0)]
)
def test_an_addition_moves_the_probability_one_way(must_not: str, added: str, rate: float) -> None:
    # With no other word in them the texts' own probability is in the middle.
    test = {"direction": {"name": "added", "texts": ["item 3", "item 5"], "add": f" {added}", "label": "好评", "must_not": must_not}}
    assert scores(test).metrics["test"]["failures.added"] == [rate, rate]


def test_a_tolerance_forgives_a_small_move() -> None:
    test = {"name": "added", "texts": ["item 3"], "add": " terrible", "label": "好评", "must_not": "fall", "tolerance": 1.0}
    assert scores({"direction": test}).metrics["test"]["failures.added"] == [0.0, 0.0]


def test_a_case_file_stands_beside_the_declaration_and_a_mistake_in_it_has_its_line(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    with pytest.raises(NotFoundError, match=r"no file cases.yaml"):
        scores(PRAISE, cases="cases.yaml")
    file = factory.root / "cases.yaml"
    file.write_text("tests:\n  - minimum_function:\n      name: 中文\n      texts: [很好]\n", encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        scores(PRAISE, cases="cases.yaml")
    assert str(refused.value.where).startswith("cases.yaml:")
    file.write_text("tests:\n  - minimum_function: {name: chinese, texts: [很好 喜欢], expect: 好评}\n", encoding="utf-8")
    assert scores(PRAISE, cases="cases.yaml").metrics["test"]["failures.chinese"] == [0.0, 0.0]
    file.write_text("tests:\n  - minimum_function: {name: praise, texts: [很好], expect: 好评}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="two tests are named `praise`"):
        scores(PRAISE, cases="cases.yaml")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ({"minimum": {"name": "a"}}, "unknown kind of behavioural test `minimum`"),
        ({"minimum_function": {"name": "a", "texts": ["x"]}}, "expect"),
        ({"minimum_function": {"name": "a", "expect": "好评"}}, "no texts to try"),
        ({"minimum_function": {"name": "a", "expect": "好评", "texts": ["x"], "rows": 3}}, "rows"),
        ({"minimum_function": {"name": "a", "expect": "好评", "templates": ["{x}"]}}, "has the place {x}"),
        ({"invariance": {"name": "a", "texts": ["x"]}}, "either `replace` or `noise`"),
        ({"invariance": {"name": "a", "texts": ["x"], "noise": "redact"}}, "makes no noise"),
        ({"invariance": {"name": "a", "texts": ["x"], "replace": [["", "y"]]}}, "is empty"),
        ({"direction": {"name": "a", "texts": ["x"], "add": "y", "label": "好评", "must_not": "move"}}, "must_not"),
        ("praise", "unknown kind"),
    ],
)
def test_a_test_that_is_none_is_refused_at_its_declaration(test: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        EVALUATIONS.bind(call(test))


def test_what_cannot_be_tried_is_one_message() -> None:
    with pytest.raises(SpecError, match="has no tests"):
        scores()
    with pytest.raises(RecipeError, match="no train row has the label 'good'"):
        scores({"minimum_function": {"name": "a", "texts": ["x"], "expect": "good"}})
    with pytest.raises(RecipeError, match="leaves all 1 texts as they are"):
        scores({"invariance": {"name": "a", "texts": ["x"], "replace": [["y", "z"]]}})


def test_an_endpoint_is_tried_too_but_has_no_direction(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    always = {"terrible": ("body", completion("差评")), "great": ("body", completion("好评"))}
    with model_server(always=always) as server:
        endpoint = {"url": server.url, "model": MODEL}
        assert scores(CONFUSED, endpoint=endpoint).metrics["test"]["failures.confused"] == [0.5]
        direction = {"direction": {"name": "a", "texts": ["x"], "add": "y", "label": "好评", "must_not": "fall"}}
        with pytest.raises(RecipeError, match="an endpoint gives no probabilities"):
            scores(direction, endpoint=endpoint)


def test_what_is_put_in_is_not_replaced_again() -> None:
    assert replaced(pl.Series(["ab abc b"]), [["ab", "b"], ["b", "ab"], ["abc", "x"]]).to_list() == ["b x ab"]


def test_a_gate_bounds_the_cost_and_the_file_is_found_by_the_worker(factory: Factory, tmp_path: Path) -> None:
    params = {**call(cases="cases.yaml").params, "seeds": [1]}
    factory.declare(
        evaluations=[{"behaviour": params}],
        gates=[{"metric": "cost", "at_most": 2.0, "on": "test"}, {"metric": "tests_failed", "at_most": 1, "on": "test"}],
    )
    (factory.root / "cases.yaml").write_text(json.dumps({"tests": [CONFUSED]}), encoding="utf-8")
    factory.make(remarks())
    done = pilot(factory.project, "orders")
    assert [(v.metric, v.value, v.verdict) for v in done.verdicts] == [("cost", 2.5, "missed"), ("tests_failed", 1.0, "met")]
