"""JSON of any values: no row is lost, and lines, an array and an array within an object come to the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import yaml

from lakehouse.authoring.add import Added
from lakehouse.core.errors import SourceError
from lakehouse.reserve.bronze.collect import collect
from tests.authoring.desk import Desk

WAYS: dict[str, Callable[[list[str]], str]] = {
    "a.jsonl": lambda items: "\n".join(items) + "\n",
    "a.json": lambda items: "[\n" + ",\n".join(items) + "\n]\n",
    "within.json": lambda items: '{"version": 1, "result": {"data": {"items": [' + ", ".join(items) + ']}, "total": 9}}',
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _added(desk: Desk, way: str, values: list[str]) -> tuple[Added, pl.DataFrame]:
    """Items `{"id": number, "v": value}` whose values are written as given."""
    items = [f'{{"id": {number}, "v": {value}}}' for number, value in enumerate(values)]
    made = desk.add(desk.bring(way, WAYS[way](items).encode()))
    return made, desk.gold(made.dataset).sort("id")


def _type(made: Added) -> str:
    return {c.column: c.type for c in made.columns}["v"]


@pytest.mark.parametrize(
    "values",
    [
        ['"x"', "1"] * 15,
        ["1", '"1"', "null", "true", "1.5", '{"x": 1}'] * 5,
        ["1", "1e400"] * 15,
        ['"x"', '["x", "y"]'] * 15,
        ["true", "1"] * 15,
        [f"{10**38 + i}" for i in range(30)],
        [f'{{"n": {2**70 + i}}}' for i in range(30)],
    ],
)
def test_a_mixture_is_json_with_every_value_as_it_was(desk: Desk, way: str, values: list[str]) -> None:
    made, gold = _added(desk, way, values)
    assert _type(made) == "json"
    assert gold["v"].to_list() == [None if value == "null" else value for value in values]


def test_whole_numbers_beyond_64_bits_are_decimals(desk: Desk, way: str) -> None:
    made, gold = _added(desk, way, [str(2**63 + i) if i % 2 else str(i) for i in range(30)])
    assert _type(made) == "decimal(38, 0)"
    assert gold["v"].to_list() == [Decimal(2**63 + i if i % 2 else i) for i in range(30)]


def test_what_python_writes_for_a_missing_number_is_no_value(desk: Desk, way: str) -> None:
    made, gold = _added(desk, way, ["NaN", "Infinity", *(f"{i}.5" for i in range(28))])
    assert _type(made) == "float"
    assert gold["v"].to_list() == [None, float("inf"), *(i + 0.5 for i in range(28))]
    assert any("no value: NaN" in column.why for column in made.columns)


def test_a_key_that_an_object_has_twice_is_said(desk: Desk, way: str) -> None:
    made, gold = _added(desk, way, ['1, "v": 2', *["3"] * 29])
    assert "1 of the sampled objects have a key twice: the last value counts" in made.notes
    assert gold["v"].to_list() == [2] + [3] * 29


def test_texts_are_dates_by_one_rule_and_digits_stay_texts(desk: Desk, way: str) -> None:
    made, gold = _added(desk, way, [f'"2024-01-{i + 1:02d}T10:00:00+02:00"' for i in range(30)])
    assert _type(made) == "timestamp(UTC)"
    assert gold["v"][0] == datetime(2024, 1, 1, 8, tzinfo=UTC)
    made = desk.add(
        desk.bring("days.jsonl", "".join(f'{{"d": "2024-01-{i + 1:02d}", "code": "{20240101 + i}"}}\n' for i in range(30)).encode())
    )
    gold = desk.gold(made.dataset).sort("d")
    assert gold.row(0) == (date(2024, 1, 1), "20240101")


def test_an_array_deep_in_an_object_is_declared_by_its_path(desk: Desk) -> None:
    made = desk.add(desk.bring("deep.json", WAYS["within.json"]([json.dumps({"id": i, "v": i % 7}) for i in range(300)]).encode()))
    declared: Any = yaml.safe_load((desk.root / made.files[0]).read_text())
    assert declared["connector"]["files"]["record"] == "result.data.items"
    assert desk.gold(made.dataset).height == 300


def test_a_record_that_is_not_there_names_those_that_are(desk: Desk) -> None:
    made = desk.add(desk.bring("deep.json", WAYS["within.json"](['{"id": 1}'] * 5).encode()))
    file = desk.root / made.files[0]
    file.write_text(file.read_text().replace("result.data.items", "result.rows"))
    with pytest.raises(SourceError, match=r"no array at `result.rows`(.|\n)*arrays of objects: `result.data.items`"):
        collect(desk.project, made.source)


@pytest.mark.parametrize("text", ['[{"a": 1}] [{"a": 2}]', '{"d": [{"a": 1}], "e": ', '[{"a": 1} {"a": 2}]', '{"a": 1}\n{"a": 2}'])
def test_damaged_json_is_never_half_read_in_silence(desk: Desk, text: str) -> None:
    (desk.root / "assets/sources/s.yaml").write_text(
        "source: s\ndescription: Rows.\nowner: team:data\nlicense: CC0-1.0\n"
        f"connector: {{files: {{path: data/s.json{', record: d' if 'd' in text else ''}}}}}\n"
    )
    (desk.root / "data").mkdir()
    (desk.root / "data/s.json").write_text(text)
    with pytest.raises(SourceError, match="damaged JSON behind item 1"):
        collect(desk.project, "s")


def test_a_number_of_a_table_never_becomes_infinite(desk: Desk) -> None:
    made = desk.add(desk.bring("h.csv", ("id,v\n" + "".join(f"{i},{'1e400' if i == 3 else i}\n" for i in range(30))).encode()))
    assert _type(made) == "string"
    assert "1e400" in desk.gold(made.dataset)["v"].to_list()
    file = desk.root / made.files[0]
    file.write_text(file.read_text().replace("v: string", "v: float"))
    assert collect(desk.project, made.source).findings == {"bad_value:v": 1}
