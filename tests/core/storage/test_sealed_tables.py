"""Tables of a source that asks for it are sealed: the same rows and versions, nothing readable on the disk, nothing without the key."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import StorageError
from lakehouse.core.lake.location import Location
from lakehouse.core.lake.sealing.data_keys import MASTER
from lakehouse.core.lake.sealing.files import SEALED, SealedFile
from lakehouse.core.lake.sealing.streams import CHUNK, DataKey, seal
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.storage.keys import sealing_key, shred
from lakehouse.operations.erasure.erase import erase
from lakehouse.operations.maintenance.archive import archive, restore, verify
from tests.factory import Factory, Row, new_factory
from tests.operations.erasure.bytes_of import places_of

KEY = DataKey("shop", b"12345678", bytes(range(32)))
RECIPE = [{"normalise_whitespace": {"column": "text"}}, {"dedup_exact": {"columns": ["text"]}}]
TOKEN = "林间灯塔"


@pytest.fixture(autouse=True)
def _master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MASTER, base64.b64encode(os.urandom(32)).decode())


def rows(*numbers: int) -> list[Row]:
    return [{"id": f"n{n:03}", "text": f"{TOKEN}第{n}座, 守塔人 写信 {n}.", "label": "ab"[n % 2]} for n in numbers]


def sealed_factory(root: Path, **changes: object) -> Factory:
    factory = new_factory(root, RECIPE)
    factory.declare_source(**{"encrypt": True, **changes})
    factory.material(rows(*range(60)))
    return factory


def data_files(factory: Factory, layer: str, name: str) -> list[str]:
    return [uri.rsplit("/", 1)[-1] for uri in factory.project.table(layer, name).files()]  # type: ignore[arg-type]


def test_rows_and_versions_are_those_of_plain_tables_and_nothing_can_be_read_on_the_disk(tmp_path: Path) -> None:
    plain, sealed = sealed_factory(tmp_path / "plain", encrypt=False), sealed_factory(tmp_path / "sealed")
    for step in (rows(*range(60)), rows(*range(5, 90))):
        made = []
        for factory in (plain, sealed):
            factory.material(step)
            made.append(factory.made())
        assert made[0][1].version == made[1][1].version
        for layer, name in (("silver", "notes"), ("silver", "notes_fates"), ("gold", "notes"), ("bronze", "notes")):
            # A row of bronze has a state a collection, each made at its own time.
            order = ["_row_id", "_collection"] if layer == "bronze" else ["_row_id"]
            ours, theirs = (each.rows(layer, name).drop("_collected_at", strict=False).sort(order) for each in (sealed, plain))
            assert ours.equals(theirs)
    assert all(name.endswith(SEALED) for layer in ("bronze", "silver", "gold") for name in data_files(sealed, layer, "notes"))
    assert places_of(sealed.root / "lake", TOKEN) == []
    assert places_of(plain.root / "lake", TOKEN) != []
    ids = [name for name in places_of(sealed.root / "lake", "n042") if not name.startswith("system/")]
    assert ids == [], "no bound of an id stands in Delta's log"


def test_what_delta_says_of_a_sealed_file_is_its_size_and_its_rows(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    table = factory.project.table("gold", "notes")
    about = pl.DataFrame(table.delta().get_add_actions(flatten=True))
    assert about["num_records"].sum() == table.read().height
    assert about["size_bytes"].to_list() == [(tmp_path / "lake/gold/notes" / name).stat().st_size for name in about["path"]]
    told = [name for name in about.columns if re.match(r"(min|max|null_count)\.", name)]
    assert about.select(pl.all_horizontal(pl.col(told).is_null().all())).item()
    with pytest.raises(Exception, match=r"[Pp]arquet|magic"):
        pl.read_parquet(tmp_path / "lake/gold/notes" / about["path"][0])


def test_parts_of_a_sealed_table_are_read_as_those_of_a_plain_one(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    table = factory.project.table("silver", "notes")
    whole = table.read()
    asked = pl.col("label") == "a"
    assert table.scan().filter(asked).select("text").collect().sort("text").equals(whole.filter(asked).select("text").sort("text"))
    assert table.scan().head(7).collect().height == 7
    assert table.scan().select(pl.len()).collect().item() == whole.height
    assert table.schema() == whole.schema
    places = table.located(["_row_id"]).filter(pl.col("_row_id").str.ends_with("7"))
    picked = pl.concat(table.pick(["text"], places))
    assert (
        picked.select("_row_id", "text")
        .sort("_row_id")
        .equals(whole.filter(pl.col("_row_id").str.ends_with("7")).select("_row_id", "text").sort("_row_id"))
    )


def test_a_source_that_is_sealed_later_has_both_kinds_of_files(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path, encrypt=None)
    factory.made()
    factory.declare_source(encrypt=True)
    factory.material(rows(*range(10, 70)))
    factory.made()
    names = data_files(factory, "bronze", "notes")
    assert {name.endswith(SEALED) for name in names} == {True, False}
    assert sorted(factory.rows("gold")["_row_id"]) == [f"notes/n{n:03}" for n in range(10, 70)]
    assert factory.gold().unchanged


def test_what_datasets_keep_of_a_virtual_source_is_sealed(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path, mode="virtual")
    factory.made()
    assert factory.rows("gold").height == 60
    assert places_of(tmp_path / "lake", TOKEN) == []


@pytest.mark.parametrize("said", ["class", "grade", "standard"])
def test_sources_are_sealed_by_class_or_by_grade(tmp_path: Path, said: str) -> None:
    changes: dict[str, object] = {"encrypt": "people"} if said == "class" else {"encrypt": None, "sensitivity": {"text": "core"}}
    factory = sealed_factory(tmp_path, **changes)
    if said == "grade":
        factory.write("lakehouse.yaml", yaml.safe_dump({"storage": {"encrypt": ["core"]}}))
    if said == "standard":
        factory.declare_source(standards={"text": "message"})
        field = {
            "meaning": "A message.",
            "meaning_zh": "原文",
            "type": "string",
            "category": "feedback",
            "sensitivity": "important",
        }
        factory.write("assets/standards/s.yaml", yaml.safe_dump({"standard": "s", "owner": "team:nlp", "fields": {"message": field}}))
        factory.write("lakehouse.yaml", yaml.safe_dump({"storage": {"encrypt": ["important", "core"]}}))
    factory.declare_source("open", encrypt=None)
    factory.material(rows(*range(100, 130)), "open")
    factory.collect("open")
    factory.made()
    assert [file.stem for file in (tmp_path / "lake/keys").iterdir()] == ["people" if said == "class" else "notes"]
    assert all(name.endswith(SEALED) for name in data_files(factory, "gold", "notes"))
    assert not any(name.endswith(SEALED) for name in data_files(factory, "bronze", "open"))


def test_a_dataset_of_two_classes_opens_only_with_both_keys(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.declare_source("other", encrypt=True)
    factory.material(rows(*range(200, 230)), "other")
    factory.declare(RECIPE, sources=["notes", "other"])
    factory.collect("other")
    factory.made()
    assert factory.rows("gold").height == 90
    shred(factory.project, "other", "li", "the contract ended")
    with pytest.raises(StorageError, match="the key of other was shredded"):
        factory.rows("gold")
    assert factory.rows("bronze").height == 60
    told = CliRunner().invoke(cli, ["run", "notes"], env={"LAKEHOUSE_PROJECT": str(tmp_path)})
    assert told.exit_code != 0
    assert "the key of other was shredded" in str(told.exception)
    factory.declare(RECIPE, "remaining")
    factory.made("remaining")
    assert factory.rows("gold", "remaining").height == 60


def test_without_the_master_key_a_table_is_not_read_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    monkeypatch.delenv(MASTER)
    for read in (lambda: factory.rows("gold"), lambda: factory.project.table("silver", "notes").located(["_row_id"])):
        with pytest.raises(StorageError, match="there is no master key"):
            read()
    assert CliRunner().invoke(cli, ["version", "list", "notes"], env={"LAKEHOUSE_PROJECT": str(tmp_path)}).exit_code == 0


def test_a_data_file_with_a_changed_bit_is_told(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    (file,) = (tmp_path / "lake/gold/notes").glob(f"*{SEALED}")
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)
    with pytest.raises((StorageError, pl.exceptions.ComputeError), match="does not open: it was changed"):
        factory.rows("gold")


def test_archives_hold_sealed_files_as_they_are_and_give_them_back(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    before = factory.rows("gold")
    factory.material(rows(*range(30, 90)))
    factory.made()
    done = archive(factory.project, "notes", "1.0.0", "unused", "li")
    assert places_of(tmp_path / "archive", TOKEN) == []
    assert restore(factory.project, "notes", "1.0.0", "li").moved == done.moved
    version = versions.find(factory.project, "notes", "1.0.0")
    verify(factory.project, version, done.place)
    assert versions.rows(factory.project, version).collect().sort("_row_id").select(before.columns).equals(before)


def test_rows_are_erased_from_sealed_tables_and_what_is_left_stays_sealed(tmp_path: Path) -> None:
    factory = sealed_factory(tmp_path)
    factory.made()
    factory.material(rows(*range(10, 90)))
    factory.made()
    archive(factory.project, "notes", "1.0.0", "unused", "li")
    factory.declare_source(encrypt=None)
    done = erase(factory.project, "notes", ["notes/n042"], reason="asked", basis="gdpr-17", by="li")
    assert done.state == "done"
    for layer in ("bronze", "silver", "gold"):
        table = factory.project.table(layer, "notes")  # type: ignore[arg-type]
        assert all(uri.endswith(SEALED) for uri in table.files())
        assert "notes/n042" not in set(table.read()["_row_id"])
    assert places_of(tmp_path / "lake", TOKEN) == []
    restore(factory.project, "notes", "1.0.0", "li")
    old = versions.rows(factory.project, versions.find(factory.project, "notes", "1.0.0")).collect()
    assert sorted(old["_row_id"]) == [f"notes/n{n:03}" for n in range(60) if n != 42]


@given(size=st.one_of(st.integers(0, 3), st.integers(CHUNK - 1, CHUNK + 1), st.integers(2 * CHUNK - 2, 2 * CHUNK + 2)), data=st.data())
def test_any_part_of_a_sealed_file_is_that_of_the_plain_one(size: int, data: st.DataObject) -> None:
    plain = (bytes(range(251)) * (size // 251 + 1))[:size]
    once = b"".join(seal(iter([plain]), KEY))
    twice = b"".join(seal(iter([once]), KEY))
    inner = SealedFile(io.BytesIO(twice), len(twice), lambda of, id_: KEY, "it")
    file = SealedFile(inner, inner.size, lambda of, id_: KEY, "it")  # type: ignore[arg-type]
    assert file.size == size
    for _ in range(4):
        at, length = data.draw(st.integers(0, size)), data.draw(st.integers(0, size + 5))
        file.seek(at)
        assert file.read(length) == plain[at : at + length]
        assert file.tell() == min(at + length, size)


def test_a_sealed_table_may_stand_in_a_store(tmp_path: Path) -> None:
    project = Project.open(sealed_factory(tmp_path).root)
    sealing_key(project, "notes")
    table = Table(f"{project.lake}/gold/notes", sealed=lambda: ("notes",))
    table.write(pl.DataFrame({"_row_id": ["a"], "text": [TOKEN]}), "append")
    (name,) = [uri.rsplit("/", 1)[-1] for uri in table.files()]
    with table.store().open_input_file(name) as handle:
        assert pq.ParquetFile(handle).read()["text"].to_pylist() == [TOKEN]
    kept = json.loads(Location(project.lake).read("keys/notes.json") or b"")
    assert set(kept) == {"id", "master", "wrapped"}
