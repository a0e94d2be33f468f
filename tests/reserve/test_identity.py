"""The live index is a function of the material alone: not of batch sizes, nor of what was collected in between."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.formats import FORMATS
from lakehouse.reserve.material import Reading
from tests.examples import examples

from .conftest import Factory

values = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
objects = st.fixed_dictionaries({}, optional={"a": values, "b": values | st.lists(values, max_size=2), "c": st.text(max_size=20)})
json_lines = st.lists(
    objects.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) | st.binary(max_size=12), max_size=12
)
csv_pieces = st.lists(
    st.sampled_from(
        [b"a", b",", b'"', b"\n", b"\r\n", b'""', b'"a\nb"', b'"a,b"', b"1,2\n", b'"q",z\n', b'5" pipe,1\n', "好".encode(), b"\xff"]
    ),
    max_size=30,
)
chunk_sizes = st.sampled_from([1, 3, 7, 16, 50])
limits = st.sampled_from([8, 20, 1000])
batch_sizes = st.sampled_from([1, 17, 100_000])


def factory_in(folder: str, **declared: Any) -> Factory:
    (Path(folder) / "assets" / "sources").mkdir(parents=True)
    made = Factory(Path(folder))
    made.declare(max_vanished=1.0, **declared)
    return made


def index_of(factory: Factory) -> pl.DataFrame:
    return factory.index().select("_row_id", "_content", "_bytes")


class Memory:
    """A sink that keeps the bytes in the name of the blob."""

    def __init__(self) -> None:
        self._data = b""

    def write(self, data: bytes) -> None:
        self._data += data

    def close(self) -> str:
        return self._data.hex()


def read(format: str, data: bytes, columns: list[str], chunk_bytes: int, limit: int) -> list[tuple[Any, ...]]:
    reading = Reading(sink=Memory, chunk_bytes=chunk_bytes, max_item_bytes=limit)
    handle = cast(BinaryIO, io.BufferedReader(io.BytesIO(data)))  # type: ignore[type-var]
    return [row for rows in FORMATS[format].read(handle, reading, columns) for row in rows.rows()]


@given(lines=json_lines, chunk_bytes=chunk_sizes, limit=limits, end=st.sampled_from([b"\n", b"\r\n"]))
def test_json_lines_read_the_same_in_any_chunk(lines: list[bytes], chunk_bytes: int, limit: int, end: bytes) -> None:
    data = end.join(lines)
    assert read("jsonl", data, ["a", "b", "c"], chunk_bytes, limit) == read("jsonl", data, ["a", "b", "c"], 1_000_000, limit)


@given(pieces=csv_pieces, chunk_bytes=chunk_sizes, limit=limits)
def test_csv_reads_the_same_in_any_chunk(pieces: list[bytes], chunk_bytes: int, limit: int) -> None:
    data = b"a,b\n" + b"".join(pieces)
    assert read("csv", data, ["a", "b"], chunk_bytes, limit) == read("csv", data, ["a", "b"], 1_000_000, limit)


@given(lines=st.lists(st.binary(max_size=10).filter(lambda line: b"\n" not in line), max_size=15), chunk_bytes=chunk_sizes, limit=limits)
def test_no_line_is_lost(lines: list[bytes], chunk_bytes: int, limit: int) -> None:
    data = b"\n".join([b"first", *lines])
    rows = read("lines", data, ["text"], chunk_bytes, limit)
    kept = [text.encode() if text is not None else raw if raw is not None else bytes.fromhex(blob) for text, _, _, _, raw, blob in rows]
    assert kept == [line.removesuffix(b"\r") for line in data.split(b"\n") if line.strip(b" \t\r\n\v\f")]


@given(orders=st.lists(st.tuples(st.none() | st.text('ab,"\n好 ', max_size=6), st.text('ab,"\n\r', max_size=6)), min_size=1, max_size=10))
def test_well_formed_csv_comes_back_as_it_was_written(orders: list[tuple[str | None, str]]) -> None:
    quoted = [["" if value is None else '"' + value.replace('"', '""') + '"' for value in row] for row in orders]
    data = "".join(",".join(row) + "\n" for row in [["a", "b"], *quoted]).encode()
    for chunk_bytes in (3, 1_000_000):
        rows = read("csv", data, ["a", "b"], chunk_bytes, 1000)
        assert [row[:2] for row in rows] == orders
        assert all(row[4] == [] for row in rows)


@settings(max_examples=examples(0.2))
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
            assert made.content_id == bronze.source_content_id(many.index())
        single = factory_in(once, key=key, options={"format": "csv"})
        single.write("data/a.csv", "\n".join(["k,v", *states[-1]]).encode())
        single.collect()
        assert index_of(many).equals(index_of(single))
