"""The live index is a function of the material alone: not of batch sizes, nor of what was collected in between."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse import bronze

from .conftest import Factory

values = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
objects = st.fixed_dictionaries({}, optional={"a": values, "b": values | st.lists(values, max_size=2), "c": st.text(max_size=20)})
json_lines = st.lists(
    objects.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) | st.binary(max_size=12), max_size=12
)
fields = st.sampled_from(["", "x", '"q"', '"a\nb"', '"', 'a"b', '"un', "1,2", "好", '""', '"a""b"']) | st.text('ab,"\n', max_size=6)
csv_lines = st.lists(st.tuples(fields, fields).map(lambda pair: ",".join(pair).encode()), max_size=12)
batch_sizes = st.sampled_from([1, 5, 17, 64, 100_000])


def factory_in(folder: str, **declared: Any) -> Factory:
    (Path(folder) / "assets" / "sources").mkdir(parents=True)
    made = Factory(Path(folder))
    made.declare(max_vanished=1.0, **declared)
    return made


def index_of(factory: Factory) -> pl.DataFrame:
    return bronze.live_index(factory.project, "shop").select("_row_id", "_content", "_bytes")


@settings(max_examples=40, deadline=None)
@given(first=json_lines, batch=batch_sizes, limit=st.sampled_from([40, 1000]))
def test_json_lines_read_the_same_in_any_batch(first: list[bytes], batch: int, limit: int) -> None:
    data = b"\n".join([*first, b'{"a": 1, "b": null, "c": "end"}'])
    indexes = []
    for size in (batch, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            factory = factory_in(folder, options={"format": "jsonl"}, max_item_bytes=limit)
            factory.write("data/a.jsonl", data)
            factory.collect(batch_bytes=size)
            indexes.append(index_of(factory))
    assert indexes[0].equals(indexes[1])


@settings(max_examples=60, deadline=None)
@given(lines=csv_lines, batch=batch_sizes)
def test_csv_reads_the_same_in_any_batch(lines: list[bytes], batch: int) -> None:
    data = b"a,b\n" + b"\n".join([*lines, b"end,1"])
    found = []
    for size in (batch, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            factory = factory_in(folder, options={"format": "csv"})
            factory.write("data/a.csv", data)
            factory.collect(batch_bytes=size)
            found.append(factory.live().select("_row_id", "_content", "_raw", "a", "b", "_findings"))
    assert found[0].equals(found[1])


@settings(max_examples=25, deadline=None)
@given(
    states=st.lists(
        st.lists(st.sampled_from(["a,1", "a,2", "b,1", "c", "d,4", "~,1", '"x"y,1']), min_size=1, max_size=8), min_size=1, max_size=4
    ),
    batch=batch_sizes,
    key=st.sampled_from(["position", "content", ["k"]]),
)
def test_collections_in_between_leave_no_trace(states: list[list[str]], batch: int, key: Any) -> None:
    with tempfile.TemporaryDirectory() as often, tempfile.TemporaryDirectory() as once:
        many = factory_in(often, key=key, options={"format": "csv"})
        for lines in states:
            many.write("data/a.csv", "\n".join(["k,v", *lines]).encode())
            made = many.collect(batch_bytes=batch)
            assert made.content_id == bronze.source_content_id(bronze.live_index(many.project, "shop"))
        single = factory_in(once, key=key, options={"format": "csv"})
        single.write("data/a.csv", "\n".join(["k,v", *states[-1]]).encode())
        single.collect()
        assert index_of(many).equals(index_of(single))


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(st.binary(max_size=10).filter(lambda line: b"\n" not in line), max_size=15), batch=batch_sizes)
def test_no_line_is_lost(lines: list[bytes], batch: int) -> None:
    data = b"\n".join([b"first", *lines])
    with tempfile.TemporaryDirectory() as folder:
        factory = factory_in(folder, options={"format": "lines"})
        factory.write("data/a.txt", data)
        factory.collect(batch_bytes=batch)
        kept = [row["_raw"] if row["_raw"] is not None else row["text"].encode() for row in factory.live().iter_rows(named=True)]
    assert kept == [line.removesuffix(b"\r") for line in data.split(b"\n") if line.strip(b" \t\r\n\v\f")]
