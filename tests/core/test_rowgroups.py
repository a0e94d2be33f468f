"""Row groups moved as bytes: what other readers see in the new file, and what a table says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from lakehouse.core.lake.parquet import datafiles, thrift_compact
from lakehouse.core.lake.parquet.rowgroups import SplicedFile, footer_of
from lakehouse.core.lake.table import Table

NUMBERS = st.integers(-(2**63), 2**63 - 1)
PLAIN = {
    thrift_compact.BYTE: st.integers(0, 255),
    thrift_compact.I16: st.integers(-(2**15), 2**15 - 1),
    thrift_compact.I32: st.integers(-(2**31), 2**31 - 1),
    thrift_compact.I64: NUMBERS,
    thrift_compact.DOUBLE: st.binary(min_size=8, max_size=8),
    thrift_compact.BINARY: st.binary(max_size=300),
}


def of(kind: int, depth: int) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind in (thrift_compact.TRUE, thrift_compact.FALSE):
        return st.integers(1, 2)
    if kind == thrift_compact.STRUCT:
        return structs(depth - 1)
    inner = st.sampled_from(sorted(PLAIN) + ([thrift_compact.STRUCT] if depth else []))
    if kind == thrift_compact.MAP:
        pairs = st.tuples(inner, inner).flatmap(
            lambda two: st.tuples(
                st.just(two[0] << 4 | two[1]), st.lists(st.tuples(of(two[0], depth - 1), of(two[1], depth - 1)), min_size=1)
            )
        )
        return pairs | st.just((0, []))
    return inner.flatmap(lambda one: st.tuples(st.just(one), st.lists(of(one, depth - 1), max_size=20)))


def structs(depth: int) -> st.SearchStrategy[thrift_compact.Struct]:
    """Structs of every type, some within each other."""
    kinds = st.sampled_from(
        [*PLAIN, thrift_compact.LIST, thrift_compact.SET, thrift_compact.MAP, *([thrift_compact.STRUCT] if depth > 0 else [])]
    )
    field = st.one_of(
        kinds.flatmap(lambda kind: st.tuples(st.just(kind), of(kind, depth))),
        st.booleans().map(lambda value: (thrift_compact.TRUE if value else thrift_compact.FALSE, value)),
    )
    return st.dictionaries(st.integers(1, 2**15 - 1), field, max_size=6).map(lambda fields: dict(sorted(fields.items())))


@given(structs(2))
def test_what_is_written_is_read_again(struct: thrift_compact.Struct) -> None:
    written = thrift_compact.write_struct(struct)
    assert thrift_compact.read_struct(written) == struct
    assert thrift_compact.write_struct(thrift_compact.read_struct(written)) == written


@given(structs(2), st.data())
def test_a_struct_cut_short_is_refused(struct: thrift_compact.Struct, data: st.DataObject) -> None:
    written = thrift_compact.write_struct(struct)
    with pytest.raises(thrift_compact.MalformedError):
        thrift_compact.read_struct(written[: data.draw(st.integers(0, len(written) - 1))])


WRITERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "old": {"version": "1.0", "data_page_version": "2.0", "compression": "snappy"},
    "dictionaries": {"use_dictionary": True, "compression": "gzip"},
    "indexed": {"write_page_index": True, "write_page_checksum": True},
    "none": {"compression": "none", "use_dictionary": False, "write_statistics": False},
}


def some(rows: int, start: int = 0) -> pa.Table:
    """Rows with nulls, nested values and texts in two scripts."""
    n = range(start, start + rows)
    return pa.table(
        {
            "_row_id": [f"r/{i:05}" for i in n],
            "text": [None if i % 7 == 0 else f"茶 text {i} " * (i % 5) for i in n],
            "n": pa.array([None if i % 3 == 0 else i for i in n], pa.int32()),
            "list": [[str(i)] * (i % 3) for i in n],
            "struct": [{"a": i, "b": {"c": i / 2}} for i in n],
        }
    )


@pytest.mark.parametrize("writer", WRITERS)
def test_groups_of_two_files_in_one(tmp_path: Path, writer: str) -> None:
    sources = [some(100), some(40, start=100)]
    for number, rows in enumerate(sources):
        pq.write_table(rows, tmp_path / f"{number}.parquet", row_group_size=15, **WRITERS[writer])
    wanted = [(0, 6), (1, 1), (0, 0), (0, 3)]
    handles = [pa.OSFile(str(tmp_path / f"{number}.parquet")) for number in range(2)]
    footers = [footer_of(handle) for handle in handles]
    assert footers[0] is not None
    assert footers[1] is not None
    assert footers[0].fits(footers[1])
    spliced = SplicedFile(pa.OSFile(str(tmp_path / "new.parquet"), "wb"), footers[0])
    for file, number in wanted:
        found = footers[file]
        assert found is not None
        spliced.add(handles[file], found.groups[number])
    assert spliced.close() == (tmp_path / "new.parquet").stat().st_size
    expected = pa.concat_tables([sources[file].slice(number * 15, 15) for file, number in wanted])
    assert pq.read_table(tmp_path / "new.parquet", page_checksum_verification=True).equals(expected)
    polars = pl.scan_parquet(tmp_path / "new.parquet")
    assert_frame_equal(polars.collect(), pl.DataFrame(pl.from_arrow(expected)))
    assert polars.filter(pl.col("_row_id") == "r/00045").select("n").collect().height == 1
    old, new = pq.read_metadata(tmp_path / "0.parquet"), pq.read_metadata(tmp_path / "new.parquet")
    assert (new.num_rows, new.created_by, new.metadata) == (expected.num_rows, old.created_by, old.metadata)
    before = old.row_group(3).column(0).statistics
    after = new.row_group(3).column(0).statistics
    assert (after and (after.min, after.max)) == (before and (before.min, before.max))


def test_a_file_of_other_columns_does_not_fit(tmp_path: Path) -> None:
    pq.write_table(some(20), tmp_path / "a.parquet")
    pq.write_table(some(20).drop_columns(["n"]), tmp_path / "b.parquet")
    a, b = (footer_of(pa.OSFile(str(tmp_path / name))) for name in ("a.parquet", "b.parquet"))
    assert a is not None
    assert b is not None
    assert not a.fits(b)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"no Parquet file at all", b"PAR1" + b"\xff" * 40 + (40).to_bytes(4, "little") + b"PAR1"]
)
def test_a_file_without_a_footer_has_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert footer_of(pa.OSFile(str(tmp_path / "x"))) is None


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """Three files of ten row groups of ten rows."""
    monkeypatch.setattr(datafiles, "_GROUP_ROWS", 10)
    table = Table(str(tmp_path / "table"))
    for number in range(3):
        table.write(pl.DataFrame(pl.from_arrow(some(100, start=100 * number))), "append")
    return table


def file_of(table: Table, row: str) -> str:
    return str(table.located(["_row_id"]).filter(pl.col("_row_id") == row)["_file"].item())


def heights(file: str) -> list[int]:
    about = pq.read_metadata(file)
    return [about.row_group(number).num_rows for number in range(about.num_row_groups)]


def test_only_the_groups_of_rows_that_leave_are_written_again(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    shaped = Table._shaped
    monkeypatch.setattr(Table, "_shaped", lambda self, file, names, numbers: read.extend(numbers) or shaped(self, file, names, numbers))
    before = table.read().sort("_row_id")
    gone = table.located(["_row_id"]).filter(pl.col("_row_id").is_in(["r/00005", "r/00099", "r/00100"]))
    untouched = file_of(table, "r/00200")
    new = before.filter(pl.col("_row_id") == "r/00005").with_columns(n=pl.lit(-1, pl.Int32))
    table.replace(gone, [new], schema=table.schema(), after=2)
    assert sorted(read) == [0, 0, 9]  # of two files
    left = before.filter(~pl.col("_row_id").is_in(["r/00005", "r/00099", "r/00100"]))
    assert_frame_equal(table.read().sort("_row_id"), pl.concat([left, new]).sort("_row_id"))
    assert file_of(table, "r/00200") == untouched
    assert_frame_equal(table.read(version=2).sort("_row_id"), before)
    said = pl.DataFrame(DeltaTable(table.uri).get_add_actions(flatten=True)).sort("min._row_id")
    assert said.select("num_records", "min._row_id", "max._row_id", "min.n", "max.n", "null_count.n").rows() == [
        (28, "r/00000", "r/00109", -1, 109, 10),
        (170, "r/00010", "r/00199", 10, 199, 56),
        (100, "r/00200", "r/00299", 200, 299, 33),
    ]
    for row in ("r/00005", "r/00010", "r/00150"):
        assert table.scan().filter(pl.col("_row_id") == row).collect().height == 1


@given(st.data())
def test_any_rows_may_leave(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datafiles, "_GROUP_ROWS", data.draw(st.integers(1, 9)))
        table = Table(str(tmp_path_factory.mktemp("table") / "t"))
        for number in range(2):
            table.write(pl.DataFrame(pl.from_arrow(some(20, start=20 * number))), "append")
        for after in (1, 2):
            before = table.read().sort("_row_id")
            leave = data.draw(st.sets(st.sampled_from(before["_row_id"].to_list()), min_size=1))
            gone = table.located(["_row_id"]).filter(pl.col("_row_id").is_in(sorted(leave)))
            table.replace(gone, [], schema=table.schema(), after=after)
            assert_frame_equal(table.read().sort("_row_id"), before.filter(~pl.col("_row_id").is_in(sorted(leave))))
            if table.read().is_empty():
                return


def test_a_file_of_another_writer_with_fewer_columns(tmp_path: Path) -> None:
    table = Table(str(tmp_path / "table"))
    table.write(pl.DataFrame({"_row_id": ["a", "b"], "n": [1, 2]}), "append")
    table.write(pl.DataFrame({"_row_id": ["c"], "n": [3], "m": ["x"]}), "append", evolve=True)
    DeltaTable(table.uri).optimize.compact()
    version = table.version()
    assert version is not None
    gone = table.located(["_row_id"]).filter(pl.col("_row_id") == "b")
    table.replace(gone, [], schema=table.schema(), after=version)
    assert table.read().sort("_row_id").rows() == [("a", 1, None), ("c", 3, "x")]


def test_a_file_that_cannot_be_taken_apart_is_read_and_written(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafiles, "footer_of", lambda handle: None)
    before = table.read().sort("_row_id")
    gone = table.located(["_row_id"]).filter(pl.col("_row_id") == "r/00005")
    table.replace(gone, [], schema=table.schema(), after=2)
    assert_frame_equal(table.read().sort("_row_id"), before.filter(pl.col("_row_id") != "r/00005"))


def test_what_fails_leaves_no_moved_file(table: Table) -> None:
    names = {path.name for path in Path(table.uri).glob("*.parquet")}
    gone = table.located(["_row_id"]).filter(pl.col("_row_id") == "r/00005")

    def broken() -> Any:
        raise KeyError("no more")
        yield

    with pytest.raises(KeyError):
        table.replace(gone, broken(), schema=table.schema(), after=2)
    assert {path.name for path in Path(table.uri).glob("*.parquet")} == names
    assert [height for file in table.files() for height in heights(file)] == [10] * 30
