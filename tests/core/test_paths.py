"""Texts at a path: read and rewritten as plain Python would do it, all else untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.text import at_path
from lakehouse.core.text.json_texts import spans
from lakehouse.core.text.paths import Parts, TextPath, read_path, text_paths
from tests.nested_values import TEXTS, columns


def texts_of(value: Any, parts: Parts) -> list[str]:
    """The texts at a path in a value, in order."""
    if not parts:
        return [value] if isinstance(value, str) else []
    if parts[0] is None:
        return [text for item in value for text in texts_of(item, parts[1:])] if isinstance(value, list) else []
    return texts_of(value.get(parts[0]), parts[1:]) if isinstance(value, dict) else []


def rewritten(value: Any, parts: Parts, rewrite: Callable[[str], str | None]) -> Any:
    if not parts:
        return rewrite(value) if isinstance(value, str) else value
    if parts[0] is None:
        return [rewritten(item, parts[1:], rewrite) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and parts[0] in value:
        return {name: rewritten(item, parts[1:], rewrite) if name == parts[0] else item for name, item in value.items()}
    return value


def shout(text: str) -> str | None:
    return None if text == "x" else text.upper() + "！"


def shout_all(texts: pl.Series) -> pl.Series:
    return pl.select(pl.when(texts != "x").then(pl.concat_str(texts.str.to_uppercase(), pl.lit("！")))).to_series()


@given(columns())
def test_a_column_of_any_type_is_read_and_rewritten_as_python_does(column: pl.Series) -> None:
    values = column.to_list()
    for path in text_paths("value", column.dtype):
        assert read_path(str(path), ["value"]) == path
        found = [texts_of(value, path.parts) for value in values]
        assert at_path.joined(column, path.parts).to_list() == ["\n".join(each) if each else None for each in found]
        same = at_path.rewritten(column, path.parts, lambda texts: texts)
        assert same.dtype == column.dtype
        assert same.to_list() == values
        assert same.equals(column, null_equal=True)
        changed = at_path.rewritten(column, path.parts, shout_all)
        assert changed.dtype == column.dtype
        assert changed.to_list() == [rewritten(value, path.parts, shout) for value in values]


KEYS = st.sampled_from(["role", "content", "a.b", "空", 'q"'])
JSON = st.recursive(
    TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PARTS = st.lists(st.none() | KEYS, min_size=1, max_size=3).map(tuple)


@given(st.lists(st.none() | JSON, max_size=5), PARTS, st.booleans(), st.sampled_from([None, 1]))
def test_json_text_is_read_and_rewritten_as_python_does(values: list[Any], parts: Parts, escaped: bool, indent: int | None) -> None:
    documents = [None if value is None else json.dumps(value, ensure_ascii=escaped, indent=indent) for value in values]
    column = pl.Series("value", documents, dtype=pl.String)
    found = [texts_of(value, parts) for value in values]
    assert at_path.joined(column, parts).to_list() == ["\n".join(each) if each else None for each in found]
    assert at_path.rewritten(column, parts, lambda texts: texts).to_list() == documents
    changed = at_path.rewritten(column, parts, shout_all).to_list()
    expected = [None if value is None else rewritten(value, parts, shout) for value in values]
    assert [None if document is None else json.dumps(json.loads(document)) for document in changed] == [
        None if value is None else json.dumps(value) for value in expected
    ]


def test_json_keeps_its_numbers_its_keys_and_its_spaces() -> None:
    document = ' { "b" : 1.0, "a":[1e3, {"t" : "\\u4f60", "n": 12345678901234567890 }] ,"b": "x" } '
    column = pl.Series([document])
    assert at_path.rewritten(column, ("a", None, "t"), lambda texts: texts.str.replace("你", "好"))[0] == document.replace(
        '"\\u4f60"', '"好"'
    )
    assert [said for *_, said in spans(document, ("b",))] == ["x"]
    with pytest.raises(ValueError, match="Expecting"):
        at_path.joined(pl.Series(["{broken"]), ("a",))


def test_how_paths_are_written() -> None:
    assert read_path("messages[].content", ["messages", "mess"]) == TextPath("messages", (None, "content"))
    assert read_path("a.b.c", ["a", "a.b"]) == TextPath("a.b", ("c",))
    assert read_path('meta."a.b"[][]', None) == TextPath("meta", ("a.b", None, None))
    assert str(TextPath("meta", ("a.b", None, "空"))) == 'meta."a.b"[].空'
    for text in ("meta", "meta.", "meta[0]", "meta..x", "other.x", "meta.x]"):
        assert read_path(text, ["meta"]) is None
