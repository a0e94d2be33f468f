"""A split in shards of bounded size, the same bytes whatever gold's layout, and everything that reads a bundle."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakehouse
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.delivery.release import private_data, shards
from lakehouse.delivery.release.bundle import read_bundle, verify_bundle, write_bundle
from tests.delivery.release.factory import content, make, new_project, reviews


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of which two rows fill a row group, and two row groups a shard."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    monkeypatch.setattr(shards, "GROUP_ROWS", 2)
    monkeypatch.setattr(shards, "SHARD_BYTES", 190)
    return new_project(tmp_path / "factory")


def test_a_split_is_written_in_shards_by_row_id(project: Project) -> None:
    from datasets import load_dataset

    bundle = write_bundle(project, make(project, reviews(*range(20))))
    assert bundle.rows == {"train": 12, "validation": 4, "test": 4}
    train = [name for name in bundle.files if "train-" in name]
    assert train == [f"data/train-{n:05}-of-00003.parquet" for n in range(3)]
    assert [pq.ParquetFile(bundle.folder / name).num_row_groups for name in train] == [2, 2, 2]
    rows = pl.concat(pl.read_parquet(bundle.folder / name) for name in train)
    assert rows["row_id"].is_sorted()
    assert rows.height == 12
    assert verify_bundle(bundle.folder) == []
    assert read_bundle(bundle.folder) == bundle
    loaded = load_dataset(str(bundle.folder))
    assert {name: split.num_rows for name, split in loaded.items()} == bundle.rows
    assert loaded["train"]["row_id"][:] == rows["row_id"].to_list()
    card = (bundle.folder / "README.md").read_text(encoding="utf-8")
    assert "`data/train-00000-of-00003.parquet` and 2 more |" in card
    of_gold = lakehouse.load("reviews")
    (project.root / "lake").rename(project.root / "gone")
    assert lakehouse.load("reviews").equals(of_gold)


def test_the_bytes_do_not_follow_from_how_gold_stores_the_rows(project: Project) -> None:
    first = content(write_bundle(project, make(project, reviews(*range(20)))).folder)
    table = project.table("gold", "reviews")
    table.write(reviews(*range(19, 9, -1)), "overwrite")
    delta = table.write(reviews(*range(10)), "append")
    version = versions.find(project, "reviews", "latest")
    version.manifest["gold"]["delta_version"] = delta
    again = content(write_bundle(project, version).folder)
    assert {name: data for name, data in again.items() if name.startswith("data/")} == {
        name: data for name, data in first.items() if name.startswith("data/")
    }


def test_private_data_is_looked_for_in_every_shard(project: Project) -> None:
    rows = reviews(*range(20))
    made = make(project, rows)
    folder = write_bundle(project, made).folder
    last = sorted((folder / "data").glob("train-*"))[-1]
    pl.read_parquet(last).with_columns(text=pl.lit("write to an@example.com")).write_parquet(last)
    declared = project.dataset("reviews")
    assert isinstance(declared, Dataset)
    assert private_data.found(folder, private_data.forbidden(declared)) == {"text": {"email": 4}}


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_groups_and_shards_hold_their_bounds(sizes: list[int]) -> None:
    import numpy as np

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(shards, "GROUP_BYTES", 200)
        monkeypatch.setattr(shards, "GROUP_ROWS", 7)
        monkeypatch.setattr(shards, "SHARD_BYTES", 500)
        values = np.array(sizes)
        groups = shards._groups(values)
        made = shards._shards(values, groups)
    assert [place for shard in made for place in shard] == groups
    assert [n for begin, end in groups for n in range(begin, end)] == list(range(len(sizes)))
    assert all(end - begin <= 7 and (end - begin == 1 or sum(sizes[begin:end]) <= 200) for begin, end in groups)
    assert all(len(shard) == 1 or sum(sizes[shard[0][0] : shard[-1][1]]) <= 500 for shard in made)


def test_sizes_are_those_of_the_values() -> None:
    rows = pl.LazyFrame(
        {
            "_row_id": ["ab", "c"],
            "_hash": ["", ""],
            "_split": ["", ""],
            "text": ["中文", None],
            "raw": [b"12345", b""],
            "n": [1, None],
            "tags": [["a", "bcd"], None],
            "turns": [[{"role": "user", "n": [1, 2]}], []],
            "none": [None, None],
        },
        schema_overrides={"none": pl.String},
    )
    found = shards.measured(rows, ["text", "raw", "n", "tags", "turns", "none"])
    assert found["_size"].to_list() == [2 + 6 + 5 + 8 + 4 + (4 + 16), 1]
