"""Every table's system columns are those of the row model, in its order and with its types."""

from __future__ import annotations

import pytest

from lakehouse.core.row_model import BRONZE, COLUMNS, FATES, GOLD, SIGNALS, SILVER, SPLITS
from tests.factory import Factory, notes

RECIPE = [{"text_length": {"column": "text", "at_least": 2}}, {"dedup_exact": {"columns": ["text"]}}]


@pytest.mark.parametrize(
    ("layer", "table", "model"),
    [
        ("bronze", "notes", BRONZE),
        ("silver", "notes_signals", SIGNALS),
        ("silver", "notes_fates", FATES),
        ("silver", "notes", SILVER),
        ("gold", "notes", GOLD),
    ],
)
def test_a_table_begins_with_the_columns_of_its_model(notes_factory: Factory, layer: str, table: str, model: dict[str, object]) -> None:
    notes_factory.declare(RECIPE)
    notes_factory.material(notes("one thing", "one thing", "x", "another thing"))
    notes_factory.made()
    schema = notes_factory.project.table(layer, table).schema()  # type: ignore[arg-type]
    assert dict(list(schema.items())[: len(model)]) == dict(model)
    assert not [name for name in schema.names()[len(model) :] if name in COLUMNS]


def test_splits_of_gold_are_those_of_the_model(notes_factory: Factory) -> None:
    notes_factory.declare([], splits={"by": "row", "train": 0.5, "validation": 0.25, "test": 0.25, "seed": 1})
    notes_factory.material(notes(*(f"text number {n}" for n in range(60))))
    notes_factory.made()
    assert set(notes_factory.rows("gold")["_split"]) == set(SPLITS)
