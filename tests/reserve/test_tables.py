"""Tables in files of other formats: rows with their types, as the libraries of the formats write them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import date

import openpyxl
import polars as pl
import pyarrow.orc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import ShapeError, SourceError
from lakehouse.reserve.formats import json_array
from lakehouse.reserve.material import Reading

from .conftest import Factory

ORDERS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "text": ["你好，世界", None, "line one\nline two"],
        "price": [2.5, None, 4.0],
        "day": [date(2026, 1, 1), date(2026, 1, 2), None],
        "paid": [True, False, None],
    }
)


def arrow(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.write_ipc(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def orc(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    pyarrow.orc.write_table(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), out)
    return out.getvalue()


def avro(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.write_avro(out)
    return out.getvalue()


def excel(rows: pl.DataFrame) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(rows.columns)
    for row in rows.iter_rows():
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def json_text(rows: pl.DataFrame) -> bytes:
    return json.dumps(rows.to_dicts(), ensure_ascii=False, indent=2, default=str).encode()


WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {
    "arrow": arrow,
    "feather": arrow,
    "orc": orc,
    "avro": avro,
    "xlsx": excel,
    "json": json_text,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_rows_come_with_their_types_and_change_by_key(factory: Factory, ending: str) -> None:
    factory.declare(key=["id"])
    rows = ORDERS if ending != "json" else ORDERS.drop("day")
    factory.write(f"data/orders.{ending}", WRITERS[ending](rows))
    made = factory.collect()
    assert (made.added, made.findings) == (3, {})
    assert factory.live().select(rows.columns).sort("id").equals(rows)
    assert factory.collect().unchanged
    changed = rows.with_columns(pl.when(pl.col("id") == 2).then(pl.lit("da")).otherwise("text").alias("text")).head(2)
    factory.write(f"data/orders.{ending}", WRITERS[ending](changed))
    made = factory.collect()
    assert (made.added, made.changed, made.vanished) == (0, 1, 1)


@pytest.mark.parametrize("ending", list(WRITERS))
def test_a_damaged_file_is_one_message_that_names_it(factory: Factory, ending: str) -> None:
    factory.declare(columns={"id": "int", "text": "string"})
    whole = WRITERS[ending](pl.concat([ORDERS.select("id", "text")] * 500))
    factory.write(f"data/orders.{ending}", whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=rf"data/orders.{ending}(.|\n)*fetch the file again"):
        factory.collect()
    assert factory.lake_is_empty


def test_a_workbook_is_read_as_people_write_it(factory: Factory) -> None:
    factory.declare()
    mixed = pl.DataFrame({"编号": ["7", "x", "8"], "n": [1.0, 2.0, 3.0], "empty": [None, None, None]}, strict=False)
    factory.write("data/a.xlsx", excel(mixed))
    factory.collect()
    live = factory.live()
    assert live["编号"].to_list() == ["7", "x", "8"]
    assert live["n"].to_list() == [1, 2, 3]
    book = openpyxl.Workbook()
    book.active.append(["a", "a"])
    out = io.BytesIO()
    book.save(out)
    factory.write("data/a.xlsx", out.getvalue())
    (factory.root / "lake").rename(factory.root / "old")
    factory.declare(path="data/a.xlsx", columns={"a": "string"})
    with pytest.raises(ShapeError, match="two columns of the sheet are called `a`"):
        factory.collect()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[1, 2]", "no item of source shop can be read.*not_an_object"),
        (b'"x"', "no JSON array"),
        (b'[{"a": 1}, {"a": ', "damaged JSON behind item 1"),
    ],
)
def test_json_that_is_no_array_of_objects_is_refused(factory: Factory, text: bytes, problem: str) -> None:
    factory.declare()
    factory.write("data/a.json", text)
    with pytest.raises(SourceError, match=problem):
        factory.collect()


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8)), min_size=1
    )
)
def test_a_json_array_reads_as_its_objects_on_lines(objects: list[dict[str, object]]) -> None:
    from lakehouse.reserve.formats import jsonl

    def sink() -> object:
        raise AssertionError

    reading = Reading(sink=sink)  # type: ignore[arg-type]
    array = io.BufferedReader(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(objects).encode()))  # type: ignore[arg-type]
    lines = io.BufferedReader(io.BytesIO("".join(json.dumps(each) + "\n" for each in objects).encode()))  # type: ignore[arg-type]
    columns = ["a", "b", "c"]
    ours = pl.concat(list(json_array.read(array, reading, columns)))
    theirs = pl.concat(list(jsonl.read(lines, reading, columns)))
    assert ours.select(columns).equals(theirs.select(columns))
