"""Decisions about single rows: what they change, and for how long they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import FactoryError, SpecError
from lakehouse.core.labels.decisions import Decision, read, write
from tests.factory import Factory, new_factory

FILE = "repairs/notes.jsonl"
STEPS: list[Any] = [{"correct_rows": {"file": FILE}}, {"drop_rows": {"file": FILE}}]


def contents(factory: Factory) -> dict[str, str]:
    """Content digest in bronze of each item, by its id."""
    rows = factory.rows("bronze").select("_row_id", "_content")
    return {row.partition("/")[2]: content for row, content in rows.iter_rows()}


def made_with(root: Path, recipe: list[Any], decided: list[Decision]) -> Factory:
    factory = new_factory(root, recipe)
    factory.material({"id": str(at), "text": f"第{at}条 note number {at}", "label": "a"} for at in range(6))
    write(root / FILE, decided)
    return factory


def test_rows_get_their_values_and_others_leave_under_the_reason(tmp_path: Path) -> None:
    factory = made_with(tmp_path, STEPS, [])
    factory.collect()
    known = contents(factory)
    write(tmp_path / FILE, [Decision("notes/0", known["0"], set={"label": "乙"}), Decision("notes/1", known["1"], drop="spam (ticket 7)")])
    factory.made()
    assert dict(factory.rows("gold").select("_row_id", "label").iter_rows()) == {"notes/0": "乙"} | {
        f"notes/{at}": "a" for at in range(2, 6)
    }
    assert factory.fates() == {"1": ("dropped", "drop_rows", "spam (ticket 7)")}


def test_a_decision_holds_as_long_as_the_row_says_the_same(tmp_path: Path) -> None:
    factory = made_with(tmp_path, STEPS, [])
    factory.collect()
    known = contents(factory)
    write(tmp_path / FILE, [Decision(f"notes/{at}", known[str(at)], set={"label": "b"}) for at in (0, 1)])
    factory.material({"id": str(at), "text": f"第{at}条 note number {at}", "label": "c" if at == 1 else "a"} for at in range(6))
    factory.made()
    assert factory.rows("gold")["label"].to_list() == ["b", "c", "a", "a", "a", "a"]


def test_a_row_that_moves_in_its_source_is_found(tmp_path: Path) -> None:
    factory = new_factory(tmp_path, STEPS)
    factory.declare_source(key="position")
    texts = [f"第{at}条 note number {at}" for at in range(4)]
    factory.material({"id": "x", "text": text, "label": "a"} for text in texts)
    write(tmp_path / FILE, [])
    factory.collect()
    third = factory.rows("bronze").filter(text="第2条 note number 2")
    write(tmp_path / FILE, [Decision(third["_row_id"][0], third["_content"][0], set={"label": "b"})])
    factory.material({"id": "x", "text": text, "label": "a"} for text in ["a new first note", *texts])
    factory.made()
    assert dict(factory.rows("gold").select("text", "label").iter_rows()) == {"a new first note": "a"} | {
        text: "b" if text == texts[2] else "a" for text in texts
    }


def test_a_piece_of_a_divided_row_is_meant_alone(tmp_path: Path) -> None:
    factory = made_with(tmp_path, [{"chunk": {"column": "text", "at_most": 8}}, *STEPS], [])
    factory.collect()
    content = contents(factory)["3"]
    factory.silver()
    pieces = [row for row in factory.rows("silver")["_row_id"] if row.startswith("notes/3#")]
    assert len(pieces) > 1
    write(tmp_path / FILE, [Decision(pieces[1], content + pieces[1].removeprefix("notes/3"), set={"label": "b"})])
    factory.made()
    assert factory.rows("gold").filter(label="b")["_row_id"].to_list() == [pieces[1]]


def test_values_keep_their_type(tmp_path: Path) -> None:
    factory = made_with(tmp_path, [], [])
    factory.declare_source(columns={"id": "string", "text": "string", "label": "string", "stars": "int"})
    factory.contract(more="    stars: int = pa.Field(nullable=True)\n")
    factory.material({"id": str(at), "text": f"note {at}", "label": "a", "stars": at} for at in range(4))
    factory.declare(STEPS)
    factory.collect()
    write(tmp_path / FILE, [Decision("notes/2", contents(factory)["2"], set={"stars": 5})])
    factory.made()
    assert factory.rows("gold")["stars"].to_list() == [0, 1, 5, 3]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no decision"),
        ('{"row": "a"}', "content"),
        ('{"row": "a", "content": "b"}', "either sets columns or drops"),
        ('{"row": "a", "content": "b", "set": {}}', "names the columns"),
        ('{"row": "a", "content": "b", "set": {"c": []}}', "a new value is"),
        ('{"row": 1, "content": "b", "drop": "x"}', "are texts"),
        ('{"row": "a", "content": "b", "drop": 1}', "the reason"),
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "decided.jsonl"
    file.write_text('{"row": "a", "content": "b", "drop": "x"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(SpecError, match=message) as caught:
        read(file)
    assert str(caught.value.where).endswith("decided.jsonl:2")


def test_values_of_several_types_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    factory = made_with(tmp_path, STEPS, [Decision("a", "b", set={"label": "x"}), Decision("c", "d", set={"label": 1})])
    factory.collect()
    with pytest.raises(FactoryError, match="several types: int, str"):
        factory.silver()


values = st.one_of(st.text(max_size=8), st.integers(-9, 9), st.booleans(), st.none())
decision = st.builds(
    lambda content, column, value, drop: Decision(f"r/{content}", content, **({"drop": drop} if drop else {"set": {column: value}})),
    st.sampled_from("abcdef"),
    st.sampled_from(["label", "标签"]),
    values,
    st.one_of(st.none(), st.text(min_size=1, max_size=5)),
)


@given(made=st.lists(decision, max_size=20))
def test_the_last_word_on_a_row_is_what_is_read_back(tmp_path_factory: pytest.TempPathFactory, made: list[Decision]) -> None:
    file = tmp_path_factory.mktemp("decided") / "notes.jsonl"
    write(file, made)
    found = read(file)
    assert {each.content: each for each in found} == {each.content: each for each in made}
    assert len(found) == len({each.content for each in made})
