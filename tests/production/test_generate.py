"""Texts from models and from templates: what is asked is the canonical JSON of the request, filled from the row's columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import EndpointError, RecipeError, SpecError
from lakehouse.core.hashing import canonical
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import silent
from lakehouse.core.text.templates import filled
from lakehouse.production.endpoint.answers import answered
from lakehouse.production.engine.operator import SEED, Ask, Change
from tests.factory import Factory, new_factory, notes

from .endpoint_server import KEY, MODEL, Model, model_server
from .test_operators import plan

ROWS = pl.Schema({"text": pl.String, "stars": pl.Int64, SEED: pl.UInt64})
rows = st.lists(
    st.tuples(st.none() | st.text(max_size=20), st.none() | st.integers(-5, 5), st.integers(0, 2**64 - 1)), min_size=1, max_size=5
)
pieces = st.lists(
    st.sampled_from(["{text}", "{stars}", "{{", "}}", "{{text}}"]) | st.text(max_size=5).filter(lambda t: not set(t) & set("{}"))
)


@pytest.fixture
def model() -> Iterator[Model]:
    with model_server() as running:
        yield running


def frame(given: list[tuple[str | None, int | None, int]]) -> pl.DataFrame:
    return pl.DataFrame(given, schema=ROWS, orient="row")


def text_of(template: str, row: tuple[str | None, int | None, int]) -> str | None:
    """As `str.format` fills it; None where a value is."""
    values = {"text": row[0], "stars": row[1]}
    missing = any(value is None and "{" + name + "}" in template.replace("{{", "") for name, value in values.items())
    return None if missing else template.format(**values)


@given(pieces, rows)
@example(["{{{text}}}", " {{}} {{{{"], [("好", 1, 0)])
def test_a_template_is_filled_as_python_fills_it(parts: list[str], given: list[tuple[str | None, int | None, int]]) -> None:
    template = "".join(parts)
    made = frame(given).select(SEED, filled(template).alias("made"))["made"].to_list()
    assert made == [text_of(template, row) for row in given]


def test_values_that_are_no_texts_are_filled_as_texts() -> None:
    given = pl.DataFrame({"a": [1.5], "b": [True], "c": ["2020-01-31"]}).with_columns(pl.col("c").str.to_date())
    assert given.select(filled("{a} {b} {c}")).item() == "1.5 true 2020-01-31"


@pytest.mark.parametrize("template", ["{", "}", "{}", "{ text }", "{text", "text}", "{{}", "a {text} {", "{te{xt}"])
def test_a_brace_out_of_place_is_named(template: str) -> None:
    with pytest.raises(RecipeError, match="names no column") as caught:
        plan("fill_template", column="text", templates=["fine", template])
    assert "`{{`" in str(caught.value)


def test_columns_of_the_engine_are_none_of_the_row() -> None:
    with pytest.raises(RecipeError, match="own columns"):
        plan("fill_template", column="text", templates=["{_row_id}"])
    with pytest.raises(RecipeError, match="no templates"):
        plan("fill_template", column="text", templates=[])


@given(st.lists(pieces.map("".join), min_size=1, max_size=4), rows)
def test_fill_template_is_one_of_the_templates(templates: list[str], given: list[tuple[str | None, int | None, int]]) -> None:
    made = plan("fill_template", column="text", templates=templates)
    assert isinstance(made, Change)
    found = frame(given).with_columns(**made.columns)["text"].to_list()
    assert found == [text_of(templates[row[2] // 2**32 % len(templates)], row) for row in given]


def asked(**params: Any) -> Ask:
    made = plan("generate", **({"column": "text", "prompt": "{text}", "model": MODEL, "url": "http://127.0.0.1:1/v1"} | params))
    assert isinstance(made, Ask)
    return made


EVERY = "".join(map(chr, [*range(0x2030), 0xFEFF, 0xFFFF, 0x1F600]))


@given(
    pieces.map("".join),
    rows,
    st.none() | st.text(max_size=10),
    st.text(max_size=10),
    st.floats(0, 2, allow_nan=False),
    st.integers(1, 9999),
)
@example("{text}", [(EVERY, 1, 2**64 - 1), (None, 1, 3)], EVERY, EVERY, 0.7, 512)
def test_requests_are_canonical_json(
    prompt: str, given: list[tuple[str | None, int | None, int]], system: str | None, model: str, temperature: float, max_tokens: int
) -> None:
    made = asked(prompt=prompt, system=system, model=model, temperature=temperature, max_tokens=max_tokens)
    wanted = []
    for row in given:
        text = text_of(prompt, row)
        messages = [*([{"role": "system", "content": system}] if system is not None else []), {"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "temperature": temperature, "max_tokens": max_tokens, "seed": row[2] % 2**31}
        wanted.append(None if text is None else canonical(body))
    assert frame(given).select(made.requests.alias("request"))["request"].to_list() == wanted


def test_variants_of_a_row_are_asked_apart_and_equal_ones_once(model: Model, tmp_path: Path) -> None:
    made = asked(prompt="Say: {text} {stars}", url=model.url + "/")
    given = frame([("hello", 5, 1), ("hello", 5, 2), ("hello", 5, 1), (None, 5, 1)])
    project = Project.open(tmp_path)
    answers = answered(project, made, given.select(made.requests).to_series(), silent)
    assert answers["text"].to_list() == ["SAY: HELLO 5"] * 3 + [None]
    assert answers["error"].to_list() == [None] * 4
    assert sorted(body["seed"] for body in model.bodies) == [1, 2]
    assert {(body["temperature"], body["max_tokens"], body["model"]) for body in model.bodies} == {(0.7, 512, MODEL)}


def test_the_key_is_no_part_of_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    with model_server(key=KEY) as model:
        made = asked(url=model.url, key_env="LOOPBACK_KEY")
        given = frame([("hello", 5, 1)])
        project = Project.open(tmp_path)
        assert answered(project, made, given.select(made.requests).to_series(), silent)["text"].to_list() == ["HELLO"]
    assert KEY not in json.dumps(model.bodies) + repr(made)
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:80",
        "file:///model.gguf",
        "http://",
        "http://[::1",
        "http://h:x/v1",
        "https://me:secret@host/v1",
        "http://h/v1?key=secret",
    ],
)
def test_an_address_that_is_none_is_refused_and_a_secret_in_it_not_shown(url: str) -> None:
    with pytest.raises(RecipeError) as caught:
        asked(url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("params", [{"temperature": -0.1}, {"max_tokens": 0}, {"concurrency": 0}, {"timeout": 0.0}], ids=str)
def test_numbers_out_of_their_range_are_named(params: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=next(iter(params))):
        asked(**params)


# through the engine

TEXTS = [f"text number {number}" for number in range(40)]


def rewriting(root: Path, model: Model, *more: dict[str, Any], copies: int = 1, **params: Any) -> Factory:
    """A factory whose train rows, all of them, a model rewrites."""
    step = {"generate": {"column": "text", "prompt": "Rewrite as {label}: {text}", "model": MODEL, "url": model.url, **params}}
    declared = {"splits": {"by": "row", "train": 1.0}, "augment": [{"steps": [step, *more], "copies": copies}]}
    factory = new_factory(root, [], **declared)
    factory.material(notes(*TEXTS))
    return factory


def variants(factory: Factory) -> pl.DataFrame:
    return factory.rows("gold").filter(pl.col("_row_id").str.contains("#"))


def test_a_model_rewrites_the_rows_of_a_dataset(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model)
    factory.made()
    assert variants(factory)["text"].to_list() == [f"REWRITE AS A: {text.upper()}" for text in TEXTS]
    assert variants(factory)["_parent"].to_list() == factory.rows("silver")["_row_id"].to_list()
    assert len(model.bodies) == len(TEXTS)
    factory.gold()
    rewriting(tmp_path, model, concurrency=2).made()
    assert len(model.bodies) == len(TEXTS)


def test_only_the_requests_of_new_rows_are_sent(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model)
    factory.made()
    factory.material(notes(*TEXTS, "a new text"))
    factory.made()
    assert len(model.bodies) == len(TEXTS) + 1
    assert variants(factory).height == len(TEXTS) + 1


def test_a_refused_row_is_set_aside_with_what_the_endpoint_said(model: Model, tmp_path: Path) -> None:
    model.always = {"number 7": ("status", 400, {}, "content management policy")}
    factory = rewriting(tmp_path, model)
    factory.made()
    assert variants(factory).height == len(TEXTS) - 1
    (set_aside,) = factory.rows("gold", "notes_quarantine").iter_rows(named=True)
    assert set_aside["_rules"] == ["generate:HTTP 400: content management policy"]


def test_an_endpoint_that_fails_leaves_gold_and_loses_no_answer(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model, concurrency=1)
    model.always = {"number 20": ("status", 401, {}, "key revoked")}
    with pytest.raises(EndpointError, match="key revoked"):
        factory.made()
    assert not factory.project.table("gold", "notes").exists()
    model.always = {}
    factory.made()
    assert variants(factory).height == len(TEXTS)
    assert sorted(model.asked().values()) == [1] * (len(TEXTS) - 1) + [2]


def test_a_row_without_a_value_asks_nothing(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model)
    factory.material([*notes("with a label"), {"id": "01", "text": "without", "label": None}])
    factory.made()
    assert variants(factory)["text"].to_list() == ["REWRITE AS A: WITH A LABEL"]
    assert len(model.bodies) == 1


def test_an_answer_may_be_worked_on(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model, {"fill_template": {"column": "text", "templates": ["<{text}>"]}})
    factory.made()
    assert variants(factory)["text"].to_list() == [f"<REWRITE AS A: {text.upper()}>" for text in TEXTS]


@pytest.mark.parametrize("step", [{"fill_template": {"column": "text", "templates": ["{txet}"]}}, None])
def test_a_column_that_is_not_there_is_named_with_its_line(model: Model, tmp_path: Path, step: dict[str, Any] | None) -> None:
    factory = rewriting(tmp_path, model, *([step] if step else []), prompt="{text}" if step else "{txet}")
    with pytest.raises(SpecError, match="no column `txet`") as caught:
        factory.made()
    assert "notes.yaml:" in str(caught.value)
    assert "text" in str(caught.value.fix)
    assert model.bodies == []


def test_a_template_with_a_brace_out_of_place_names_its_line(model: Model, tmp_path: Path) -> None:
    factory = rewriting(tmp_path, model, prompt="{text")
    with pytest.raises(RecipeError, match="names no column"):
        factory.made()


@pytest.mark.parametrize(("url", "may_send"), [("https://models.example.org/v1", []), ("https://models.example.org/v1", ["email"])])
def test_what_a_column_may_hold_is_not_sent_to_another_machine(tmp_path: Path, url: str, may_send: list[str]) -> None:
    step = {"generate": {"column": "text", "prompt": "Say again: {text}", "model": "m", "url": url, "may_send": may_send}}
    factory = new_factory(tmp_path, [], augment=[{"steps": [step]}])
    factory.declare_source(privacy={"text": ["email", "phone"]})
    factory.material(notes("call me"))
    factory.collect()
    with pytest.raises(SpecError, match=r"`text` may hold .*phone, which the request would send away"):
        factory.silver()
    factory.declare([{"redact": {"column": "text", "kinds": ["email", "phone"]}}], augment=[{"steps": [step]}])
    factory.silver()
    step["generate"]["url"] = "http://127.0.0.1:1/v1"
    factory.declare([], augment=[{"steps": [step]}])
    factory.silver()
