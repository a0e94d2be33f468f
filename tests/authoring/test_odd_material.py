"""Material with odd names, types and depths: it comes through whole, or one message says why not; never a traceback."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from lakehouse.core.errors import FactoryError
from tests.authoring.desk import Desk

N = 30


def _parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({**columns, "n": range(N)}), out)
    return out.getvalue()


def _feather(table: pa.Table) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as file:
        file.write_table(table)
    return out.getvalue()


def _stream(table: pa.Table) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as file:
        file.write_table(table)
    return out.getvalue()


SYSTEM = ["_position", "_bytes", "_findings", "_raw", "_blob"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", (",".join(SYSTEM) + "\n" + "".join(f"{i},2,x{i},4,5\n" for i in range(N))).encode()),
        ("a.jsonl", "".join(json.dumps(dict(zip(SYSTEM, [i, 2, f"x{i}", 4, 5], strict=True))) + "\n" for i in range(N)).encode()),
        ("a.json", json.dumps([dict(zip(SYSTEM, [i, 2, f"x{i}", 4, 5], strict=True)) for i in range(N)]).encode()),
        ("a.parquet", _parquet(_position=range(N), _bytes=[2] * N, _findings=[f"x{i}" for i in range(N)], _raw=[4] * N, _blob=[5] * N)),
    ],
)
def test_a_column_called_as_the_system_calls_its_own(desk: Desk, name: str, data: bytes) -> None:
    made = desk.add(desk.bring(name, data))
    assert "column `position (file)` is the `_position` of the file" in made.notes
    gold = desk.gold(made.dataset).sort("position (file)")
    assert gold.select("position (file)", "bytes (file)", "findings (file)", "raw (file)", "blob (file)").row(7) == (7, 2, "x7", 4, 5)
    assert gold.height == N


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.json", b"{}", "its items have no columns"),
        ("a.json", b"[]", "it holds no item"),
        ("a.json", b"[{}, {}]", "its items have no columns"),
        ("a.jsonl", b"{}\n{}\n", "its items have no columns"),
        ("a.jsonl", (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}\n") * 3, "nested too deep"),
        ("a.json", b'[{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}]", "nested too deep"),
        (
            "a.parquet",
            _parquet(d=pa.array([Decimal("1.25")] * N, pa.decimal256(50, 2))),
            "`d` is a decimal of 50 digits, and Delta keeps 38",
        ),
    ],
)
def test_what_cannot_be_read_is_one_message(desk: Desk, name: str, data: bytes, says: str) -> None:
    with pytest.raises(FactoryError, match=says) as error:
        desk.add(desk.bring(name, data))
    assert error.value.fix


def test_an_empty_table_of_a_database(desk: Desk) -> None:
    file = desk.brought / "shop.db"
    with sqlite3.connect(file) as database:
        database.execute("create table orders(id integer primary key, item text)")
    database.close()
    with pytest.raises(FactoryError, match="Table orders holds no item"):
        desk.add(file)


@pytest.mark.parametrize("value", ["[" * 150 + "1" + "]" * 150, '{"k": ' * 150 + "1" + "}" * 150])
def test_a_deep_tree_is_json(desk: Desk, value: str) -> None:
    made = desk.add(desk.bring("trees.jsonl", "".join(f'{{"n": {i}, "tree": {value}}}\n' for i in range(N)).encode()))
    assert {c.column: c.type for c in made.columns}["tree"] == "json"
    assert desk.gold(made.dataset)["tree"].to_list() == [value] * N


def test_characters_that_yaml_has_no_place_for(desk: Desk) -> None:
    made = desk.add(desk.bring("nul.jsonl", "".join(f'{{"a": "x\\u0000\\u0085\\u2028y{i}", "b": {i}}}\n' for i in range(N)).encode()))
    assert r"such as x\x00" in (desk.root / made.files[0]).read_text()
    assert desk.gold(made.dataset).sort("b")["a"][3] == "x\0\x85\u2028y3"


def test_a_lone_surrogate_costs_its_row_and_is_counted(desk: Desk) -> None:
    lines = ['{"a": "\\ud800", "b": 0}', *(f'{{"a": "x{i}", "b": {i}}}' for i in range(1, N))]
    for name, text in (("s.jsonl", "\n".join(lines)), ("t.json", "[" + ",".join(lines) + "]")):
        assert desk.gold(desk.add(desk.bring(name, text.encode())).dataset).height == N - 1


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_days_before_the_year_one(desk: Desk, kind: pa.DataType) -> None:
    before = -800_000 if kind == pa.date32() else -69_120_000_000_000_000
    made = desk.add(desk.bring("old.parquet", _parquet(at=pa.array([before] * N, kind))))
    assert desk.gold(made.dataset)["at"].to_physical().to_list() == [before] * N


@pytest.mark.parametrize("ending", ["arrow", "arrows", "ipc"])
def test_a_stream_of_arrow(desk: Desk, ending: str) -> None:
    made = desk.add(desk.bring(f"s.{ending}", _stream(pa.table({"n": range(N), "w": [f"x{i}" for i in range(N)]}))))
    assert sorted(desk.gold(made.dataset)["n"]) == list(range(N))


def test_maps_and_short_floats(desk: Desk) -> None:
    pairs = pa.array([[("a", 1), ("b", None)], []] * (N // 2), pa.map_(pa.string(), pa.int64()))
    within = pa.array([{"m": [("k", i)]} for i in range(N)], pa.struct([("m", pa.map_(pa.string(), pa.int64()))]))
    made = desk.add(desk.bring("m.parquet", _parquet(pairs=pairs, within=within, half=pa.array(np.arange(N), pa.float16()))))
    gold = desk.gold(made.dataset).sort("n")
    assert gold["pairs"].to_list()[:2] == [[{"key": "a", "value": 1}, {"key": "b", "value": None}], []]
    assert gold["within"][5] == {"m": [{"key": "k", "value": 5}]}
    assert gold.schema["half"] == pl.Float32


@pytest.mark.parametrize("write", [lambda t: _parquet(**{n: t[n] for n in t.column_names}), _feather])
def test_a_time_of_day_keeps_its_fraction(desk: Desk, write: Callable[[pa.Table], bytes]) -> None:
    clock = [50_709_250_000_000, 50_709_250_001_003, 50_709_000_000_000] * (N // 3)
    both = pa.struct([("at", pa.time64("ns")), ("took", pa.duration("ms"))])
    table = pa.table(
        {
            "clock": pa.array(clock, pa.time64("ns")),
            "many": pa.array([[each] for each in clock], pa.list_(pa.time64("ns"))),
            "who": pa.array([{"at": each, "took": timedelta(milliseconds=5)} for each in clock], both),
            "k": range(N),
        }
    )
    name = "t.parquet" if write is not _feather else "t.feather"
    gold = desk.gold(desk.add(desk.bring(name, write(table))).dataset).sort("k")
    texts = ["14:05:09.250000", "14:05:09.250001003", "14:05:09"]
    assert gold["clock"].to_list()[:3] == texts
    assert gold["many"].to_list()[:3] == [[text] for text in texts]
    assert gold["who"].to_list()[:3] == [{"at": text, "took": 5000} for text in texts]


def test_a_time_of_day_in_a_workbook(desk: Desk) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["clock", "n"])
    for i in range(N):
        sheet.append([time(14, 5, 9, 250_000), i])
    book.save(desk.brought / "t.xlsx")
    assert desk.gold(desk.add(desk.brought / "t.xlsx").dataset)["clock"].to_list() == ["14:05:09.250000"] * N


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_nanoseconds_that_are_cut_are_named(desk: Desk, zone: str | None) -> None:
    at = pa.array([1_700_000_000_000_000_001 + i for i in range(N)], pa.timestamp("ns", zone))
    plain = pa.array([1_700_000_000_000_000_000] * N, pa.timestamp("ns", zone))
    made = desk.add(desk.bring("t.parquet", _parquet(at=at, plain=plain)))
    assert "times of `at` are cut to the microsecond: a table keeps no finer ones" in made.notes
    assert desk.gold(made.dataset)["at"][0].replace(tzinfo=None) == datetime(2023, 11, 14, 22, 13, 20)


def test_nan_and_infinity_keep_their_rows(desk: Desk) -> None:
    x, y = [float("nan")] * 5 + [1.0] * (N - 5), [float("inf")] * 5 + [2.0] * (N - 5)
    gold = desk.gold(desk.add(desk.bring("nan.parquet", _parquet(x=x, y=y))).dataset).sort("n")
    assert gold["x"].is_nan().sum() == 5
    assert gold["y"].to_list() == y
