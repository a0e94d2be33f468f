"""A collection appends what is new or changed, marks what vanished, and refuses what would do harm."""

from __future__ import annotations

import json

import polars as pl
import pytest

from lakehouse.core.errors import LockedError, NotFoundError, ShapeError, SourceError, SpecError
from lakehouse.core.row_model import BRONZE
from lakehouse.core.runs.lock import locked
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.bronze.collections import collections, last_collection

from .conftest import Factory


def test_first_collection_fills_bronze(factory: Factory) -> None:
    factory.declare("data/reviews.txt", options={"set": {"label": "good"}})
    factory.write("data/reviews.txt", "很好\n\n不错 😀\n".encode())
    made = factory.collect()
    assert (made.live, made.added, made.changed, made.vanished, made.unchanged) == (2, 2, 0, 0, False)
    rows = factory.stored()
    assert rows.columns == [*BRONZE, "text", "label"]
    assert rows["_row_id"].to_list() == ["shop/data/reviews.txt:000000001", "shop/data/reviews.txt:000000003"]
    assert rows["text"].to_list() == ["很好", "不错 😀"]
    assert rows["label"].to_list() == ["good", "good"]
    assert rows["_bytes"].to_list() == [6, 11]
    assert rows["_uri"].unique().to_list() == ["data/reviews.txt"]
    assert rows["_license"].unique().to_list() == ["CC0-1.0"]
    assert rows["_media_type"].unique().to_list() == ["text/plain"]
    assert rows["_findings"].to_list() == [[], []]
    assert made.content_id == bronze.source_content_id(factory.index())


def test_unchanged_source_appends_nothing(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"one\ntwo\n")
    first = factory.collect()
    second = factory.collect()
    assert second.unchanged
    assert (second.content_id, second.delta_version, second.collection) == (first.content_id, first.delta_version, first.collection)
    assert len(collections(factory.project, "shop")) == 1


def test_same_items_in_other_bytes_are_read_again_and_unchanged(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"one\ntwo\n")
    first = factory.collect()
    factory.write("data/a.txt", b"one\r\ntwo\r\n")
    second = factory.collect()
    assert second.unchanged
    assert (second.content_id, second.delta_version) == (first.content_id, first.delta_version)
    assert [made.collection for made in collections(factory.project, "shop")] == [1, 2]
    assert factory.collect().collection == 2


def test_changed_new_and_vanished_items(factory: Factory) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/orders.csv", b"id,item\n1,pear\n2,plum\n3,fig\n")
    factory.collect()
    factory.write("data/orders.csv", b"id,item\n1,pear\n3,date\n4,kiwi\n")
    made = factory.collect()
    assert (made.live, made.added, made.changed, made.vanished) == (3, 1, 1, 1)
    later = factory.stored().filter(pl.col("_collection") == 2)
    assert later.select("_row_id", "_deleted", "item").rows() == [
        ("shop/2", True, None),
        ("shop/3", False, "date"),
        ("shop/4", False, "kiwi"),
    ]
    assert factory.live()["item"].to_list() == ["pear", "date", "kiwi"]
    assert made.content_id == bronze.source_content_id(factory.index())
    back = factory.write("data/orders.csv", b"id,item\n1,pear\n2,plum\n3,date\n4,kiwi\n")
    assert back.exists()
    again = factory.collect()
    assert (again.added, again.changed, again.vanished) == (1, 0, 0)


def test_too_many_vanished_items_are_refused(factory: Factory) -> None:
    factory.declare(key="content", max_vanished=0.4)
    factory.write("data/a.txt", b"one\ntwo\n")
    first = factory.collect()
    factory.write("data/a.txt", b"two\nthree\n")
    with pytest.raises(SourceError, match=r"1 of 2 items of source shop vanished \(50%\)"):
        factory.collect()
    assert bronze.table(factory.project, "shop").version() == first.delta_version
    factory.declare(key="content", max_vanished=0.5)
    assert factory.collect().vanished == 1


def test_content_key_numbers_copies(factory: Factory) -> None:
    factory.declare(key="content")
    factory.write("data/a.txt", b"same\nsame\nother\nsame\n")
    factory.collect()
    ids = factory.stored().filter(pl.col("text") == "same")["_row_id"].to_list()
    assert [name[-7:] for name in ids] == [":000001", ":000002", ":000003"]
    factory.write("data/a.txt", b"other\nsame\nsame\nsame\n")
    assert factory.collect().unchanged


def test_repeated_column_key_is_kept_with_a_finding(factory: Factory) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/a.csv", b"id,item\n1,a\n2,b\n1,c\n")
    factory.write("data/b.csv", b"id,item\n1,d\n")
    made = factory.collect(batch_bytes=1)
    assert made.findings == {"duplicate_key": 2}
    assert factory.live().select("_row_id", "item", "_findings").rows() == [
        ("shop/1", "a", []),
        ("shop/1~2", "c", ["duplicate_key"]),
        ("shop/1~3", "d", ["duplicate_key"]),
        ("shop/2", "b", []),
    ]


