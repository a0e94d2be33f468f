"""Types of columns: how texts become values, what a file with types of its own keeps, and a type that is corrected later."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import ShapeError, SpecError
from lakehouse.core.spec.column_type import parsed, written
from tests.reserve.conftest import Factory

SCALARS = [pl.String(), pl.Int64(), pl.Int8(), pl.Float32(), pl.Boolean(), pl.Binary(), pl.Date(), pl.Datetime("us"), pl.Decimal(12, 2)]
TYPES = st.recursive(
    st.sampled_from([*SCALARS, pl.Datetime("us", "UTC")]),
    lambda inner: st.one_of(
        inner.map(pl.List),
        st.dictionaries(st.text(min_size=1, max_size=5), inner, min_size=1, max_size=3).map(pl.Struct),
    ),
    max_leaves=5,
)


@given(TYPES)
def test_a_type_is_written_as_it_is_read(dtype: pl.DataType) -> None:
    assert parsed(written(dtype)) == dtype


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("integer", "is no column type"),
        ("list<int", "is no column type"),
        ("decimal(50, 2)", "1 to 38 digits"),
        ("timestamp(Mars)", "no time zone"),
        ("struct<a: int, a: int>", "stands twice"),
    ],
)
def test_a_wrong_type_is_named(factory: Factory, text: str, why: str) -> None:
    factory.declare(columns={"id": text})
    with pytest.raises(SpecError, match=why):
        factory.project.source("shop")


def _collected(factory: Factory, columns: dict[str, Any], rows: bytes, **more: Any) -> pl.DataFrame:
    factory.declare(columns=columns, **more)
    factory.write("data/a.csv", rows)
    factory.collect()
    return factory.live()


@pytest.mark.parametrize(
    ("declared", "texts", "values"),
    [
        ("date", ["2024-02-29", "2024/03/01", "2024-02-30"], [date(2024, 2, 29), date(2024, 3, 1), None]),
        ({"type": "date", "format": "%d.%m.%Y"}, ["31.12.2023", "2023-12-31"], [date(2023, 12, 31), None]),
        ("timestamp", ["2024-01-05 10:30", "2024-01-05T10:30:00.5", "2024-01-05"], None),
        ({"type": "float", "decimal": ",", "thousands": "."}, ["1.234,5", "-0,25", "7", "1.2.3"], [1234.5, -0.25, 7.0, None]),
        ({"type": "int", "nulls": ["NA", "-"]}, ["3", "NA", "-", "x"], [3, None, None, None]),
        ("decimal(8, 2)", ["12.50", "0.1", "3.999"], [Decimal("12.50"), Decimal("0.10"), None]),
        ("int32", ["2147483647", "2147483648"], [2147483647, None]),
        ("category", ["red", "blue"], ["red", "blue"]),
    ],
)
def test_texts_become_values(factory: Factory, declared: Any, texts: list[str], values: list[Any] | None) -> None:
    body = "v\n" + "".join(f'"{text}"\n' for text in texts)
    live = _collected(factory, {"v": declared}, body.encode())
    if values is not None:
        assert live["v"].to_list() == values
    meant = declared.get("nulls", []) if isinstance(declared, dict) else []
    bad = [findings.to_list() for findings in live["_findings"]]
    kept = live["v"].to_list()
    assert bad == [["bad_value:v"] if value is None and text not in meant else [] for text, value in zip(texts, kept, strict=True)]


def test_times_with_a_zone_are_points_in_time(factory: Factory) -> None:
    rows = b"v\n2024-01-05 10:30:00\n2024-01-05T10:30:00+08:00\n2024-07-05T10:30:00Z\n"
    live = _collected(factory, {"v": "timestamp(Asia/Shanghai)"}, rows)
    at = datetime(2024, 1, 5, 2, 30, tzinfo=UTC)
    assert live["v"].to_list() == [at, at, datetime(2024, 7, 5, 10, 30, tzinfo=UTC)]


def test_json_values_become_lists_and_structs(factory: Factory) -> None:
    turn = "struct<role: string, content: string>"
    lines = [
        {"id": 1, "turns": [{"role": "user", "content": "你好"}], "meta": {"n": 1, "tags": ["a"]}},
        {"id": 2, "turns": [{"role": "user", "content": 5}], "meta": {"n": 2, "tags": []}},
        {"id": 3, "turns": [], "meta": {"n": 3, "tags": None, "extra": 1}},
        {"id": 4, "turns": None, "meta": None},
    ]
    factory.declare(columns={"id": "int", "turns": f"list<{turn}>", "meta": "struct<n: int, tags: list<string>>"})
    factory.write("data/a.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    made = factory.collect()
    live = factory.live()
    assert live["turns"].to_list() == [[{"role": "user", "content": "你好"}], None, [], None]
    assert live["meta"].to_list() == [{"n": 1, "tags": ["a"]}, {"n": 2, "tags": []}, None, None]
    assert made.findings == {"bad_value:turns": 1, "bad_value:meta": 1}
    assert json.loads(live["_raw"][1])["turns"] == '[{"role": "user", "content": 5}]'


def test_a_file_with_types_keeps_them(factory: Factory) -> None:
    rows = pl.DataFrame(
        {
            "small": pl.Series([1], dtype=pl.Int16),
            "hash": pl.Series([2**64 - 1], dtype=pl.UInt64),
            "real": pl.Series([0.5], dtype=pl.Float32),
            "day": [date(2024, 1, 5)],
            "at": pl.Series([datetime(2024, 1, 5, 9)]).dt.replace_time_zone("Europe/Berlin"),
            "clock": [time(14, 5, 9)],
            "took": [timedelta(seconds=2)],
            "price": pl.Series([Decimal("1.50")], dtype=pl.Decimal(9, 2)),
            "kind": pl.Series(["a"], dtype=pl.Categorical),
            "tags": [["x", "y"]],
            "who": [{"name": "An", "age": 3}],
            "raw": [b"\x00"],
        }
    )
    factory.declare()
    file = io.BytesIO()
    rows.write_parquet(file)
    factory.write("data/a.parquet", file.getvalue())
    factory.collect()
    live = factory.live().select(rows.columns)
    assert live.schema == {
        "small": pl.Int16,
        "hash": pl.Decimal(20, 0),
        "real": pl.Float32,
        "day": pl.Date,
        "at": pl.Datetime("us", "UTC"),
        "clock": pl.String,
        "took": pl.Int64,
        "price": pl.Decimal(9, 2),
        "kind": pl.String,
        "tags": pl.List(pl.String),
        "who": pl.Struct({"name": pl.String, "age": pl.Int64}),
        "raw": pl.Binary,
    }
    assert live["at"][0] == datetime(2024, 1, 5, 8, tzinfo=UTC)
    assert live["clock"][0].startswith("14:05:09")
    assert live["took"][0] == 2_000_000
    assert int(live["hash"][0]) == 2**64 - 1


def test_a_type_that_is_corrected_reads_everything_again(factory: Factory) -> None:
    before = _collected(factory, {"id": "string", "n": "int"}, b"id,n\n007,1\n008,2\nx9,3\n")
    assert before["n"].to_list() == [1, 2, 3]
    factory.declare(columns={"id": "int", "n": "float"})
    made = factory.collect()
    live = factory.live()
    assert made.findings == {"bad_value:id": 1}
    assert live.schema["n"] == pl.Float64
    assert live.filter(pl.col("_findings").list.len() == 0)["id"].to_list() == [7, 8]
    assert b"x9" in live.filter(pl.col("_findings").list.len() > 0)["_raw"][0]
    factory.declare(columns={"id": "string", "n": "float"})
    factory.collect()
    assert sorted(factory.live()["id"].to_list()) == ["007", "008", "x9"]
    assert factory.collect().unchanged


def test_a_column_gets_its_type_with_its_first_value(factory: Factory) -> None:
    factory.declare()
    for name, values, dtype in (("a", [None, None], pl.Null), ("b", [1, 2], pl.Int64)):
        file = io.BytesIO()
        pl.DataFrame({"n": pl.Series(values, dtype=dtype), "t": ["x", "y"]}).write_parquet(file)
        factory.write(f"data/{name}.parquet", file.getvalue())
        factory.collect()
    assert factory.live()["n"].to_list() == [None, None, 1, 2]
    assert factory.live().schema["n"] == pl.Int64


def test_names_that_are_one_name_are_refused(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", b"Text,text\na,b\n")
    with pytest.raises(ShapeError, match=r"`Text` and `text` differ by case alone.*"):
        factory.collect()


def test_two_columns_of_one_name_in_parquet_are_refused(factory: Factory) -> None:
    factory.declare()
    file = io.BytesIO()
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"]), file)
    factory.write("data/a.parquet", file.getvalue())
    with pytest.raises(ShapeError, match="two columns of the file are called `n`"):
        factory.collect()


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "big5hkscs"])
def test_other_encodings_are_read_in_place(factory: Factory, encoding: str) -> None:
    factory.declare(options={"encoding": encoding})
    factory.write("data/a.csv", "编号,文本\n1,很好\n2,不錯\n".encode(encoding, "replace"))
    assert factory.collect().findings == {}
    assert factory.live()["文本"].to_list()[0] == "很好"


def test_what_does_not_decode_is_a_finding_of_its_row(factory: Factory) -> None:
    factory.declare(options={"encoding": "gb18030"})
    factory.write("data/a.csv", b"id,text\n1," + "好".encode("gb18030") + b"\n2,\xff\xff\n3,ok\n")
    assert factory.collect().findings == {"invalid_utf8": 1}
    assert factory.live().filter(pl.col("_findings").list.len() == 0)["text"].to_list() == ["好", "ok"]


def test_bare_carriage_returns_end_lines(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", b"id,text\r1,one\r2,two\r")
    factory.collect()
    assert factory.live()["text"].to_list() == ["one", "two"]
