"""A lake by URL, on an S3 server on loopback: the same line, the same content, and one message for every refusal."""

from __future__ import annotations

import base64
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pytest
import yaml

from lakehouse.core import versions
from lakehouse.core.errors import LockedError, SourceError, StorageError
from lakehouse.core.lake.sealing.data_keys import MASTER
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.storage.blobs import Blobs
from lakehouse.operations.erasure.erase import erase
from lakehouse.operations.maintenance.archive import archive, restore
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.bronze.values import live_rows
from lakehouse.reserve.landing.landing import Landing
from lakehouse.reserve.source import feed
from tests.delivery.release import factory
from tests.factory import new_factory
from tests.operations.erasure.bytes_of import texts
from tests.operations.erasure.factory import TOKEN, new_notes, planted
from tests.reserve.conftest import killed_collecting

from .bucket import Store, bucket
from .commands import called, called_json, environment, lakehouse


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An S3 server that knows one key and has one bucket, `lakes`; the key stands in the environment."""
    with bucket(tmp_path_factory.mktemp("store")) as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.variables.items():
            patch.setenv(name, value)
        yield made


def reviews(first: int, last: int) -> pl.DataFrame:
    """Distinct Chinese reviews of two kinds, and one item that is too long."""
    kinds = {"好": ("干净 安静 热情 方便 舒服", "下次还来"), "坏": ("吵闹 脏乱 冷淡 偏远 难受", "不会再来")}
    rows = []
    for i in range(first, last):
        label = "好" if i % 2 else "坏"
        words, end = kinds[label]
        some = words.split()
        own = "".join(chr(0x4E00 + (i * 7919 + k * k * 104729 + k * i * 31) % 5000) for k in range(30))
        text = f"第{i}次入住，房间{some[i % 5]}，服务{some[(i // 5) % 5]}，{own}，{end}"
        rows.append({"id": f"{i:05}", "text": text, "label": label})
    return pl.DataFrame(rows)


def put_on(folder: Path, store: Store, lake: str) -> None:
    (folder / "lakehouse.yaml").write_text(yaml.safe_dump({"lake": lake, "storage_options": {"AWS_ENDPOINT_URL": store.endpoint}}))


def identities(folder: Path) -> list[tuple[str, str]]:
    return [(v["label"], v["manifest"]["content_id"]) for v in called_json(folder, "version", "list", "reviews")]


@pytest.mark.parametrize("place", ["s3://lakes/archive", "archive"])
def test_a_version_of_a_lake_on_a_store_is_archived_and_restored(tmp_path: Path, store: Store, place: str) -> None:
    factory.new_project(tmp_path)
    put_on(tmp_path, store, f"s3://lakes/archived-{place[:2]}/lake")
    project = Project.open(tmp_path)
    old = factory.make(project, factory.reviews(1, 2, 3))
    factory.make(project, factory.reviews(2, 3, 4), "1.1.0")
    before = versions.rows(project, old).sort("_row_id").collect()
    found = archive(project, "reviews", "1.0.0", "unused", "li", to=place)
    assert found.moved == found.bytes > 0
    with pytest.raises(StorageError, match="are archived in"):
        versions.rows(project, versions.find(project, "reviews", "1.0.0"))
    assert versions.index(project, versions.find(project, "reviews", "1.0.0")).collect().height == 3
    assert restore(project, "reviews", "1.0.0", "li").moved == found.moved
    assert versions.rows(project, versions.find(project, "reviews", "1.0.0")).sort("_row_id").collect().equals(before)


@pytest.mark.parametrize("sealed", [False, True])
def test_rows_are_erased_from_a_lake_and_an_archive_on_a_store(
    tmp_path: Path, store: Store, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MASTER, base64.b64encode(bytes(32)).decode())
    notes = new_notes(tmp_path)
    if sealed:
        source = tmp_path / "assets/sources/notes.yaml"
        source.write_text(source.read_text(encoding="utf-8") + "encrypt: true\n", encoding="utf-8")
    at = f"erased{'_sealed' if sealed else ''}"
    put_on(tmp_path, store, f"s3://lakes/{at}/lake")
    notes.made()
    notes.declare([{"text_length": {"column": "text", "at_least": 3}}])
    notes.made()
    project = notes.project
    archive(project, "notes", "1.0.0", "unused", "li", to=f"s3://lakes/{at}/archive")
    ids = planted(notes)
    assert {key.split("/")[1] for key in objects_with(store, f"{at}/", TOKEN)} == (set() if sealed else {"lake", "archive"})
    held = versions.rows(project, versions.find(project, "notes", "1.1.0")).sort("_row_id").collect()
    erase(project, "notes", ids, "asked", "gdpr-17", "li")
    assert objects_with(store, f"{at}/", TOKEN) == []
    assert not any(TOKEN in text for text in notes.texts("bronze") if text)
    left = held.filter(~pl.col("_row_id").is_in(ids))
    assert versions.rows(project, versions.find(project, "notes", "1.1.0")).sort("_row_id").collect().equals(left)
    restore(project, "notes", "1.0.0", "li")
    assert versions.rows(project, versions.find(project, "notes", "1.0.0")).collect().height == left.height
    assert (notes.collect().erased, notes.made()[1].rows) == (4, left.height)


def objects_with(store: Store, prefix: str, token: str) -> list[str]:
    """Keys of the objects that hold a token, in any way they may be packed."""
    import boto3

    client = boto3.client("s3", endpoint_url=store.endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="lakes", Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return [key for key in keys if any(token in t for t in texts(key, client.get_object(Bucket="lakes", Key=key)["Body"].read()))]


def test_the_whole_line_on_an_object_store_is_the_line_on_a_folder(tmp_path: Path, store: Store) -> None:
    reviews(0, 300).vstack(pl.DataFrame({"id": ["long"], "text": ["好" * 20_000], "label": ["好"]})).write_csv(tmp_path / "reviews.csv")
    called(tmp_path, "init", "local", "--data", "reviews.csv", "--text", "text", "--label", "label")
    source = tmp_path / "local/assets/sources/reviews_raw.yaml"
    source.write_text(source.read_text(encoding="utf-8") + "max_item_bytes: 10000\n", encoding="utf-8")
    shutil.copytree(tmp_path / "local", tmp_path / "remote")
    local, remote = tmp_path / "local", tmp_path / "remote"
    put_on(remote, store, "s3://lakes/one/lake")
    for folder in (local, remote):
        said = called(folder, "run", "reviews")
        assert "holds" in said
        assert "oversized 1" in said
        assert "Nothing to do" in called(folder, "run", "reviews")
        reviews(300, 400).write_csv(folder / "new.csv", include_header=False)
        with (folder / "data/reviews.csv").open("a", encoding="utf-8") as data:
            data.write((folder / "new.csv").read_text(encoding="utf-8"))
        said = called(folder, "run", "reviews")
        assert "100 new" in said
    assert not (remote / "lake").exists()
    assert identities(remote) == identities(local)
    assert len(identities(remote)) == 2

    assert called_json(remote, "version", "balance", "reviews") == called_json(local, "version", "balance", "reviews")
    assert "reviews" in called(remote, "status")
    assert "too_short" in called(remote, "recipe", "tune", "reviews", "text_length.at_least=80")
    assert "100 added, 0 removed, 0 changed" in called(remote, "version", "diff", "reviews", "1.0.0", "1.1.0")
    for folder in (local, remote):
        assert "reviews@v1.1.0" in called(folder, "release", "reviews")
    parquet = sorted(p.relative_to(local) for p in (local / "releases/reviews").rglob("*.parquet"))
    assert parquet
    for file in parquet:
        assert pl.read_parquet(remote / file).equals(pl.read_parquet(local / file))

    project = Project.open(remote)
    (blob,) = project.table("bronze", "reviews_raw").read(["_blob"])["_blob"].drop_nulls().to_list()
    with Blobs(project).open(blob) as kept:
        assert len(kept.read()) > 60_000


WRONG = [
    ("lake", "s3://nobody/lake", "the bucket does not exist"),
    ("AWS_SECRET_ACCESS_KEY", "not-the-secret", "the store refuses these credentials"),
    ("AWS_ACCESS_KEY_ID", "AKIANOBODY", "the store refuses these credentials"),
    ("endpoint", "http://127.0.0.1:9", "the store cannot be reached"),
]


@pytest.mark.parametrize(("what", "value", "message"), WRONG, ids=[wrong[0] for wrong in WRONG])
def test_a_store_that_refuses_is_one_message_within_seconds(tmp_path: Path, store: Store, what: str, value: str, message: str) -> None:
    reviews(0, 20).write_csv(tmp_path / "reviews.csv")
    called(tmp_path, "init", "factory", "--data", "reviews.csv")
    folder = tmp_path / "factory"
    put_on(folder, Store(value, "", "") if what == "endpoint" else store, value if what == "lake" else "s3://lakes/refused")
    started = time.monotonic()
    said = lakehouse(folder, "run", "reviews", "--to", "gold", code=1, **({what: value} if what.startswith("AWS") else {}))
    assert time.monotonic() - started < 30
    assert message in said
    assert "fix:" in said


def _append(given: tuple[str, dict[str, str], int]) -> str:
    uri, options, number = given
    try:
        Table(uri, options).write(pl.DataFrame({"writer": [number]}), "append", schema=pl.Schema({"writer": pl.Int64()}))
    except LockedError:
        return "refused"
    return "written"


def test_no_commit_of_many_writers_is_lost(store: Store) -> None:
    """Commits are made by a conditional put, which delta-rs uses on S3 without any option: none overwrites another."""
    table = Table("s3://lakes/many/table", {"AWS_ENDPOINT_URL": store.endpoint})
    table.write(pl.DataFrame({"writer": [0]}), "append")
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(_append, [(table.uri, dict(table.storage_options), n) for n in range(1, 13)]))
    written = [n for n, outcome in enumerate(outcomes, start=1) if outcome == "written"]
    assert table.read()["writer"].sort().to_list() == [0, *written]
    assert table.version() == len(written)
    assert len(written) > 1


def test_two_folders_on_one_lake_make_one_version(tmp_path: Path, store: Store) -> None:
    reviews(0, 200).write_csv(tmp_path / "reviews.csv")
    called(tmp_path, "init", "here", "--data", "reviews.csv")
    put_on(tmp_path / "here", store, "s3://lakes/shared")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    command = [sys.executable, "-m", "lakehouse.cli", "run", "reviews", "--to", "gold"]
    runs = [
        subprocess.Popen(command, cwd=tmp_path / name, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name in ("here", "there")
    ]
    outputs = [run.communicate()[0] for run in runs]
    for run, said in zip(runs, outputs, strict=True):
        assert run.returncode in (0, 3), said
        assert "Traceback" not in said
    called(tmp_path / "here", "run", "reviews", "--to", "gold")
    bronze = Project.open(tmp_path / "here").table("bronze", "reviews_raw").read(["_row_id"])
    assert bronze.height == bronze["_row_id"].n_unique() == 200
    assert len({v["manifest"]["content_id"] for v in called_json(tmp_path / "there", "version", "list", "reviews")}) == 1


@pytest.mark.parametrize("lake", ["lake", "s3://lakes/sourced"])
def test_objects_of_a_bucket_are_a_source_and_only_changed_ones_are_fetched_again(tmp_path: Path, store: Store, lake: str) -> None:
    boto3 = pytest.importorskip("boto3")
    bucket = boto3.client("s3", endpoint_url=store.endpoint)
    place = f"in-{lake[:2]}"

    def put(name: str, text: str) -> None:
        bucket.put_object(Bucket="lakes", Key=f"{place}/{name}", Body=f"id,text\n{text}".encode())

    for name, text in {"2026/a.csv": "1,一\n2,二\n", "2026/b.csv": "3,三\n", "readme.md": "# no\n"}.items():
        put(name, text)
    folder = tmp_path / "assets" / "sources"
    folder.mkdir(parents=True)
    if lake != "lake":
        put_on(tmp_path, store, lake)

    def declare(**changes: str) -> None:
        options = {"AWS_ENDPOINT_URL": store.endpoint}
        given = {"url": f"s3://lakes/{place}", "match": "2026/*.csv", "storage_options": options, **changes}
        source = {"source": "shop", "description": "Orders.", "owner": "team:shop", "license": "CC0-1.0", "key": ["id"]}
        (folder / "shop.yaml").write_text(yaml.safe_dump({**source, "connector": {"object_store": given}}), encoding="utf-8")

    declare()
    project = Project.open(tmp_path)
    first = collect(project, "shop")
    assert (first.added, first.findings) == (3, {})
    assert collect(project, "shop").unchanged
    put("2026/b.csv", "3,改\n4,四\n")
    bucket.delete_object(Bucket="lakes", Key=f"{place}/2026/a.csv")
    with pytest.raises(SourceError, match="2 of 3 items of source shop vanished"):
        collect(project, "shop")
    put("2026/a.csv", "1,一\n")
    made = collect(project, "shop")
    assert (made.added, made.changed, made.vanished) == (1, 1, 1)
    landed = Landing(project, "shop", feed(project, "shop").identity, False)  # type: ignore[union-attr]
    assert {piece.name for piece in landed.pieces} == {"2026/a.csv", "2026/b.csv"}
    declare(match="2027/*")
    with pytest.raises(SourceError, match=r"no object matches `2027/\*`"):
        collect(Project.open(tmp_path), "shop")
    declare(url="s3://no-such-bucket")
    with pytest.raises(SourceError, match="bucket does not exist"):
        collect(Project.open(tmp_path), "shop")


@pytest.mark.parametrize("mode", ["collected", "virtual"])
def test_a_delta_table_on_a_store_is_a_source(tmp_path: Path, store: Store, mode: str) -> None:
    orders = Table(f"s3://lakes/orders_{mode}/table", {"AWS_ENDPOINT_URL": store.endpoint})
    orders.write(pl.DataFrame({"id": [1, 2], "item": ["茶", "cup"]}), "append")
    notes = new_factory(tmp_path)
    notes.declare_source(
        connector={"delta": {"url": orders.uri, "storage_options": {"AWS_ENDPOINT_URL": store.endpoint}}},
        columns={"id": "int", "item": "string"},
        mode=mode,
    )
    assert (notes.collect().added, notes.collect().unchanged) == (2, True)
    orders.write(pl.DataFrame({"id": [2, 3], "item": ["mug", "pot"]}), "overwrite")
    again = notes.collect()
    assert (again.added, again.changed, again.vanished, again.live) == (1, 1, 1, 2)
    rows = live_rows(notes.project, "notes", ["id", "item"]).collect().sort("id")
    assert dict(zip(rows["id"], rows["item"], strict=True)) == {2: "mug", 3: "pot"}


def test_three_kills_at_random_lose_no_object_and_land_none_twice(tmp_path: Path, store: Store) -> None:
    boto3 = pytest.importorskip("boto3")
    bucket = boto3.client("s3", endpoint_url=store.endpoint)
    for n in range(30):
        bucket.put_object(
            Bucket="lakes", Key=f"killed/{n:02}.csv", Body=b"id,text\n" + b"".join(b"%d,x\n" % (10 * n + k) for k in range(10))
        )
    source = {"source": "shop", "description": "Orders.", "owner": "team:shop", "license": "CC0-1.0", "key": ["id"]}
    given = {"url": "s3://lakes/killed", "storage_options": {"AWS_ENDPOINT_URL": store.endpoint}}
    folder = tmp_path / "assets" / "sources"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text(yaml.safe_dump({**source, "connector": {"object_store": given}}), encoding="utf-8")
    generator = random.Random(5)
    at = 0
    for _ in range(3):
        at = generator.randint(at + 2, at + 9)
        killed_collecting(tmp_path, "objects", at)
    project = Project.open(tmp_path)
    made = collect(project, "shop")
    assert (made.added, made.findings) == (300, {})
    assert sorted(bronze.table(project, "shop").read()["id"].cast(int)) == list(range(300))
    journal = project.table("system", "landing").read().filter(pl.col("kind") == "piece")
    assert sorted(journal["name"]) == [f"{n:02}.csv" for n in range(30)]
