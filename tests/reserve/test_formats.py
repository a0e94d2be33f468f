"""Each format: good items become columns, broken ones rows with findings, broken files one error that names them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from functools import partial

import polars as pl
import pytest
import zstandard

from lakehouse.core.errors import ShapeError, SourceError
from lakehouse.core.hashing import file_digest
from lakehouse.core.storage.blobs import Blobs
from lakehouse.reserve.formats.compression import decompressed

from .conftest import Factory


def parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


CLEAN = {
    "lines": ("a.txt", "你好\nhello".encode(), ["你好", "hello"]),
    "jsonl": ("a.jsonl", '{"text": "你好"}\n{"text": "hello"}'.encode(), ["你好", "hello"]),
    "csv": ("a.csv", 'text,n\n"你好",1\nhello,2'.encode(), ["你好", "hello"]),
    "parquet": ("a.parquet", parquet(pl.DataFrame({"text": ["你好", "hello"]})), ["你好", "hello"]),
    "text": ("a.md", "你好\n".encode(), ["你好\n"]),
}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("ending", COMPRESSIONS)
@pytest.mark.parametrize("kind", CLEAN)
def test_every_format_in_every_compression(factory: Factory, kind: str, ending: str) -> None:
    name, data, texts = CLEAN[kind]
    factory.declare()
    factory.write(f"data/{name}{ending}", COMPRESSIONS[ending](data))
    factory.collect()
    assert factory.live()["text"].to_list() == texts


@pytest.mark.parametrize("kind", ["lines", "parquet"])
@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_truncated_compression(factory: Factory, kind: str, ending: str) -> None:
    name, data, _ = CLEAN[kind]
    factory.declare()
    factory.write(f"data/{name}{ending}", COMPRESSIONS[ending](data * 50 if kind == "lines" else data)[:-6])
    with pytest.raises(SourceError, match=f"data/{name}{ending}: the compressed file ends early"):
        factory.collect()
    assert factory.lake_is_empty


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_damaged_compression(factory: Factory, ending: str) -> None:
    factory.declare()
    factory.write(f"data/a.txt{ending}", b"this is not compressed at all")
    with pytest.raises(SourceError, match=f"data/a.txt{ending}: the file is damaged"):
        factory.collect()


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_compression_of_several_streams(factory: Factory, ending: str) -> None:
    factory.declare()
    padding = b"\0" * 8 if ending == ".xz" else b""
    factory.write(f"data/a.txt{ending}", COMPRESSIONS[ending](b"one\n") + padding + COMPRESSIONS[ending](b"two\n") + padding)
    factory.collect()
    assert factory.live()["text"].to_list() == ["one", "two"]


def test_a_bomb_expands_in_steps() -> None:
    for ending in (".bz2", ".xz"):
        with decompressed(io.BytesIO(COMPRESSIONS[ending](bytes(100_000_000))), f"a{ending}") as handle:
            tracemalloc.start()
            assert sum(len(block) for block in iter(partial(handle.read, 1 << 20), b"")) == 100_000_000
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
            tracemalloc.stop()


def test_missing_files(factory: Factory) -> None:
    factory.declare("data/none.csv")
    with pytest.raises(SourceError, match=r"`data/none.csv` does not exist"):
        factory.collect()
    factory.declare("data/*.csv")
    with pytest.raises(SourceError, match=r"no file matches `data/\*.csv`"):
        factory.collect()
    (factory.root / "data").mkdir()
    factory.declare("data")
    with pytest.raises(SourceError, match=r"the folder `data` holds no files"):
        factory.collect()
    factory.write("data/a.xyz", b"x")
    with pytest.raises(SourceError, match=r"the format of data/a.xyz is not known by its name(.|\n)*format:"):
        factory.collect()


def test_glob_takes_files_in_order(factory: Factory) -> None:
    factory.declare("data/**/*.txt")
    factory.write("data/b/x.txt", b"two\n")
    factory.write("data/a.txt", b"one\n")
    factory.write("data/.hidden/c.txt", b"no\n")
    factory.write("data/d.csv", b"no\n")
    factory.collect()
    assert factory.live()["_uri"].to_list() == ["data/a.txt", "data/b/x.txt"]


def test_lines_that_are_not_utf8(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", "\ufeff一\r\n".encode() + b"\xff\xfe\r\n \t\n" + "二\n".encode())
    made = factory.collect()
    assert made.findings == {"invalid_utf8": 1}
    assert factory.live().select("text", "_raw", "_findings", "_bytes").rows() == [
        ("一", None, [], 3),
        (None, b"\xff\xfe", ["invalid_utf8"], 2),
        ("二", None, [], 3),
    ]


def test_text_that_is_not_utf8(factory: Factory) -> None:
    factory.declare(options={"format": "text"})
    factory.write("data/a.txt", b"\xff")
    factory.write("data/b.txt", b"fine")
    factory.collect()
    assert factory.live().select("text", "_raw").rows() == [(None, b"\xff"), ("fine", None)]


@pytest.mark.parametrize("format", ["lines", "jsonl", "csv", "text", "parquet"])
def test_oversized_items_go_to_blobs(factory: Factory, format: str) -> None:
    long = b"x" * 5000
    data = {
        "lines": b"one\n" + long + b"\ntwo\n",
        "jsonl": b'{"text": "one"}\n{"text": "' + long + b'"}\n{"text": "two"}\n',
        "csv": b'text,n\none,1\n"' + long + b'",2\ntwo,3\n',
        "text": long,
        "parquet": parquet(pl.DataFrame({"text": ["one", long.decode(), "two"]})),
    }[format]
    factory.declare(options={"format": format}, max_item_bytes=1000)
    factory.write("data/a", data)
    for batch_bytes in (64, 1_000_000):
        made = factory.collect(batch_bytes=batch_bytes)
        assert made.findings == {"oversized": 1}
    big = factory.live().filter(pl.col("_blob").is_not_null())
    assert big.select("text", "_raw", "_findings").rows() == [(None, None, ["oversized"])]
    sha256 = big["_blob"][0]
    kept = factory.root / "lake" / "blobs" / sha256[:2] / sha256
    assert file_digest(kept) == sha256
    assert big["_content"][0] == sha256
    assert long in kept.read_bytes()
    with Blobs(factory.project).open(sha256) as handle:
        assert handle.read() == kept.read_bytes()
    assert list((factory.root / "lake" / "blobs" / ".unfinished").iterdir()) == []
    assert [text for text in factory.live()["text"] if text] == ([] if format == "text" else ["one", "two"])


def test_line_of_50_megabytes(factory: Factory) -> None:
    factory.declare(options={"format": "jsonl"})
    factory.write("data/a.jsonl", b'{"text": "one"}\n{"text": "' + b"x" * 50_000_000 + b'"}\n{"text": "two"}\n')
    made = factory.collect()
    assert (made.live, made.findings) == (3, {"oversized": 1})
    assert factory.live()["_bytes"].to_list() == [15, 50_000_012, 15]


def test_jsonl_types_as_found(factory: Factory) -> None:
    factory.declare()
    factory.write(
        "data/a.jsonl",
        b'{"i": 1, "f": 1, "b": true, "s": "x", "j": {"k": [1, {"z": null}]}, "m": 3, "n": null}\n'
        b'{"i": null, "f": 2.5, "s": null, "j": [1], "m": "y"}\n',
    )
    factory.collect()
    rows = factory.live()
    assert {name: rows.schema[name] for name in "ifbsjmn"} == {
        "i": pl.Int64,
        "f": pl.Float64,
        "b": pl.Boolean,
        "s": pl.String,
        "j": pl.String,
        "m": pl.String,
        "n": pl.String,
    }
    assert rows.select(*"ifbsmn").rows() == [(1, 1.0, True, "x", "3", None), (None, 2.5, None, None, "y", None)]
    assert pl.DataFrame({"j": rows["j"]}).select(pl.col("j").str.json_path_match("$.k[0]"))["j"].to_list() == ["1", None]


def test_broken_json_lines(factory: Factory) -> None:
    factory.declare()
    lines = [
        b'{"a": "fine"}',
        b'{"a": "cut',
        b"[1, 2]",
        b"null",
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b'{"a": "x"} {"a": "y"}',
        b'{"a": "\\ud800"}',
        b'{"a": 1e999}',
        b'{"a": "\\ud83d\\ude00"}',
        b"",
        b'{"a": "last"}',
    ]
    factory.write("data/a.jsonl", b"\n".join(lines))
    for batch_bytes in (20, 1_000_000):
        factory.write("data/a.jsonl", b"\n".join(lines) + b"\n" * batch_bytes)
        made = factory.collect(batch_bytes=batch_bytes)
        assert made.findings == {"invalid_utf8": 1, "malformed_json": 3, "not_an_object": 2}
    rows = factory.live()
    assert [text for text in rows["a"] if text is not None] == ["fine", "NaN", "1e999", "😀", "last"]
    broken = rows.filter(pl.col("_raw").is_not_null())
    assert broken["_raw"].to_list() == [lines[i] for i in (1, 2, 3, 4, 6, 7)]
    assert rows["_row_id"][-1] == "shop/data/a.jsonl:000000012"


def test_jsonl_values_that_do_not_fit(factory: Factory) -> None:
    factory.declare(columns={"text": "string", "n": "int", "ok": "bool", "extra": "json"})
    factory.write(
        "data/a.jsonl",
        b'{"text": "one", "n": 1, "ok": true, "extra": {"a": 1}}\n'
        b'{"text": 5, "n": 2, "ok": false}\n'
        b'{"text": {"a": 1}, "n": "x", "ok": "maybe"}\n'
        b'{"text": "the \\"text\\": 5 is quoted", "n": 3.5}\n',
    )
    made = factory.collect()
    assert made.findings == {"bad_value:n": 2, "bad_value:ok": 1, "bad_value:text": 2}
    assert factory.live().select("text", "n", "ok", "extra").rows() == [
        ("one", 1, True, '{"a": 1}'),
        (None, 2, False, None),
        (None, None, None, None),
        ('the "text": 5 is quoted', None, None, None),
    ]
    assert factory.live()["_raw"].is_null().to_list() == [True, False, False, False]


def test_jsonl_unknown_key(factory: Factory) -> None:
    factory.declare(columns={"text": "string"})
    factory.write("data/a.jsonl", b'{"text": "a"}\n{"text": "b", "new": {"x": 1}}\n')
    with pytest.raises(ShapeError, match=r"data/a.jsonl: unknown keys `new`(.|\n)*known: `text`(.|\n)*columns:"):
        factory.collect()


def test_csv_nulls_quotes_and_newlines(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", 'a,b\r\n"x\ny","q""q"\r\n,""\r\n\r\n 空 ,z\r\n'.encode())
    factory.collect()
    assert factory.live().select("a", "b").rows() == [("x\ny", 'q"q'), (None, ""), (" 空 ", "z")]
    assert [name[-1] for name in factory.live()["_row_id"]] == ["1", "2", "4"]


def test_ragged_csv_lines(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", b"a,b\n1,2\n3\n4,5,6\n\xff,x\n7,8\n")
    made = factory.collect()
    assert made.findings == {"wrong_field_count": 2, "invalid_utf8": 1}
    assert factory.live().select("a", "b", "_raw").rows() == [
        ("1", "2", None),
        (None, None, b"3"),
        (None, None, b"4,5,6"),
        (None, None, b"\xff,x"),
        ("7", "8", None),
    ]


@pytest.mark.parametrize("batch_bytes", [1, 7, 30, 1_000_000])
def test_stray_csv_quotes_cost_one_line_each(factory: Factory, batch_bytes: int) -> None:
    factory.declare()
    factory.write("data/a.csv", b'a,b\n1,2\n3,"open\n4,5\n5" pipe,6\n"x"y,7\n"multi\nline",8\n9,10\n11,"open\n12,13\n')
    made = factory.collect(batch_bytes=batch_bytes)
    assert made.findings == {"malformed_quotes": 3}
    rows = factory.live()
    assert rows.filter(pl.col("_raw").is_null()).select("a", "b").rows() == [
        ("1", "2"),
        ("4", "5"),
        ('5" pipe', "6"),
        ("multi\nline", "8"),
        ("9", "10"),
        ("12", "13"),
    ]
    assert rows["_raw"].drop_nulls().to_list() == [b'3,"open', b'"x"y,7', b'11,"open']


def test_csv_declared_types(factory: Factory) -> None:
    factory.declare(columns={"n": "int", "x": "float", "ok": "bool"}, options={"separator": ";"})
    factory.write("data/a.csv", b"n;x;ok\n1;1.5;True\n2.5;nope;\n")
    made = factory.collect()
    assert made.findings == {"bad_value:n": 1, "bad_value:x": 1}
    assert factory.live().select("n", "x", "ok").rows() == [(1, 1.5, True), (None, None, None)]
    assert factory.live()["_raw"][1] == b'{"n":"2.5","x":"nope","ok":null}'


def test_csv_lacks_declared_columns(factory: Factory) -> None:
    factory.declare(columns={"id": "string", "text": "string"})
    factory.write("data/a.csv", b"id,body\n1,x\n")
    with pytest.raises(ShapeError, match=r"data/a.csv: the table lacks `text` and has unknown `body`; found `id`, `body`"):
        factory.collect()
    factory.declare(columns={"id": "string", "text": "string"}, options={"rename": {"body": "text"}})
    factory.collect()
    assert factory.live()["text"].to_list() == ["x"]


@pytest.mark.parametrize("start", ["x^2", "x\x01", "(\u00b5"])
def test_lines_that_begin_as_compressed_data_does_are_read_as_they_are(factory: Factory, start: str) -> None:
    """Polars looks for the first bytes of zlib, gzip and zstd data, of which `x^` is one."""
    factory.declare(options={"format": "csv"})
    factory.write("data/a.csv", f"text,n\n{start},1\nb,2\n".encode())
    factory.collect()
    assert factory.live().sort("_row_id").select("text", "n").rows() == [(start, "1"), ("b", "2")]


def test_broken_json_that_begins_as_compressed_data_does_costs_its_line(factory: Factory) -> None:
    factory.declare(options={"format": "jsonl"})
    factory.write("data/a.jsonl", b'x\x01\x06\n{"text": "b"}\n')
    assert factory.collect().findings == {"malformed_json": 1}
    assert factory.live()["text"].to_list() == [None, "b"]


def test_csv_without_header(factory: Factory) -> None:
    factory.declare(columns={"b": "string", "a": "string"}, options={"header": False})
    factory.write("data/a.csv", b"1,2\n")
    factory.collect()
    assert factory.live().select("b", "a").rows() == [("1", "2")]


def test_csv_header_names_twice(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.csv", b"a,a\n1,2\n")
    with pytest.raises(ShapeError, match="the header names `a` twice"):
        factory.collect()


def test_tab_separated_with_lines_after_the_header_and_quotes_as_they_are(factory: Factory) -> None:
    factory.declare(options={"skip_after_header": 2, "quote": None, "rename": {"Text": "text"}})
    factory.write("data/a.tab", b'Text\tn\nd\tstring\nmeta\t\nsay "hi\t1\n"x\t2\n')
    factory.collect()
    assert factory.live()["text"].to_list() == ['say "hi', '"x']


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_truncated_parquet(factory: Factory, cut: float) -> None:
    data = parquet(pl.DataFrame({"text": [str(i) for i in range(1000)]}))
    factory.declare()
    factory.write("data/a.parquet", data[: int(len(data) * cut)])
    with pytest.raises(SourceError, match=r"data/a.parquet: not a whole Parquet file"):
        factory.collect()
    assert factory.lake_is_empty


def test_parquet_types_that_delta_lacks_are_replaced(factory: Factory) -> None:
    odd_orders = pl.DataFrame(
        {
            "c": pl.Series(["x", None], dtype=pl.Categorical),
            "u": pl.Series([1, 2**63], dtype=pl.UInt64),
            "n": pl.Series([None, None], dtype=pl.Null),
            "t": pl.Series([datetime(2026, 1, 1)] * 2, dtype=pl.Datetime("ns")),
            "l": [[1], None],
            "s": [{"a": "x"}, {"a": None}],
            "b": [b"\x00", None],
        }
    )
    factory.declare()
    factory.write("data/a.parquet", parquet(odd_orders))
    made = factory.collect()
    rows = factory.live()
    assert made.live == 2
    assert rows["c"].to_list() == ["x", None]
    assert [int(value) for value in rows["u"]] == [1, 2**63]
    assert rows["l"].to_list() == [[1], None]
    assert rows["b"].to_list() == [b"\x00", None]
    factory.write("data/a.parquet", parquet(odd_orders.reverse()))
    assert factory.collect().changed == 2


def test_null_texts_stay_null(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.parquet", parquet(pl.DataFrame({"text": ["a", None]})))
    made = factory.collect()
    assert factory.live()["text"].to_list() == ["a", None]
    assert made.findings == {}


def test_a_parquet_file_of_numbers_alone(factory: Factory) -> None:
    factory.write("data/a.parquet", parquet(pl.DataFrame({"id": [1, 2, 3], "amount": [0.5, None, 2.0]})))
    factory.declare()
    factory.collect()
    assert factory.live().select("id", "amount", "_bytes").rows() == [(1, 0.5, 16), (2, None, 16), (3, 2.0, 16)]
