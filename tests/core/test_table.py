"""Delta tables: one commit a write, nothing half-written, readable at every version that is kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import LockedError, NotFoundError, StorageError
from lakehouse.core.lake.parquet.files import picked
from lakehouse.core.lake.store import storage_error
from lakehouse.core.lake.table import Table

SCHEMA = pl.Schema({"_row_id": pl.String, "n": pl.Int64})


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(str(tmp_path / "table"))


def rows(*ids: str, n: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"_row_id": list(ids), "n": [n] * len(ids)}, schema=SCHEMA)


def held(table: Table, version: int | None = None) -> dict[str, int]:
    return dict(table.read(version=version).sort("_row_id").iter_rows())


def test_a_stream_is_one_commit(table: Table) -> None:
    assert table.write((rows(str(i)) for i in range(5)), "overwrite", schema=SCHEMA) == 0
    assert list(held(table)) == ["0", "1", "2", "3", "4"]
    assert len(table.history()) == 1


def test_a_stream_that_fails_leaves_the_table_as_it_was(table: Table) -> None:
    table.write(rows("a"), "overwrite")

    def frames() -> Iterator[pl.DataFrame]:
        yield rows("b")
        raise ZeroDivisionError("the source broke")

    for mode in ("append", "overwrite"):
        with pytest.raises(ZeroDivisionError, match="the source broke"):
            table.write(frames(), mode, schema=SCHEMA)  # type: ignore[arg-type]
    assert (table.version(), held(table)) == (0, {"a": 0})


def test_other_tables_can_be_read_while_a_stream_is_written(table: Table, tmp_path: Path) -> None:
    other = Table(str(tmp_path / "other"))
    other.write(rows("a", "b"), "overwrite")
    table.write((other.scan().filter(pl.col("_row_id") == i).collect() for i in "ab"), "overwrite", schema=SCHEMA)
    assert list(held(table)) == ["a", "b"]


def test_an_empty_stream_makes_an_empty_table(table: Table) -> None:
    table.write(iter(()), "overwrite", schema=SCHEMA)
    assert table.schema() == SCHEMA
    assert table.read().is_empty()


def file_of(table: Table, row: str) -> str:
    return str(table.located(["_row_id"]).filter(pl.col("_row_id") == row)["_file"].item())


def test_files_are_replaced_in_one_commit_and_others_left_alone(table: Table) -> None:
    table.write(rows("a", "b", "c"), "overwrite")
    table.write(rows("m", "n"), "append")
    untouched = file_of(table, "m")
    new = [rows("b", n=1), rows("d", "e")]
    gone = table.located(["_row_id"]).filter(pl.col("_row_id").is_in(["a", "b", "c"]))
    assert table.replace(gone, new, schema=SCHEMA, metadata={"plan": "p"}, after=1) == 2
    assert held(table) == {"b": 1, "d": 0, "e": 0, "m": 0, "n": 0}
    assert held(table, 1) == {"a": 0, "b": 0, "c": 0, "m": 0, "n": 0}
    assert file_of(table, "n") == untouched
    assert table.metadata() == {"factory.plan": "p"}
    with pytest.raises(LockedError):
        table.replace(table.located(["_row_id"]).filter(pl.col("_row_id") == "m"), [], schema=SCHEMA, after=1)
    assert held(table).keys() == {"b", "d", "e", "m", "n"}


def test_what_fails_leaves_no_file(table: Table) -> None:
    table.write(rows("a"), "append")

    def broken() -> Iterator[pl.DataFrame]:
        yield rows("b")
        raise KeyError("no more")

    with pytest.raises(KeyError):
        table.write(broken(), "append", schema=SCHEMA)
    with pytest.raises(LockedError):
        table.write(rows("c"), "append", after=-1)
    assert [path.name for path in Path(table.uri).glob("*.parquet")] == [Path(file).name for file in table.files()]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no answer"), DeltaError("no checkpoint could be written")])
def test_an_error_after_the_commit_takes_no_file_of_it(table: Table, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    table.write(rows("a"), "append")
    commit = DeltaTable.create_write_transaction

    def interrupted(*given: Any, **named: Any) -> None:
        commit(*given, **named)
        raise error

    monkeypatch.setattr(DeltaTable, "create_write_transaction", interrupted)
    with pytest.raises((KeyboardInterrupt, StorageError)):
        table.write(rows("b"), "append")
    assert held(table) == {"a": 0, "b": 0}


def test_bounds_tell_where_a_row_can_be(table: Table) -> None:
    table.write(rows("a", "茶", "x" * 64), "append")
    table.write(rows("b", "y" * 65), "append")
    told = pl.DataFrame(table.delta().get_add_actions(flatten=True)).sort("modification_time")
    assert told["min._row_id"].to_list() == ["a", None]
    assert told["max._row_id"].to_list() == ["茶", None]
    assert told["num_records"].to_list() == [3, 2]


TIME = datetime(2024, 1, 2, 3, 4, 5, 678901)
TYPES = {
    "small": (pl.Series([1], dtype=pl.UInt8), 1, pl.Int8),
    "list": (pl.Series([[1]], dtype=pl.List(pl.UInt32)), [1], pl.List(pl.Int32)),
    "zone": (pl.Series([TIME], dtype=pl.Datetime("ns", "Europe/Berlin")), TIME.replace(tzinfo=UTC), pl.Datetime("us", "UTC")),
    "local": (pl.Series([TIME], dtype=pl.Datetime("us")), TIME, pl.Datetime("us")),
    "nested": (pl.Series([{"a": TIME}]), {"a": TIME}, pl.Struct({"a": pl.Datetime("us")})),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_that_delta_has_not_is_the_nearest_it_has(table: Table, name: str) -> None:
    given, expected, dtype = TYPES[name]
    table.write(pl.DataFrame({name: given}), "append")
    table.write(pl.DataFrame({name: given}), "append")
    assert table.schema()[name] == dtype
    assert table.read()[name].to_list() == [expected, expected]


def test_a_number_too_large_for_delta_is_said(table: Table) -> None:
    with pytest.raises(StorageError, match="200 not in range"):
        table.write(pl.DataFrame({"n": pl.Series([200], dtype=pl.UInt8)}), "append")
    assert not table.exists()


@given(st.lists(st.integers(0, 60), unique=True), st.integers(1, 9), st.randoms())
def test_rows_are_picked_by_their_places(at: list[int], size: int, random: Any) -> None:
    numbers = list(range(random.randint(max(at, default=0) + 1, 80)))
    chunks = [pl.DataFrame({"n": numbers[i : i + size]}) for i in range(0, len(numbers), size)]
    places = pl.DataFrame({"_at": sorted(at), "m": sorted(at)}, schema={"_at": pl.Int64, "m": pl.Int64})
    found = [row for part in picked(chunks, places) for row in part.iter_rows()]
    assert found == [(n, n) for n in sorted(at)]


def test_chunks_and_places_agree(table: Table) -> None:
    for part in ("abc", "def", "g"):
        table.write(rows(*part), "append")
    places = table.located(["_row_id"]).filter(pl.col("_row_id").is_in(["b", "d", "g"])).rename({"_row_id": "named"})
    found = pl.concat(table.pick(["_row_id"], places))
    assert found["_row_id"].to_list() == found["named"].to_list()
    assert sorted(found["_row_id"]) == ["b", "d", "g"]
    assert sorted(pl.concat(table.chunks(["_row_id"]))["_row_id"]) == list("abcdefg")


def test_metadata_is_that_of_the_newest_commit_that_has_any(table: Table) -> None:
    table.write(rows("a"), "overwrite", metadata={"plan": "one"})
    table.write(rows("b"), "append")
    assert table.metadata() == {"factory.plan": "one"}
    table.write(rows("c"), "append", metadata={"plan": "two"})
    assert table.metadata() == {"factory.plan": "two"}
    assert table.metadata(1) == {"factory.plan": "one"}


def test_a_restored_table_has_the_rows_and_the_metadata_of_its_old_state(table: Table) -> None:
    table.write(rows("a"), "overwrite", metadata={"plan": "one"})
    table.write(rows("b"), "overwrite", metadata={"plan": "two"})
    table.restore(0)
    assert (held(table), table.metadata(), table.version()) == ({"a": 0}, {"factory.plan": "one"}, 2)


def test_vacuum_keeps_the_versions_that_are_pinned(table: Table) -> None:
    for n in range(4):
        table.write(rows("a", n=n), "overwrite")
    assert len(table.vacuum([1], retention_hours=0)) == 2
    assert (held(table, 1), held(table)) == ({"a": 1}, {"a": 3})
    with pytest.raises(Exception, match="parquet"):
        held(table, 0)


def test_an_old_version_is_readable_after_the_checkpoint_of_the_hundredth_commit(table: Table) -> None:
    table.write(rows("a", n=0), "overwrite")
    for n in range(101):
        table.write(rows("b", n=n), "overwrite")
        for log in Path(table.uri, "_delta_log").iterdir():
            os.utime(log, (0, 0))
    assert any("checkpoint" in log.name for log in Path(table.uri, "_delta_log").iterdir())
    assert (held(table, 0), held(table)) == ({"a": 0}, {"b": 100})


def test_a_writer_that_another_one_overtook_is_refused(table: Table) -> None:
    table.write(rows("a"), "overwrite")

    def stream() -> Iterator[pl.DataFrame]:
        yield rows("b")
        table.write(rows("c"), "overwrite")

    with pytest.raises(LockedError, match="another writer changed"):
        table.write(stream(), "append", schema=SCHEMA)
    assert held(table) == {"c": 0}


def test_a_missing_table_or_version_is_named(table: Table) -> None:
    assert (table.exists(), table.version()) == (False, None)
    with pytest.raises(NotFoundError, match="does not exist yet"):
        table.read()
    table.write(rows("a"), "overwrite")
    with pytest.raises(NotFoundError, match="has no readable version 7"):
        table.read(version=7)


def test_an_append_may_bring_columns_only_when_it_says_so(table: Table) -> None:
    table.write(rows("a"), "overwrite")
    wider = rows("b").with_columns(new=pl.lit("x"))
    with pytest.raises(StorageError):
        table.write(wider, "append")
    table.write(wider, "append", evolve=True)
    assert table.read().sort("_row_id")["new"].to_list() == [None, "x"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "permission denied"),
        (OSError("something else"), "the store refused: something else"),
    ],
)
def test_what_the_store_says_is_told(error: OSError, words: str) -> None:
    assert words in str(storage_error(error, "lake/gold/notes"))
    assert "lake/gold/notes" in str(storage_error(error, "lake/gold/notes"))
