"""Files of a repository of the Hub: by commit, each once, whatever is killed; against the Hub on loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from lakehouse.core.errors import SourceError, SpecError
from tests.delivery.release.hub_server import TOKEN, Commit, Hub, Repo, hub_server

from .conftest import Factory, killed_collecting


def rows(first: int, count: int) -> pl.DataFrame:
    return pl.DataFrame({"id": range(first, first + count), "text": [f"评论 {n}" for n in range(first, first + count)]})


def parquet(first: int, count: int) -> bytes:
    out = io.BytesIO()
    rows(first, count).write_parquet(out)
    return out.getvalue()


def commit(hub: Hub, files: dict[str, bytes]) -> str:
    """Add a commit to acme/reviews; returns its id."""
    repo = hub.repos.setdefault("acme/reviews", Repo(False, []))
    oid = hashlib.sha1(f"{len(repo.commits)}".encode()).hexdigest()
    repo.commits.append(Commit(oid, "more", files))
    return oid


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running


def declare(factory: Factory, **changes: Any) -> None:
    factory.declare(connector={"hugging_face": {"repo": "acme/reviews", "retries": 0, **changes}}, key=["id"], max_vanished=1.0)


def resolved(hub: Hub) -> list[str]:
    return [request.rpartition("/")[2] for request in hub.requests if "/resolve/" in request]


def test_files_are_read_as_of_a_commit_and_fetched_again_only_when_they_changed(factory: Factory, hub: Hub) -> None:
    files = {"data/train-0.parquet": parquet(0, 5), "data/train-1.parquet": parquet(5, 5), "README.md": b"# Reviews\n"}
    first = commit(hub, files)
    declare(factory)
    assert factory.collect().added == 10
    assert factory.live().select("id", "text").sort("id").equals(rows(0, 10))
    assert set(factory.live()["_uri"].str.extract("@([0-9a-f]+)/")) == {first}
    assert factory.collect().unchanged
    commit(hub, {**files, "data/train-1.parquet": parquet(5, 7)})
    hub.requests.clear()
    made = factory.collect()
    assert (made.added, made.live) == (2, 12)
    assert resolved(hub) == ["train-1.parquet"]
    declare(factory, revision=first)
    assert factory.collect().vanished == 2


def test_other_formats_are_read_by_their_endings(factory: Factory, hub: Hub) -> None:
    lines = b"".join(b'{"id": %d, "text": "x"}\n' % n for n in range(3))
    commit(hub, {"a.jsonl.gz": gzip.compress(lines, mtime=0), "c.csv": b"id,text\n7,y\n"})
    declare(factory, match=["*.jsonl.gz", "*.csv"], token="${HF_TOKEN}")
    assert factory.collect().live == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repo": "acme/nothing"}, r"api/datasets/acme/nothing/revision/main: the server answers 404 Not Found"),
        ({"revision": "v9"}, r"revision/v9: the server answers 404 Not Found"),
        ({"match": ["*.json"]}, r"no file of commit [0-9a-f]{12} matches `\*.json`"),
        ({"endpoint": "http://127.0.0.1:9"}, "127.0.0.1:9/api/datasets/acme/reviews/revision/main: cannot be reached"),
        ({"max_bytes": 10}, "a.parquet: is larger than 10 bytes"),
        ({"token": "${WRONG}"}, "the server answers 401 Unauthorized"),
    ],
    ids=["repo", "revision", "match", "endpoint", "size", "token"],
)
def test_what_goes_wrong_is_one_message(
    factory: Factory, hub: Hub, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.setenv("WRONG", "wr0ng")
    commit(hub, {"a.parquet": parquet(0, 5)})
    declare(factory, **changes)
    with pytest.raises(SourceError, match=words) as caught:
        factory.collect()
    assert "wr0ng" not in str(caught.value)
    assert factory.lake_is_empty


def test_a_token_written_out_is_refused(factory: Factory) -> None:
    declare(factory, token=TOKEN)
    with pytest.raises(SpecError, match=r"`hugging_face\.token` is a credential"):
        factory.collect()


def test_other_bytes_than_the_hub_tells_are_refused(factory: Factory, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.delivery.release import hub_server as module

    commit(hub, {"a.parquet": parquet(0, 5)})
    entry = module._entry
    monkeypatch.setattr(module, "_entry", lambda path, data: entry(path, data + b"x"))
    declare(factory)
    with pytest.raises(SourceError, match=r"a.parquet: has the checksum [0-9a-f]{12}..., not [0-9a-f]{12}"):
        factory.collect()


@pytest.mark.slow
def test_three_kills_at_random_and_a_repository_that_goes_on_fetch_no_file_twice(factory: Factory, hub: Hub) -> None:
    files = {f"data/{n:02}.parquet": parquet(10 * n, 10) for n in range(20)}
    commit(hub, files)
    declare(factory)
    generator = random.Random(5)
    for n in range(3):
        killed_collecting(factory.root, "files", generator.randint(4, 20))
        files[f"data/new{n}.parquet"] = parquet(200 + n, 1)
        commit(hub, dict(files))
    made = factory.collect()
    assert (made.added, made.findings) == (203, {})
    assert factory.live().select("id", "text").sort("id").equals(rows(0, 203))
    assert sorted(resolved(hub)) == sorted(name.removeprefix("data/") for name in files)