def test_keys_of_several_columns_cannot_meet(factory: Factory) -> None:
    factory.declare(key=["a", "b"], options={"format": "csv"})
    factory.write("data/a.csv", b"a,b\nx|y,z\nx,y|z\nx~2,y\nx,\n" + b"k" * 300 + b",z\n")
    made = factory.collect()
    assert made.findings == {"missing_key": 1}
    ids = factory.live()["_row_id"].to_list()
    assert len(set(ids)) == 5
    assert {"shop/x~1y|z", "shop/x|y~1z", "shop/x~02|y"} < set(ids)
    assert max(len(name) for name in ids) == len("shop/") + 64


def test_collections_are_recorded(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"one\n\xff\n")
    assert last_collection(factory.project, "shop") is None
    made = factory.collect()
    last = last_collection(factory.project, "shop")
    assert last is not None
    assert (last.content_id, last.live, last.added, last.findings) == (made.content_id, 2, 2, {"invalid_utf8": 1})
    row = factory.project.table("system", "collections").read().row(0, named=True)
    assert json.loads(row["findings"]) == {"invalid_utf8": 1}


def test_restored_bronze_is_brought_up_to_date(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"one\n")
    factory.collect()
    factory.write("data/a.txt", b"one\ntwo\n")
    second = factory.collect()
    bronze.table(factory.project, "shop").restore(0)
    third = factory.collect()
    assert third.added == 1
    assert third.content_id == second.content_id


def test_a_source_without_items_writes_nothing(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"")
    factory.write("data/b.txt", b"\n \n")
    with pytest.raises(SourceError, match="source shop yields no item"):
        factory.collect()
    assert factory.lake_is_empty


def test_an_empty_file_among_others_is_a_warning(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.txt", b"")
    factory.write("data/b.txt", b"one\n")
    made = factory.collect()
    assert made.live == 1
    assert made.warnings == ("data/a.txt: no items, skipped",)


def test_unknown_names_and_parameters(factory: Factory) -> None:
    factory.declare(options={"separater": ";"})
    with pytest.raises(SpecError, match=r"assets/sources/shop.yaml:\d+: unknown key `separater`(.|\n)*did you mean `separator`"):
        factory.collect()
    with pytest.raises(NotFoundError, match="did you mean `shop`"):
        collect(factory.project, "shob")
    factory.declare(connector={"fles": {"path": "data"}})
    with pytest.raises(SpecError, match=r"unknown connector `fles`(.|\n)*did you mean `files`"):
        factory.collect()


def test_a_source_under_collection_is_locked(factory: Factory, tmp_path_factory: pytest.TempPathFactory) -> None:
    import subprocess
    import sys

    factory.declare()
    factory.write("data/a.txt", b"one\n")
    code = "import sys; from pathlib import Path; from lakehouse.core.project import Project\n"
    code += "from lakehouse.reserve.bronze.collect import collect\n"
    code += "collect(Project.open(Path(sys.argv[1])), 'shop')"
    with locked(factory.project, "source shop"):
        done = subprocess.run([sys.executable, "-c", code, str(factory.root)], capture_output=True, text=True, check=False)
    assert LockedError.__name__ in done.stderr
    assert "source shop is being made by process" in done.stderr


def test_new_column_is_refused_until_declared(factory: Factory) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/a.csv", b"id,item\n1,pear\n")
    factory.collect()
    factory.write("data/a.csv", b"id,item,price\n1,pear,3\n")
    with pytest.raises(ShapeError, match=r"data/a.csv: the table has unknown `price`; found `id`, `item`, `price`"):
        factory.collect()
    factory.declare(key=["id"], options={"format": "csv"}, columns={"id": "string", "item": "string", "price": "int"})
    made = factory.collect()
    assert made.changed == 1
    assert factory.live()["price"].to_list() == [3]


def test_stored_columns_must_be_declared(factory: Factory) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/a.csv", b"id,item\n1,pear\n")
    factory.collect()
    factory.declare(key=["id"], options={"format": "csv"}, columns={"id": "string"})
    with pytest.raises(ShapeError, match="which are no longer declared"):
        factory.collect()


def test_names_of_the_system_are_refused(factory: Factory) -> None:
    factory.declare(options={"format": "csv"})
    factory.write("data/a.csv", b"_id,item\n1,pear\n")
    with pytest.raises(ShapeError, match="column `_id`: names with a leading `_` belong to the system"):
        factory.collect()
    factory.declare(options={"format": "csv", "rename": {"_id": "id"}})
    factory.collect()
    assert factory.live()["id"].to_list() == ["1"]


def test_unreadable_rows_are_kept_and_identified_by_their_bytes(factory: Factory) -> None:
    factory.declare(options={"format": "jsonl"})
    factory.write("data/a.jsonl", b'{"a": 1}\n{"a": \n')
    factory.collect()
    factory.write("data/a.jsonl", b'{"a": 1}\n{"b": \n')
    made = factory.collect()
    assert (made.changed, made.findings) == (1, {"malformed_json": 1})
    assert factory.live()["_raw"].to_list() == [None, b'{"b": ']


def test_a_source_of_which_nothing_can_be_read(factory: Factory) -> None:
    factory.declare(options={"format": "jsonl"})
    factory.write("data/a.jsonl", b"this is no JSON\n")
    with pytest.raises(SourceError, match=r"data/a.jsonl: no item of source shop can be read(.|\n)*malformed_json"):
        factory.collect()
    assert factory.lake_is_empty
    factory.declare(options={"format": "jsonl"}, columns={"text": "string"})
    assert factory.collect().findings == {"malformed_json": 1}
