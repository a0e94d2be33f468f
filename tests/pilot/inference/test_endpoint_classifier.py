"""A model behind an endpoint is asked once, ever; its answers are read as labels, and what may not leave this machine does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.errors import EndpointError, RecipeError, SpecError
from lakehouse.core.hashing import content_id, digest
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data, DataOrigin
from lakehouse.pilot.inference.endpoint_classifier import NO_ANSWER, EndpointClassifier, EndpointSettings, paraphrases
from lakehouse.pilot.worker import evaluate

from ...production.endpoint_server import KEY, MODEL, completion, model_server
from ..conftest import Factory, remarks

RIGHT = {"great": ("body", completion("好评。")), "terrible": ("body", completion("「差评」"))}


def declared(url: str, **more: Any) -> EndpointSettings:
    return {"url": url, "model": MODEL, **more}  # type: ignore[typeddict-item]


def asked(names: dict[str, str], classes: tuple[str, ...] = ("bad", "good", "not good")) -> EndpointClassifier:
    endpoint = declared("http://127.0.0.1:9/v1", names=names)
    return EndpointClassifier.declared(endpoint, "text", classes, DataOrigin())


@pytest.fixture
def here(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> Factory:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    return factory


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("good", "good"),
        (" Good.\n", "good"),
        ('"GOOD"', "good"),
        ("The label is: good", "good"),
        ("not good", "not good"),
        ("It is not good at all.", "not good"),
        ("good or bad", NO_ANSWER),
        ("goods arrived", NO_ANSWER),
        ("I cannot say", NO_ANSWER),
        ("?", NO_ANSWER),
    ],
)
def test_an_answer_is_the_only_label_that_it_names(here: Factory, answer: str, label: str) -> None:
    assert asked({}).label_of(answer) == label


def test_labels_may_have_names_of_their_own_also_chinese_ones(here: Factory) -> None:
    model = asked({"1": "正面", "0": "负面"}, ("0", "1"))
    assert [model.label_of(said) for said in ("正面", "这条评论是负面的。", "1", "正面或负面")] == ["1", "0", NO_ANSWER, NO_ANSWER]
    assert "正面" in model.requests(pl.Series(["很好"]))[0]


def test_a_name_of_no_label_and_two_of_one_name_are_refused(here: Factory) -> None:
    with pytest.raises(RecipeError, match="name no label of the train rows: god"):
        asked({"god": "x"})
    with pytest.raises(RecipeError, match="two labels have one name"):
        asked({"good": "Fine", "bad": "fine"})


@pytest.mark.parametrize(
    ("prompt", "words"), [("Which label?", "does not hold `{text}`"), ("{text} {title}", r"the place `{title}`"), ("{text} {", "template")]
)
def test_a_prompt_that_cannot_be_filled_is_refused(here: Factory, prompt: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        EndpointClassifier.declared(declared("http://127.0.0.1:9/v1", prompt=prompt), "text", ("a", "b"), DataOrigin())


def test_a_misspelled_key_of_the_endpoint_is_refused_at_its_declaration() -> None:
    params = {"input": "text", "label": "label", "endpoint": {"url": "http://127.0.0.1:9/v1", "modle": "x"}}
    with pytest.raises(SpecError, match="modle"):
        EVALUATIONS.bind(Call.model_validate({"robustness": params}))


def test_each_text_is_asked_once_ever_and_an_answer_without_a_label_is_an_error(here: Factory) -> None:
    texts = pl.Series("text", ["很好 great", "terrible", "很好 great", None, "a strange one"])
    with model_server(always=RIGHT) as server:
        for _ in range(2):
            model = EndpointClassifier.declared(declared(server.url), "text", ("好评", "差评"), DataOrigin())
            assert model.labels(texts).to_list() == ["好评", "差评", "好评", NO_ANSWER, NO_ANSWER]
        assert len(server.bodies) == 4
        assert server.bodies[0]["temperature"] == 0.0
        assert "好评, 差评" in server.bodies[0]["messages"][-1]["content"]


def test_a_request_that_is_refused_is_no_answer(here: Factory) -> None:
    with model_server(always={**RIGHT, "refuse me": ("status", 400, {}, "no")}) as server:
        model = EndpointClassifier.declared(declared(server.url), "text", ("好评", "差评"), DataOrigin())
        assert model.labels(pl.Series(["refuse me", "great"])).to_list() == [NO_ANSWER, "好评"]
        assert paraphrases(declared(server.url), "text", pl.Series(["refuse me", "great"]), DataOrigin()).to_list() == [None, "好评。"]


def test_the_key_comes_from_the_environment_and_stands_nowhere(here: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with model_server(key=KEY, always=RIGHT) as server:
        model = EndpointClassifier.declared(declared(server.url, key_env="LOOP_KEY"), "text", ("好评", "差评"), DataOrigin())
        monkeypatch.delenv("LOOP_KEY", raising=False)
        with pytest.raises(EndpointError, match="LOOP_KEY holds no key"):
            model.labels(pl.Series(["great"]))
        monkeypatch.setenv("LOOP_KEY", KEY)
        assert model.labels(pl.Series(["great"])).to_list() == ["好评"]
    stored = b"".join(file.read_bytes() for file in (here.root / "lake").rglob("*") if file.is_file())
    assert KEY.encode() not in stored


def test_an_endpoint_is_evaluated_in_a_process_of_its_own_and_keeps_its_answers(factory: Factory) -> None:
    rows = remarks(20)
    origin = DataOrigin("orders", factory.root)
    parts = Data(rows.filter(pl.col("_split") == "train"), {"test": rows.filter(pl.col("_split") == "test")}, origin)
    with model_server(always=RIGHT) as server:
        call = Call.model_validate(
            {"robustness": {"input": "text", "label": "label", "noise": ["case_noise"], "endpoint": declared(server.url, timeout=10.0)}}
        )
        jobs = factory.project.state / "pilot" / "orders"
        found = [evaluate(call, parts, jobs).scores for _ in range(2)]
        assert all(body["model"] == MODEL for body in server.bodies)
        assert len(server.bodies) == len(server.asked())
    assert found[0].metrics["test"]["clean_accuracy"] == found[1].metrics["test"]["clean_accuracy"]
    assert found[0].predictions["seed"].unique().to_list() == [0]
    assert factory.project.table("system", "answers").exists()


def at_version(factory: Factory, privacy: dict[str, list[str]]) -> None:
    """A version of `orders` whose rows may carry `privacy`."""
    rows = remarks(10)
    delta = factory.project.table("gold", "orders").write(rows, "overwrite")
    plan, content = digest(["orders", privacy]), content_id(rows, "_row_id", "_hash")
    manifest = {"dataset": "orders", "label": "1.0.0", "plan_id": plan, "content_id": content, "gold": {"delta_version": delta}}
    versions.record(factory.project, "orders", versions.version_id(plan, content), "made", manifest | {"privacy": privacy})


def test_what_may_carry_a_privacy_class_is_not_sent_to_another_machine(factory: Factory) -> None:
    origin = DataOrigin("orders", factory.root)
    at_version(factory, {"text": ["email", "phone"]})
    with pytest.raises(RecipeError, match=r"`text` of orders 1.0.0 may carry email, phone") as refused:
        EndpointClassifier.declared(declared("https://models.example.org/v1"), "text", ("a", "b"), origin)
    assert "may_send" in str(refused.value.fix)
    with pytest.raises(RecipeError, match=r"may carry email, which"):
        EndpointClassifier.declared(declared("https://models.example.org/v1", may_send=["phone"]), "text", ("a", "b"), origin)
    EndpointClassifier.declared(declared("https://models.example.org/v1", may_send=["pii"]), "text", ("a", "b"), origin)
    EndpointClassifier.declared(declared("https://models.example.org/v1"), "title", ("a", "b"), origin)
    EndpointClassifier.declared(declared("http://127.0.0.1:9/v1"), "text", ("a", "b"), origin)


def test_a_worker_is_given_the_dataset_of_its_rows_so_that_what_they_may_carry_stays_here(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_version(factory, {"text": ["email"]})
    monkeypatch.chdir(tmp_path)  # neither the working folder nor the environment names the project
    rows = remarks(20)
    sets = {"test": rows.filter(pl.col("_split") == "test")}
    params = {"input": "text", "label": "label", "noise": ["case_noise"], "endpoint": declared("https://models.example.org/v1")}
    data = Data(rows.filter(pl.col("_split") == "train"), sets, DataOrigin("orders", factory.root))
    with pytest.raises(RecipeError, match=r"`text` of orders 1.0.0 may carry email"):
        evaluate(Call.model_validate({"robustness": params}), data, tmp_path / "jobs")


def test_rows_of_no_declared_dataset_are_not_sent_to_another_machine(here: Factory) -> None:
    with pytest.raises(RecipeError, match="nothing says what `text` may carry"):
        EndpointClassifier.declared(declared("https://models.example.org/v1"), "text", ("a", "b"), DataOrigin())


def test_requests_are_canonical_json(here: Factory) -> None:
    (request,) = asked({}).requests(pl.Series(['say "hi" {x}']))
    body = json.loads(request)
    assert body["messages"][-1]["content"].endswith('Text: say "hi" {x}')
    assert request == json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
