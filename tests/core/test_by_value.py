"""Two values are equal where their texts are."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import given

from lakehouse.core.text.by_value import as_text
from tests.nested_values import columns


def lowered(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return {name: lowered(item) for name, item in value.items()} if isinstance(value, dict) else value


@given(columns())
def test_texts_are_equal_exactly_where_the_values_are(column: pl.Series) -> None:
    values = column.to_list()
    for lower in (False, True):
        texts = as_text(column, lower=lower).to_list()
        folded = [lowered(value) for value in values] if lower else values
        assert [text is None for text in texts] == [value is None for value in values]
        for value, text in zip(folded, texts, strict=True):
            assert [other == value for other in folded] == [other == text for other in texts]


def test_lists_and_structs_are_written_as_json() -> None:
    column = pl.Series([[{"role": "user", "content": '他说 "好"\n', "n": 1}, None], [], None])
    texts = as_text(column)
    assert json.loads(texts[0]) == column.to_list()[0]
    assert texts.to_list()[1:] == ["[]", None]


def test_zero_equals_itself_with_either_sign() -> None:
    assert as_text(pl.Series([0.0, -0.0, None])).to_list() == ["0.0", "0.0", None]
    assert as_text(pl.Series([[0.0], [-0.0]], dtype=pl.List(pl.Float32))).n_unique() == 1


def test_a_number_that_is_none_equals_itself() -> None:
    texts = as_text(pl.Series([[float("nan")], [None], [float("nan")]]))
    assert texts[0] == texts[2] != texts[1]
