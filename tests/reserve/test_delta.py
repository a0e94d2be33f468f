"""Rows of a Delta table elsewhere: only new data files are read, whatever is killed; with real tables."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.core.errors import ShapeError, SourceError, SpecError

from .conftest import Factory, killed_collecting


def orders(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    texts = [f"订单 {n}" for n in numbers]
    return pl.DataFrame({"id": numbers, "text": texts, "country": [("DE", "FR", None)[n % 3] for n in numbers]})


def append(table: Path, rows: pl.DataFrame, **options: Any) -> None:
    write_deltalake(table, rows.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append", **options)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    made = tmp_path / "elsewhere"
    for first in range(0, 30, 10):
        append(made, orders(first, 10), partition_by=["country"])
    return made


def declare(factory: Factory, table: Path, **changes: Any) -> None:
    factory.declare(connector={"delta": {"url": str(table), **changes}}, key=["id"], max_vanished=1.0)


def landed(factory: Factory) -> list[str]:
    """The data files that were read, by the blobs in the journal."""
    journal = factory.project.table("system", "landing").read()
    return journal.filter(pl.col("kind") == "piece")["blob"].unique().to_list()


def test_rows_come_with_their_types_and_partitions_and_later_only_what_is_new(factory: Factory, table: Path) -> None:
    declare(factory, table)
    first = factory.collect()
    assert (first.added, first.findings) == (30, {})
    assert factory.live().select("id", "text", "country").sort("id").equals(orders(0, 30))
    assert factory.collect().unchanged
    read = len(landed(factory))
    append(table, orders(30, 3))
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (3, 0, 0, 33)
    assert len(landed(factory)) == read + 3
    DeltaTable(table).delete("id < 3")
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (0, 0, 3, 30)
    DeltaTable(table).optimize.compact()
    made = factory.collect()
    assert (made.added, made.changed, made.vanished) == (0, 0, 0)


def test_version_columns_and_filter_choose_rows(factory: Factory, table: Path) -> None:
    declare(factory, table, version=1, columns=["text", "id"], filter="country = 'DE' AND id > 3")
    factory.collect()
    assert factory.live().sort("id")["id"].to_list() == [6, 9, 12, 15, 18]
    assert "country" not in factory.live().columns
    declare(factory, table, version=1, columns=["text", "id"])
    assert factory.collect().live == 20


def test_a_column_that_the_table_gets_is_told_and_can_be_left_out(factory: Factory, table: Path) -> None:
    declare(factory, table)
    factory.collect()
    append(table, orders(30, 1).with_columns(amount=pl.lit(2.5)), schema_mode="merge")
    with pytest.raises(ShapeError, match=r"has unknown `amount`; found `amount`(.|\n)*declare its columns"):
        factory.collect()
    declare(factory, table, columns=["id", "text", "country"])
    made = factory.collect()
    assert (made.live, made.added) == (31, 1)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"version": 9}, SourceError, "there is no such Delta table with a version 9"),
        ({"columns": ["txt"]}, SourceError, r"the table has no column `txt`(.|\n)*text"),
        ({"filter": "nothing > 3"}, SourceError, "the filter does not fit the table: (.|\n)*nothing"),
        ({"filter": "id + 1"}, SourceError, "the filter gives Int64, not true or false"),
        ({"filter": "id >"}, SpecError, "`filter` is no SQL expression"),
        ({"storage_options": {"secret_key": "x"}}, SpecError, "is a credential"),
        ({"url": "nowhere"}, SourceError, "nowhere: there is no such Delta table"),
    ],
    ids=["version", "column", "filter column", "filter type", "filter", "secret", "url"],
)
def test_what_goes_wrong_is_one_message(factory: Factory, table: Path, changes: dict[str, Any], kind: type[Exception], words: str) -> None:
    declare(factory, table, **changes)
    with pytest.raises(kind, match=words):
        factory.collect()
    assert factory.lake_is_empty


def test_a_data_file_that_is_gone_is_told(factory: Factory, table: Path) -> None:
    declare(factory, table)
    next(table.rglob("country=DE/*.parquet")).unlink()
    with pytest.raises(SourceError, match="a data file is gone"):
        factory.collect()


@pytest.mark.slow
def test_three_kills_at_random_and_a_table_that_goes_on_lose_nothing(factory: Factory, tmp_path: Path) -> None:
    table = tmp_path / "elsewhere"
    for first in range(0, 200, 10):
        append(table, orders(first, 10))
    declare(factory, table)
    generator = random.Random(5)
    for n in range(3):
        killed_collecting(factory.root, "data files", generator.randint(4, 20))
        append(table, orders(200 + n, 1))
    made = factory.collect()
    assert (made.added, made.findings) == (203, {})
    assert factory.live().select("id", "text", "country").sort("id").equals(orders(0, 203))
    assert len(landed(factory)) == 23, "no data file was read twice"
