"""A step for texts takes texts only; steps for any type compare by value."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given

from lakehouse.core.errors import SpecError
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.production.engine.recipe import compile_recipe
from tests.factory import Factory
from tests.nested_values import columns
from tests.production.test_operators import plan, survivors, verdicts

TYPES = {
    "id": "string",
    "text": "string",
    "label": "string",
    "meta": "json",
    "tags": "list<string>",
    "turns": "list<struct<role: string, text: string>>",
    "stars": "int",
    "day": "date",
    "price": "decimal(12, 2)",
}
WORDS = {"meta": "JSON text", "stars": "int", "turns": "list<struct<role: string, text: string>>", "day": "date", "price": "decimal(12, 2)"}


@pytest.mark.parametrize("column", WORDS)
@pytest.mark.parametrize("step", ["text_length", "redact", "chunk", "dedup_minhash", "dedup_lines"])
def test_a_step_for_texts_refuses_other_columns_with_its_line(notes_factory: Factory, step: str, column: str) -> None:
    notes_factory.declare_source(columns=TYPES)
    notes_factory.declare([{"sample": {"share": 0.5}}, {step: {"column": column, **({"at_most": 9} if step == "chunk" else {})}}])
    with pytest.raises(SpecError) as caught:
        compile_recipe(notes_factory.project, "notes")
    said = str(caught.value)
    assert f"`{step}` works on texts, and column `{column}` is {WORDS[column]}" in said
    assert "assets/datasets/notes.yaml:" in said
    assert "`text`" in said


def test_json_that_bronze_noted_is_no_text(notes_factory: Factory) -> None:
    notes_factory.declare_source(columns=None)
    notes_factory.write("raw/notes.jsonl", '{"id": "a", "text": "x", "label": "p", "meta": {"k": [1.0, 2]}}\n')
    notes_factory.declare([{"fix_unicode": {"column": "meta"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match="column `meta` is JSON text"):
        notes_factory.silver()


def test_a_variant_is_made_of_texts_only(notes_factory: Factory) -> None:
    notes_factory.declare_source(columns=TYPES)
    notes_factory.declare([], augment=[{"steps": [{"typos": {"column": "tags"}}]}])
    with pytest.raises(SpecError, match="`typos` works on texts, and column `tags` is list<string>"):
        compile_recipe(notes_factory.project, "notes")


def test_an_operator_of_the_users_own_takes_what_it_takes(notes_factory: Factory) -> None:
    def count_items(*, column: str) -> Any:
        """The number of items, as a text."""
        from lakehouse.production.engine.operator import Change

        return Change({column: pl.col(column).list.len().cast(pl.String)})

    OPERATORS.entries()
    before = dict(OPERATORS._entries)
    OPERATORS.register(version=1, cardinality="1:1")(count_items)
    try:
        notes_factory.declare_source(columns=TYPES)
        notes_factory.declare([{"count_items": {"column": "tags"}}, {"text_length": {"column": "tags"}}])
        compile_recipe(notes_factory.project, "notes")
    finally:
        OPERATORS._entries = before


def test_rows_with_lists_and_dates_are_merged_by_value(notes_factory: Factory) -> None:
    notes_factory.declare_source(columns=TYPES)
    lines = [
        '{"id": "0", "text": "a", "tags": ["x", "y"], "day": "2024-01-01", "price": "1.10", "meta": {"a": 1}}',
        '{"id": "1", "text": "b", "tags": ["x", "y"], "day": "2024-01-01", "price": "1.1", "meta": {"a": 1}}',
        '{"id": "2", "text": "c", "tags": ["x, y"], "day": "2024-01-01", "price": "1.1", "meta": {"a": 1}}',
        '{"id": "3", "text": "d", "tags": [], "day": "2024-01-01", "price": "1.1", "meta": {"a": 1}}',
    ]
    notes_factory.write("raw/notes.jsonl", "\n".join(lines) + "\n")
    notes_factory.declare([{"dedup_exact": {"columns": ["tags", "day", "price", "meta"]}}])
    notes_factory.collect()
    assert notes_factory.silver().balance[-1].merged == 1
    assert notes_factory.fates() == {"1": ("merged", "dedup_exact", "duplicate")}


@given(columns(least=1))
def test_duplicates_are_those_that_python_finds_equal(column: pl.Series) -> None:
    values = column.to_list()
    ids = [f"{at:02}" for at in range(len(values))]
    expected = {ids[at]: ids[at] if value is None else ids[values.index(value)] for at, value in enumerate(values)}
    rows = pl.DataFrame({"_row_id": ids, "x": column})
    assert survivors(plan("dedup_exact", columns=["x"]), rows) == expected


@given(columns(least=1))
def test_labels_contradict_where_python_finds_them_different(column: pl.Series) -> None:
    known = [value for value in column.to_list() if value is not None]
    contradictory = any(value != known[0] for value in known)
    rows = pl.DataFrame({"text": ["same"] * len(column), "label": column})
    found = verdicts(plan("label_conflict", column="text", label="label"), rows)
    assert found == ["contradictory_label" if contradictory else None] * len(column)
