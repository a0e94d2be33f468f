"""Rows of a shared table: signed files, each once, whatever is killed; against a server that shares real Delta tables."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.core.errors import SourceError, SpecError

from .conftest import Factory, killed_collecting
from .sharing_server import TOKEN, Sharing, sharing_server


def orders(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    days = [(date(2026, 1, 1), date(2026, 1, 2), None)[n % 3] for n in numbers]
    return pl.DataFrame({"id": numbers, "text": [f"订单 {n}" for n in numbers], "day": days})


def append(table: Path, rows: pl.DataFrame, **options: Any) -> None:
    write_deltalake(table, rows.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append", **options)


@pytest.fixture
def sharing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sharing]:
    append(tmp_path / "shared", orders(0, 20), partition_by=["day"])
    monkeypatch.setenv("SHARING_TOKEN", TOKEN)
    with sharing_server(tmp_path / "shared") as state:
        yield state


def declare(factory: Factory, sharing: Sharing, **changes: Any) -> None:
    given = {"table": "shop.sales.orders", "endpoint": f"{sharing.url}/api", "token": "${SHARING_TOKEN}", "retries": 0, **changes}
    given = {name: value for name, value in given.items() if value is not None}
    factory.declare(connector={"delta_sharing": given}, key=["id"], max_vanished=1.0)


def test_rows_come_with_their_types_and_partitions_and_later_only_what_is_new(factory: Factory, sharing: Sharing) -> None:
    declare(factory, sharing)
    made = factory.collect()
    assert (made.added, made.findings) == (20, {})
    assert factory.live().select("id", "text", "day").sort("id").equals(orders(0, 20))
    assert factory.collect().unchanged
    append(sharing.table, orders(20, 3))
    DeltaTable(sharing.table).delete("id = 0")
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (3, 0, 1, 22)
    assert Counter(sharing.fetched).most_common(1)[0][1] == 1
    assert not any(TOKEN.encode() in file.read_bytes() for file in factory.root.rglob("*") if file.is_file())


def test_a_profile_says_where_the_server_is_and_columns_choose(
    factory: Factory, sharing: Sharing, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = tmp_path_factory.mktemp("profile") / "shop.share"
    monkeypatch.setenv("PROFILE", str(profile))
    declare(factory, sharing, profile="${PROFILE}", endpoint=None, token=None, columns=["day", "id"])
    with pytest.raises(SourceError, match="the profile cannot be read: No such file"):
        factory.collect()
    profile.write_text("{}")
    with pytest.raises(SourceError, match="is no profile: it has no endpoint and bearerToken"):
        factory.collect()
    profile.write_text(json.dumps({"shareCredentialsVersion": 1, "endpoint": f"{sharing.url}/api/", "bearerToken": TOKEN}))
    factory.collect()
    assert factory.live().select("id", "day").sort("id").equals(orders(0, 20).select("id", "day"))
    assert "text" not in factory.live().columns


@pytest.mark.parametrize(
    ("changes", "server", "words"),
    [
        ({"table": "shop.sales.other"}, {}, r"tables/other/query: the server answers 404 Not Found: (.|\n)*There is no such table"),
        ({"token": "${WRONG}"}, {}, "the server answers 401 Unauthorized: (.|\n)*not known"),
        ({"endpoint": "http://127.0.0.1:9"}, {}, "cannot be reached"),
        ({"columns": ["txt"]}, {}, r"the table has no column `txt`(.|\n)*text"),
        ({}, {"reader": 3}, "the table asks for readers of version 3"),
        ({}, {"signed": False}, "the server answers 403 Forbidden: the signature has expired"),
        ({}, {"answer": (200, b"<html>")}, "the answer is none of Delta Sharing"),
        ({}, {"answer": (200, b'{"file": {}}\n')}, "the answer is none of Delta Sharing: no metaData"),
        ({}, {"answer": (503, b"later")}, "the server answers 503 Service Unavailable: later"),
    ],
    ids=["table", "token", "endpoint", "column", "reader", "expired", "html", "no metadata", "down"],
)
def test_what_goes_wrong_is_one_message(
    factory: Factory, sharing: Sharing, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], server: dict[str, Any], words: str
) -> None:
    monkeypatch.setenv("WRONG", "wr0ng")
    declare(factory, sharing, **changes)
    for name, value in server.items():
        setattr(sharing, name, value)
    with pytest.raises(SourceError, match=words) as caught:
        factory.collect()
    assert "wr0ng" not in str(caught.value)
    assert "signature=" not in str(caught.value)
    assert factory.lake_is_empty


def test_a_damaged_file_is_told_and_fetched_again(factory: Factory, sharing: Sharing) -> None:
    file = next(sharing.table.rglob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    declare(factory, sharing)
    with pytest.raises(SourceError, match="a data file cannot be read"):
        factory.collect()
    file.write_bytes(whole)
    assert factory.collect().live == 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"token": TOKEN}, r"`delta_sharing\.token` is a credential"), ({"token": None}, "the server of the table is missing")],
    ids=["secret", "no server"],
)
def test_a_mistake_in_the_declaration_is_told(factory: Factory, sharing: Sharing, changes: dict[str, Any], words: str) -> None:
    declare(factory, sharing, **changes)
    with pytest.raises(SpecError, match=words):
        factory.collect()


@pytest.mark.slow
def test_three_kills_at_random_and_a_table_that_goes_on_fetch_no_file_twice(factory: Factory, sharing: Sharing) -> None:
    for first in range(20, 80, 10):
        append(sharing.table, orders(first, 10))
    declare(factory, sharing)
    generator = random.Random(5)
    for n in range(3):
        killed_collecting(factory.root, "data files", generator.randint(4, 20))
        append(sharing.table, orders(80 + n, 1))
    made = factory.collect()
    assert (made.added, made.findings) == (83, {})
    assert factory.live().select("id", "text", "day").sort("id").equals(orders(0, 83))
    assert Counter(sharing.fetched).most_common(1)[0][1] == 1
