"""What is sealed opens whole or not at all, only by its key; rotation rewrites no data, shredding makes it unreadable."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import StorageError
from lakehouse.core.lake.sealing import streams as sealed
from lakehouse.core.lake.sealing.data_keys import MASTER, OLD_MASTER
from lakehouse.core.lake.sealing.streams import CHUNK, ID, SALT, TAG, DataKey, plain_size, seal, unseal
from lakehouse.core.project import Project
from lakehouse.core.storage.blobs import Blobs
from lakehouse.core.storage.keys import listed, opener, sealing_key
from lakehouse.operations.maintenance.archive import archive, restore
from lakehouse.operations.maintenance.tiers import tier
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.landing.landing import Landing, land_lines
from tests.delivery.release.factory import make, new_project, reviews
from tests.factory import Factory, new_factory, notes

KEY = DataKey("shop", b"12345678", bytes(range(32)))
HEAD = len(sealed.MAGIC) + 1 + len(KEY.of) + ID + SALT
SIZES = st.one_of(st.integers(0, 3), st.integers(CHUNK - 1, CHUNK + 1), st.integers(2 * CHUNK - 1, 2 * CHUNK + 1))


def master_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(autouse=True)
def _master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MASTER, master_key())


def shut(data: bytes, step: int = 100_000) -> bytes:
    return b"".join(seal((data[at : at + step] for at in range(0, len(data), step)), KEY))


def opened(data: bytes, key: DataKey = KEY) -> bytes:
    return b"".join(unseal(io.BytesIO(data).read, lambda of, id_: key, "it"))


def chunks(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK + TAG] for at in range(HEAD, len(data), CHUNK + TAG)]


@given(size=SIZES, step=st.integers(1_000, 3 * CHUNK))
def test_what_is_sealed_opens_as_it_was(size: int, step: int) -> None:
    data = bytes([size % 251]) * size
    found = shut(data, step)
    assert opened(found) == data
    assert plain_size(len(found), KEY.of) == size
    assert shut(data, step) != found, "no two streams are sealed alike"


@given(size=SIZES, at=st.integers(0), bit=st.integers(0, 7))
def test_any_changed_bit_is_told(size: int, at: int, bit: int) -> None:
    data = bytearray(shut(bytes(size)))
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(StorageError, match="what is kept of `it` does not open"):
        opened(bytes(data))


@given(size=SIZES, cut=st.integers(1))
def test_an_end_that_is_missing_is_told_at_chunks_too(size: int, cut: int) -> None:
    data = shut(bytes(size))
    for left in (data[: -(cut % len(data)) or None], data[:-TAG], data[:HEAD], b"", data[: HEAD + CHUNK + TAG]):
        if left != data:
            with pytest.raises(StorageError, match="does not open"):
                opened(left)


@given(order=st.permutations(range(3)), again=st.integers(0, 2))
def test_chunks_that_are_moved_repeated_or_of_another_stream_are_told(order: list[int], again: int) -> None:
    one, two = shut(bytes(3 * CHUNK)), shut(bytes(3 * CHUNK))
    parts, others = chunks(one), chunks(two)
    wrong = [[*parts, parts[again]], [others[n] if n == again else part for n, part in enumerate(parts)], parts[: 2 - again % 2]]
    if order != sorted(order):
        wrong.append([parts[n] for n in order])
    for each in wrong:
        with pytest.raises(StorageError, match="does not open"):
            opened(one[:HEAD] + b"".join(each))
    with pytest.raises(StorageError, match="does not open"):
        opened(one, DataKey("shop", KEY.id, bytes(32)))


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """A source whose items are all beyond the limit, so that they are set aside."""
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    factory = new_factory(tmp_path)
    factory.declare_source(encrypt=True, max_item_bytes=100)
    factory.material(notes("短", "秘密的长文" * 100))
    return factory


def files(root: Path) -> Iterator[bytes]:
    return (file.read_bytes() for file in root.rglob("*") if file.is_file())


def test_what_a_source_sets_aside_is_sealed_in_every_tier(factory: Factory) -> None:
    factory.collect()
    (sha256,) = bronze.table(factory.project, "notes").read()["_blob"].drop_nulls()
    blobs = Blobs(factory.project, "sealed/notes", "notes")
    assert [(each.sha256, each.form) for each in blobs.kept()] == [(sha256, ".aes")]
    text = "秘密的长文" * 5
    with blobs.open(sha256) as stream:
        assert text in stream.read().decode()
    (factory.root / "lakehouse.yaml").write_text(
        "storage: {locations: [cold/0, cold/1], replicas: 2, cold_after_days: 0, warm_after_days: 0, pack_at_least: 1}\n"
    )
    assert [(m.place, m.to) for m in tier(factory.project).moved] == [("sealed/notes", "cold")]
    with Blobs(factory.project, "sealed/notes").open(sha256) as stream:
        assert text in stream.read().decode()
    assert not any(text.encode() in data for folder in ("lake", "cold", ".lakehouse") for data in files(factory.root / folder))


def test_what_lands_is_sealed(factory: Factory) -> None:
    landing = Landing(factory.project, "notes", "identity", grows=True)
    land_lines(landing, "https://example.com", ["秘密".encode()], None)
    (file,) = (factory.root / "lake/landing/notes").glob("*/*")
    assert file.suffix == ".aes"
    (piece,) = Landing(factory.project, "notes", "identity", grows=True).pieces
    with landing.open(piece) as stream:
        assert stream.read() == "秘密\n".encode()
    other = file.with_name("other")
    sink = Blobs(factory.project, "landing/notes", "notes").sink()
    sink.write(b"another")
    Path(Blobs(factory.project, "landing/notes").path(sink.close()) + ".aes").replace(other)
    other.replace(file)
    with pytest.raises(StorageError, match="is another file"), landing.open(piece) as stream:
        stream.read()


def test_rotation_rewrites_no_data_and_old_keys_are_named(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    factory.collect()
    place = factory.root / "lake" / "sealed"
    before, old, new = list(files(place)), os.environ[MASTER], master_key()
    monkeypatch.setenv(MASTER, new)
    with pytest.raises(StorageError, match=r"the key of notes is wrapped by master key \w{8}; the one given is \w{8}"):
        sealing_key(factory.project, "notes")
    monkeypatch.setenv(OLD_MASTER, master_key())
    assert "is wrapped by master key" in str(CliRunner().invoke(cli, ["storage", "keys", "rotate"]).exception)
    monkeypatch.setenv(OLD_MASTER, old)
    assert CliRunner().invoke(cli, ["storage", "keys", "rotate"]).output == "rewrapped: notes\n"
    assert "nothing to do" in CliRunner().invoke(cli, ["storage", "keys", "rotate"]).output
    monkeypatch.delenv(OLD_MASTER)
    assert list(files(place)) == before
    assert sealing_key(factory.project, "notes").secret
    monkeypatch.delenv(MASTER)
    with pytest.raises(StorageError, match="there is no master key"):
        sealing_key(factory.project, "notes")
    for wrong, what in (("?", "is not base64"), ("AAAA", "has 3 bytes, not 32")):
        monkeypatch.setenv(MASTER, wrong)
        with pytest.raises(StorageError, match=what):
            sealing_key(factory.project, "notes")
    monkeypatch.delenv(MASTER)
    monkeypatch.setenv(f"{MASTER}_FILE", str(factory.write("master", f"{new}\n")))
    assert sealing_key(factory.project, "notes").secret


def test_what_is_shredded_is_gone_and_recorded(factory: Factory) -> None:
    factory.collect()
    (sha256,) = bronze.table(factory.project, "notes").read()["_blob"].drop_nulls()
    wrapped = json.loads((factory.root / "lake/keys/notes.json").read_text())
    assert CliRunner().invoke(cli, ["storage", "keys", "shred", "notes"], input="y\n").exit_code == 2, "a reason is needed"
    told = CliRunner().invoke(cli, ["storage", "keys", "shred", "notes", "--why", "contract ended", "--by", "li", "--yes"])
    assert f"the key {wrapped['id']} of notes is gone" in told.output
    assert not any(wrapped["wrapped"].encode() in data for data in files(factory.root / "lake"))
    blobs = Blobs(factory.project, "sealed/notes")
    with pytest.raises(StorageError, match="the key of notes was shredded"), blobs.open(sha256) as stream:
        stream.read()
    with pytest.raises(StorageError, match="nothing is sealed under it again"):
        sealing_key(factory.project, "notes")
    (entry,) = json.loads(CliRunner().invoke(cli, ["storage", "keys", "list", "--json"]).output)
    assert (entry["of"], entry["state"]) == ("notes", "shredded")
    record = factory.project.table("system", "keys").read().sort("at")
    assert record.select("event", "by", "reason").row(-1) == ("shredded", "li", "contract ended")
    assert "no key of `other`" in str(CliRunner().invoke(cli, ["storage", "keys", "shred", "other", "--why", "x", "--yes"]).exception)


def test_without_a_master_key_nothing_is_collected(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MASTER)
    with pytest.raises(StorageError, match="there is no master key"):
        collect(factory.project, "notes")
    assert not bronze.table(factory.project, "notes").exists()


def test_a_key_file_that_was_exchanged_or_lost_is_told(factory: Factory) -> None:
    factory.collect()
    key = sealing_key(factory.project, "notes")
    sealing_key(factory.project, "other")
    notes_file, other_file = (factory.root / f"lake/keys/{name}.json" for name in ("notes", "other"))
    whole = notes_file.read_bytes()
    notes_file.write_bytes(other_file.read_bytes())
    with pytest.raises(StorageError, match=f"the key {key.id.hex()} of notes is not there"):
        opener(factory.project)("notes", key.id)
    with pytest.raises(StorageError, match="the key of notes was changed"):
        sealing_key(factory.project, "notes")
    notes_file.write_bytes(whole[:-5])
    with pytest.raises(StorageError, match="the file of a data key is damaged"):
        sealing_key(factory.project, "notes")
    notes_file.unlink()
    with pytest.raises(StorageError, match="is not there"):
        opener(factory.project)("notes", key.id)
    with pytest.raises(StorageError, match="is not there"):
        sealing_key(factory.project, "notes")  # never another in its place


def test_an_archive_of_a_sealed_source_is_sealed(tmp_path: Path) -> None:
    new_project(tmp_path)
    source = tmp_path / "assets/sources/reviews_raw.yaml"
    source.write_text(source.read_text() + "encrypt: true\n")
    project = Project.open(tmp_path)
    sealing_key(project, "reviews_raw")
    make(project, reviews(*range(1, 7)), "1.0.0")
    make(project, reviews(*range(3, 9)), "1.1.0")
    before = versions.rows(project, versions.find(project, "reviews", "1.0.0")).sort("_row_id").collect()
    done = archive(project, "reviews", "1.0.0", "unused", "li")
    (file,) = (Path(done.place) / "data").iterdir()
    assert file.read_bytes().startswith(b"LHS1")
    restored = restore(project, "reviews", "1.0.0", "li")
    assert restored.moved == done.moved
    assert versions.rows(project, versions.find(project, "reviews", "1.0.0")).sort("_row_id").collect().equals(before)
    archive(project, "reviews", "1.0.0", "unused", "li")
    (tmp_path / "lake/keys/reviews_raw.json").unlink()
    with pytest.raises(StorageError, match="of reviews_raw is not there"):
        restore(project, "reviews", "1.0.0", "li")
    assert [each.of for each in listed(project)] == ["reviews_raw"]
