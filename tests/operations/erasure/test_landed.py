"""What has landed: erased items leave the pieces, do not come back with the next fetch, and other items are read as before."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.core.project import Project
from lakehouse.operations.erasure import rows
from lakehouse.operations.erasure.erase import erase
from lakehouse.reserve.bronze.collect import Collection, collect
from tests.factory import Factory, new_factory
from tests.operations.erasure.bytes_of import places_of, rows_of_versions
from tests.operations.erasure.factory import TOKEN
from tests.reserve.web_server import Served, serving


@pytest.fixture
def server() -> Iterator[Served]:
    with serving() as running:
        yield running


def declared(root: Path, connector: dict[str, Any], **changes: Any) -> Factory:
    factory = Factory(root)
    factory.declare_source("shop", connector=connector, **{"key": ["id"], "columns": None, **changes})
    (root / "assets/datasets").mkdir(parents=True, exist_ok=True)
    return factory


def packed(*texts: str) -> bytes:
    return gzip.compress("".join(json.dumps({"id": f"{n}", "text": text}) + "\n" for n, text in enumerate(texts)).encode())


def live(project: Project) -> list[str]:
    return sorted(project.table("bronze", "shop").read(["text"])["text"])


def again(factory: Factory, held: list[str]) -> Collection:
    found = collect(factory.project, "shop")
    assert live(factory.project) == held
    assert places_of(Path(factory.project.lake), TOKEN) == []
    return found


@pytest.mark.parametrize("key", ["position", ["id"], "content"])
def test_a_file_that_is_fetched_again_leaves_nothing(tmp_path: Path, server: Served, key: Any) -> None:
    server.files["a.jsonl.gz"] = packed("one", f"two {TOKEN}", "three")
    factory = declared(tmp_path, {"http": {"files": [{"url": f"{server.url}/files/a.jsonl.gz"}]}}, key=key)
    collect(factory.project, "shop")
    project = factory.project
    assert any(place.startswith("landing/") for place in places_of(Path(project.lake), TOKEN))
    items = project.table("bronze", "shop").read(["_row_id", "text"])
    (row,) = items.filter(items["text"].str.contains(TOKEN))["_row_id"]
    erase(project, "shop", [row], "asked", "gdpr-17", "li")
    assert places_of(Path(project.lake), TOKEN) == []
    assert (again(factory, ["one", "three"]).erased, again(factory, ["one", "three"]).unchanged) == (1, True)
    server.files["a.jsonl.gz"] = packed("one", f"two {TOKEN}", "three", "four")
    found = again(factory, ["four", "one", "three"])
    assert (found.added, found.vanished, found.erased) == (1, 0, 1)
    declared(tmp_path, {"http": {"files": [{"url": f"{server.url}/files/a.jsonl.gz"}]}}, key=key, max_item_bytes=999)
    assert again(factory, ["four", "one", "three"]).erased == 1, "the bytes that went are fetched again where they are needed"


def test_pieces_of_what_only_grows_are_written_anew(tmp_path: Path, server: Served) -> None:
    server.items = [{"id": n, "text": f"{n} {TOKEN}" if n == 3 else f"{n}", "updated": n, "tags": []} for n in range(1, 8)]
    paging = {"items": "data.items", "next": {"cursor": "meta.next", "param": "at"}, "since": {"field": "updated", "param": "after"}}
    factory = declared(tmp_path, {"rest": {"url": f"{server.url}/pages/cursor", **paging}})
    collect(factory.project, "shop")
    held = [f"{n}" for n in (1, 2, 4, 5, 6, 7)]
    assert any(place.startswith("landing/") for place in places_of(Path(factory.project.lake), TOKEN))
    erase(factory.project, "shop", ["shop/3"], "asked", "gdpr-17", "li")
    assert places_of(Path(factory.project.lake), TOKEN) == []
    asked = len(server.asked)
    found = again(factory, held)
    assert (found.added, found.changed, found.vanished) == (0, 0, 0)
    assert all("after=7" in path or "at=" in path for path in server.asked[asked:]), "nothing that landed is asked for again"
    server.items += [{"id": 3, "text": f"3 {TOKEN} again", "updated": 8, "tags": []}, {"id": 8, "text": "8", "updated": 9, "tags": []}]
    found = again(factory, [*held, "8"])
    assert (found.added, found.erased) == (1, 1)


def test_a_virtual_source_forgets_which_rows_there_were(tmp_path: Path) -> None:
    factory = new_factory(tmp_path, [{"text_length": {"column": "text", "at_least": 2}}])
    factory.declare_source(mode="virtual")
    factory.material([{"id": "1", "text": "一句话"}, {"id": "2", "text": f"两句 {TOKEN}"}, {"id": "3", "text": "三句话"}])
    factory.made()
    project = factory.project
    ids = rows.matching(project, "notes", f"text LIKE '%{TOKEN}%'")
    assert ids == ["notes/2"]
    erase(project, "notes", ids, "asked", "gdpr-17", "li")
    assert places_of(Path(project.lake), TOKEN) == places_of(Path(project.lake), "notes/2") == []
    found, (_, gold) = factory.collect(), factory.made()
    assert (found.live, found.erased, gold.rows) == (2, 1, 2)


@pytest.mark.parametrize("long", [False, True])
def test_an_item_that_was_moved_goes_from_where_it_stood_before(tmp_path: Path, long: bool) -> None:
    factory = new_factory(tmp_path, [{"text_length": {"column": "text", "at_least": 2}}])
    factory.declare_source(key="position", max_item_bytes=2000)
    secret = {"id": "x", "text": f"一句 {TOKEN}" * (200 if long else 1)}
    factory.material([{"id": "1", "text": "头一句"}, secret, {"id": "3", "text": "第三句"}])
    factory.made()
    factory.material([{"id": "0", "text": "新的一句"}, {"id": "1", "text": "头一句"}, secret, {"id": "3", "text": "第三句"}])
    factory.made()
    project, lake = factory.project, Path(factory.project.lake)
    now = project.table("bronze", "notes").read().sort("_collection").unique("_row_id", keep="last")
    (row,) = now.filter(pl.col("_blob").is_not_null() if long else pl.col("text").str.contains(TOKEN))["_row_id"]
    before = rows_of_versions(lake)
    erase(project, "notes", [row], "asked", "gdpr-17", "li")
    assert places_of(lake, TOKEN) == []
    after = rows_of_versions(lake)
    left = [len(states) for states in after.values()]
    assert left == [len(states) for states in before.values()]
    texts = {text for states in after.values() for rows in states if "text" in rows for text in rows["text"].drop_nulls()}
    assert texts == {"头一句", "第三句", "新的一句"}
    found, (_, gold) = factory.collect(), factory.made()
    assert (found.live, found.erased, gold.rows) == (3, 1, 3)
