"""Recipes that name paths: what a user sees of rows, fates, identities and privacy classes."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.production.column_sensitivity import levels_of_dataset
from lakehouse.production.engine.measure import measure, types_of
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.engine.recipe import compile_recipe, source_columns
from lakehouse.production.inspection.preview import preview
from lakehouse.production.inspection.tune import explain, tune
from tests.factory import Factory

COLUMNS = {
    "id": "string",
    "text": "string",
    "label": "string",
    "messages": "list<struct<role: string, content: string, at: int32>>",
    "meta": "json",
}
CONTENT = "messages[].content"
CALL = "打电话 13812345678 给我。"


def chat(*contents: str | None, meta: Any = None, text: str = "t") -> dict[str, Any]:
    roles = ["user", "assistant"]
    messages = [{"role": roles[at % 2], "content": content, "at": at} for at, content in enumerate(contents)]
    return {"text": text, "label": "p", "messages": messages, "meta": meta}


@pytest.fixture
def chats(notes_factory: Factory) -> Factory:
    """A factory with `notes` of messages and of JSON text."""
    notes_factory.declare_source(columns=COLUMNS)
    return notes_factory


def material(factory: Factory, *rows: dict[str, Any]) -> None:
    lines = [json.dumps({"id": f"{at:02}", **row}, ensure_ascii=False) + "\n" for at, row in enumerate(rows)]
    factory.write("raw/notes.jsonl", "".join(lines))


def test_a_step_works_on_each_text_and_leaves_the_rest(chats: Factory) -> None:
    material(chats, chat(CALL, None, CALL, meta={"n": 1.0, "to": [{"tel": CALL}]}), chat(), {"text": "t", "messages": None, "meta": None})
    chats.declare([{"redact": {"column": CONTENT}}, {"redact": {"column": "meta.to[].tel"}}])
    chats.collect()
    done = chats.silver()
    before, after = chats.rows("bronze"), chats.rows("silver")
    assert [b.changed for b in done.balance] == [0, 1, 1]
    assert after.schema["messages"] == before.schema["messages"]
    first = before["messages"].to_list()[0]
    redacted = CALL.replace("13812345678", "[PHONE]")
    assert after["messages"].to_list() == [[{**m, "content": m["content"] and redacted} for m in first], [], None]
    assert after["meta"].to_list() == [before["meta"][0].replace(CALL, redacted), None, None]


def test_steps_measure_the_texts_of_a_row_joined_by_lines(chats: Factory) -> None:
    long = "很好的商品，物流很快，下次再来买东西，真的非常喜欢这家店，推荐给大家"
    material(chats, chat("你好", "再见"), chat(long, "好"), chat(long, "好"), chat(), chat("x", meta={"title": "题"}))
    chats.declare(
        [
            {"text_length": {"column": CONTENT, "at_least": 2}},
            {"character_profile": {"column": CONTENT}},
            {"dedup_exact": {"columns": [CONTENT, "text"]}},
            {"dedup_minhash": {"column": CONTENT, "unit": "characters", "size": 3}},
        ]
    )
    chats.collect()
    chats.silver()
    assert chats.fates() == {
        "02": ("merged", "dedup_exact", "duplicate"),
        "03": ("quarantined", "text_length", "no_signal"),
        "04": ("dropped", "text_length", "too_short"),
    }
    signals = chats.rows("silver", "notes_signals")
    assert signals["text_length__length"].to_list() == [5, len(long) + 2, len(long) + 2, None, 1]
    assert signals["character_profile__lines"].to_list()[:2] == [2, 2]
    flat = measure_plainly(["你好\n再见", f"{long}\n好", None])
    assert signals["dedup_minhash__signature"].to_list()[:2] == flat[:2]
    assert next((s.step, s.outcome) for s in explain(chats.project, "notes", "notes/04")) == ("text_length", "dropped")
    found = tune(chats.project, "notes", {"text_length": {"at_least": 6}})
    assert found.leave == 1
    assert found.samples["text"].to_list() == ["你好 再见"]
    assert not preview(chats.project, "notes").silver


def measure_plainly(texts: list[str | None]) -> list[bytes | None]:
    call = Call.model_validate({"dedup_minhash": {"column": "text", "unit": "characters", "size": 3}})
    made = OPERATORS.entry(call).function(**OPERATORS.bind(call))
    return pl.DataFrame({"text": texts}).select(made.signals["signature"]).to_series().to_list()


@pytest.mark.parametrize(
    "step",
    ["fix_unicode", "normalise_whitespace", "redact", "clean_html", "convert_chinese", "remove_repeated", "clean_links"],
)
def test_each_text_becomes_what_it_becomes_alone(chats: Factory, step: str) -> None:
    texts = ["<p>cafÃ© &amp; 電話</p>  13812345678", "a\n\n\n\na http://x.example/y", "說話", ""]
    material(chats, chat(*texts), chat(), chat(texts[0], None, meta={"a": texts}))
    chats.declare([{step: {"column": CONTENT}}, {step: {"column": "meta.a[]"}}])
    chats.collect()
    recipe = compile_recipe(chats.project, "notes", source_columns(chats.project, chats.project.dataset("notes")))
    assert types_of(recipe, source_columns(chats.project, chats.project.dataset("notes"))).values["meta"] == pl.String
    rows = chats.rows("bronze").select("_row_id", "_content", *COLUMNS)
    made = measure(recipe, rows, tuple(recipe.signal_keys)).values
    call = Call.model_validate({step: {"column": "text"}})
    alone = pl.DataFrame({"text": texts}).select(OPERATORS.entry(call).function(**OPERATORS.bind(call)).columns["text"]).to_series()
    assert [m["content"] for m in made["messages"].to_list()[0]] == alone.to_list()
    assert json.loads(made["meta"][2]) == {"a": alone.to_list()}


REFUSED = {
    "messages[].text": r"leads to no text(.|\n)*fix: paths to texts: `messages\[\].role`, `messages\[\].content`",
    "messages[].at": "leads to no text",
    "messages.content": "leads to no text",
    "text.title": "there is no text inside",
    "nowhere[].content": "no column `nowhere",
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_that_leads_to_no_text_is_refused_with_those_that_do(chats: Factory, path: str) -> None:
    material(chats, chat("x"))
    chats.declare([{"text_length": {"column": path}}])
    chats.collect()
    with pytest.raises(SpecError, match=REFUSED[path]) as caught:
        chats.silver()
    assert "assets/datasets/notes.yaml:" in str(caught.value)


@pytest.mark.parametrize("step", [{"chunk": {"at_most": 5}}, {"dedup_lines": {}}, {"extract_text": {"to": "text"}}])
def test_steps_on_whole_columns_take_no_path(chats: Factory, step: dict[str, Any]) -> None:
    ((name, params),) = step.items()
    chats.declare([{name: {"column": CONTENT, **params}}])
    with pytest.raises(SpecError, match=f"`{name}` takes no path"):
        compile_recipe(chats.project, "notes")
    chats.declare([], augment=[{"steps": [{"typos": {"column": CONTENT}}]}])
    with pytest.raises(SpecError, match="`typos` takes no path"):
        compile_recipe(chats.project, "notes")


def test_a_column_whose_name_looks_like_a_path_is_taken_as_it_is(chats: Factory) -> None:
    chats.declare_source(columns={**COLUMNS, "a.b": "string", "c[]": "list<string>"})
    material(chats, {**chat("x"), "a.b": CALL, "c[]": [CALL]})
    chats.declare([{"redact": {"column": "a.b"}}, {"redact": {"column": "c[][]"}}])
    chats.collect()
    chats.silver()
    rows = chats.rows("silver")
    assert "[PHONE]" in rows["a.b"][0]
    assert "[PHONE]" in rows["c[]"][0][0]


def columns_of(factory: Factory) -> dict[str, pl.DataType]:
    return {name: column.dtype for name, column in (factory.project.source("notes").columns or {}).items()}


def classes(factory: Factory, recipe: list[Any], column: str = "messages") -> set[str]:
    factory.declare(recipe)
    return set(compile_recipe(factory.project, "notes", columns_of(factory)).privacy.get(column, ()))


def test_a_column_is_free_of_a_class_when_all_its_texts_are(chats: Factory) -> None:
    chats.declare_source(columns=COLUMNS, privacy={"messages": ["phone", "email"], "meta": ["phone"]})
    content = {"redact": {"column": CONTENT, "kinds": ["phone", "email"]}}
    assert classes(chats, [content]) == {"phone", "email"}
    assert classes(chats, [content, {"redact": {"column": "messages[].role", "kinds": ["phone"]}}]) == {"email"}
    # Of JSON text not all places are known: the release looks through the rows.
    assert classes(chats, [{"redact": {"column": "meta.title", "kinds": ["phone"]}}], "meta") == set()
    assert classes(chats, [content], "meta") == {"phone"}
    chats.declare_source(
        columns={**COLUMNS, "messages": "list<struct<content: string, tel: int>>"}, privacy={"messages": ["phone", "email"]}
    )
    assert classes(chats, [content]) == {"phone"}  # a number may be that of a phone
    chats.declare_source(columns={**COLUMNS, "messages": "list<struct<content: string, raw: json>>"}, privacy={"messages": ["email"]})
    assert classes(chats, [content]) == {"email"}


def test_a_column_is_regraded_only_when_all_its_texts_are_redacted(chats: Factory) -> None:
    chats.declare_source(columns=COLUMNS, sensitivity={"messages": "core"})
    regrade = {"messages": {"to": "general", "reason": "no names are left"}}
    half = [{"redact": {"column": CONTENT}}]
    chats.declare(half, regrade=regrade)
    with pytest.raises(SpecError, match="no step redacts it"):
        levels_of_dataset(chats.project, "notes")
    chats.declare([*half, {"redact": {"column": "messages[].role"}}], regrade=regrade)
    assert levels_of_dataset(chats.project, "notes", promised=False)["messages"].level == "general"


def test_json_text_inside_of_a_list_is_no_text(chats: Factory) -> None:
    chats.declare_source(columns={**COLUMNS, "raw": "list<json>"})
    chats.declare([{"redact": {"column": "raw[]"}}])
    with pytest.raises(SpecError, match="leads to no text"):
        compile_recipe(chats.project, "notes", columns_of(chats))


def test_identities_and_lineage_are_those_of_the_column_and_the_path(chats: Factory) -> None:
    def compiled(*recipe: Any) -> Any:
        chats.declare(list(recipe))
        return compile_recipe(chats.project, "notes", columns_of(chats))

    length = {"text_length": {"column": CONTENT}}
    first = compiled(length)
    assert first.signal_keys == compiled(length).signal_keys
    assert first.signal_keys != compiled({"text_length": {"column": "messages[].role"}}).signal_keys
    assert first.signal_keys != compiled({"text_length": {"column": "text"}}).signal_keys
    redacted = compiled({"redact": {"column": CONTENT}}, length)
    assert first.signal_keys["text_length__length"] != redacted.signal_keys["text_length__length"]
    assert redacted.lineage["messages"] == {"messages"}
    assert redacted.columns == tuple(COLUMNS)
    assert redacted.values_key != first.values_key


def test_an_item_that_is_no_json_is_set_aside_alone(chats: Factory) -> None:
    chats.declare_source(columns={**COLUMNS, "meta": "string"})
    material(chats, chat("x", meta='{"a": "b"}'), chat("x", meta="{broken"))
    chats.collect()
    rows = chats.rows("bronze").select("_row_id", "_content", "meta")
    chats.declare_source(columns=COLUMNS)
    chats.declare([{"text_length": {"column": "meta.a"}}])
    recipe = compile_recipe(chats.project, "notes", dict(rows.select("meta").schema))
    found = measure(recipe, rows, tuple(recipe.signal_keys)).signals.sort("_row_id")
    assert found["text_length__length"].to_list() == [1, None]
    assert found["_failed"].to_list() == [None, "text_length"]


def test_a_held_out_set_is_compared_at_the_same_path(chats: Factory) -> None:
    text = "这是一段足够长的对话内容，用来判断两行是否几乎相同。"
    material(chats, chat(text, "好的"), chat("完全不同的另外一段话，没有任何关系，真的。", "是"))
    chats.declare_source("held", columns=COLUMNS)
    chats.write("raw/held.jsonl", json.dumps({"id": "h", **chat(text, "好的")}, ensure_ascii=False) + "\n")
    chats.declare([], dataset="held", sources=["held"])
    chats.made("held", "held")
    chats.declare([{"decontaminate": {"column": CONTENT, "dataset": "held", "unit": "characters"}}])
    chats.collect()
    with pytest.raises(RecipeError, match=r"dataset held has no texts at `messages\[\].content`"):
        chats.silver()
    inner = 'pl.List(pl.Struct({"role": pl.String, "content": pl.String, "at": pl.Int32}))'
    chats.contract(more=f"    messages: {inner} = pa.Field()\n")
    chats.write("contracts/rows.py", "import polars as pl\n" + chats.root.joinpath("contracts/rows.py").read_text(encoding="utf-8"))
    chats.made("held", "held")
    chats.silver()
    assert chats.fates() == {"00": ("dropped", "decontaminate", "in_held_out")}


def test_an_operator_that_makes_no_text_takes_no_path(chats: Factory) -> None:
    def measured(*, column: str) -> Change:
        """The length in place of the text."""
        return Change({column: pl.col(column).str.len_chars()})

    OPERATORS.entries()
    before = dict(OPERATORS._entries)
    OPERATORS.register(version=1, cardinality="1:1")(measured)
    try:
        chats.declare([{"measured": {"column": CONTENT}}])
        with pytest.raises(SpecError, match="`measured` takes no path: it makes UInt32 of a text"):
            compile_recipe(chats.project, "notes")
    finally:
        OPERATORS._entries = before
