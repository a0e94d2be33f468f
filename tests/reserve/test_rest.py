"""Items behind pages: every style of paging, what goes wrong, and kills; against a server on loopback."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from lakehouse.core.errors import FactoryError, SourceError, SpecError
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.source import feed

from .conftest import Factory, killed
from .web_server import Served, item, serving

STYLES: dict[str, Any] = {
    "page": {"page": "page"},
    "offset": {"offset": "at"},
    "cursor": {"cursor": "meta.next", "param": "at"},
    "url": {"url": "meta.next"},
    "link": {"link": True},
}


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(Served([item(n) for n in range(1, 36)])) as found:
        yield found


def declare(factory: Factory, served: Served, style: str = "cursor", **changes: Any) -> None:
    given = {"url": f"{served.url}/pages/{style}", "items": "data.items", "next": STYLES.get(style), **changes}
    key = given.pop("key", ["id"])
    factory.declare(connector={"rest": {name: value for name, value in given.items() if value is not None}}, key=key)


@pytest.mark.parametrize("style", STYLES)
def test_every_page_is_collected_once(factory: Factory, served: Served, style: str) -> None:
    declare(factory, served, style)
    made = factory.collect()
    assert (made.added, made.findings) == (35, {})
    rows = factory.live().sort("id")
    assert rows["id"].to_list() == list(range(1, 36))
    assert rows["text"].to_list()[-1] == "订单 35"
    assert rows["tags"].to_list()[0] == '["t1"]'
    assert len(served.asked) == (5 if style in ("page", "offset") else 4)


def test_a_changed_and_a_vanished_item_are_seen_and_an_unchanged_interface_adds_nothing(factory: Factory, served: Served) -> None:
    declare(factory, served)
    first = factory.collect()
    again = factory.collect()
    assert again.unchanged
    assert again.content_id == first.content_id
    served.items[3] = item(4, "改过的订单")
    del served.items[10]
    made = factory.collect()
    assert (made.added, made.changed, made.vanished) == (0, 1, 1)
    assert "改过的订单 4" in factory.live()["text"].to_list()


def test_with_since_only_what_is_new_is_asked_for_and_the_rest_stays(factory: Factory, served: Served) -> None:
    declare(factory, served, since={"field": "updated", "param": "after"})
    factory.collect()
    asked = len(served.asked)
    assert factory.collect().unchanged
    assert served.asked[asked:] == ["/pages/cursor?after=35"]
    served.items = [*served.items, item(36), item(2, "新") | {"updated": 40}]
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (1, 1, 0, 36)
    assert sorted(t for t in factory.live()["text"] if t.startswith("新")) == ["新 2"]
    assert served.asked[-1] == "/pages/cursor?after=35"
    served.items = [*served.items, item(2, "更新") | {"updated": 50}]
    assert (factory.collect().changed, served.asked[-1]) == (1, "/pages/cursor?after=40")
    assert factory.live().height == 36
    factory.declare(connector={"rest": factory.project.source("shop").connector.params}, key=["id"], max_item_bytes=1000)
    anew = factory.collect()
    assert (anew.live, anew.changed, anew.vanished, served.asked[-1]) == (36, 0, 0, "/pages/cursor?after=50"), "the pieces are read again"
    assert sorted(t for t in factory.live()["text"] if "新" in t) == ["更新 2"]


def test_a_server_that_is_busy_or_stumbles_is_asked_again(factory: Factory, served: Served) -> None:
    stumbles: dict[int, Response] = {
        1: PlainTextResponse("wait", 429, {"Retry-After": "0"}),
        2: PlainTextResponse("oops", 503, {"Retry-After": "0"}),
        4: PlainTextResponse("oops", 500, {"Retry-After": "0"}),
    }
    served.faults = lambda path, n: stumbles.get(n)
    declare(factory, served)
    assert factory.collect().added == 35
    assert len(served.asked) == 7


@pytest.mark.parametrize(
    ("changes", "fault", "words"),
    [
        ({}, PlainTextResponse("no such key", 401), r"the server answers 401 Unauthorized: no such key(.|\n)*credentials"),
        ({"retries": 1}, PlainTextResponse("", 500, {"Retry-After": "0"}), "the server answers 500 Internal Server Error"),
        ({}, PlainTextResponse("<html>", 200), "page is no JSON"),
        ({"items": "data.rows"}, None, "`data.rows` of the body is no list of items"),
        ({"style": "circle", "next": STYLES["cursor"]}, None, "leads back to one already read"),
        ({"style": "page", "max_pages": 2}, None, "more than 2 pages"),
        ({"since": {"field": "text_or_id", "param": "after"}}, None, "have no order"),
        ({"headers": {"Authorization": "Bearer ${SHOP_KEY}"}}, None, "the environment variable SHOP_KEY is not set"),
    ],
)
def test_what_goes_wrong_is_one_message_and_nothing_is_written(
    factory: Factory, served: Served, changes: dict[str, Any], fault: Response | None, words: str
) -> None:
    served.items[0]["text_or_id"], served.items[1]["text_or_id"] = "a", 1
    served.faults = lambda path, n: fault
    declare(factory, served, **changes)
    with pytest.raises(SourceError, match=words):
        factory.collect()
    assert not factory.project.table("bronze", "shop").exists()


def test_a_host_that_is_not_there_and_a_redirect_without_end(factory: Factory, served: Served) -> None:
    declare(factory, Served(url="http://127.0.0.1:9"), retries=0)
    with pytest.raises(SourceError, match=r"127.0.0.1:9/pages/cursor: cannot be reached"):
        factory.collect()
    factory.declare(connector={"rest": {"url": f"{served.url}/elsewhere"}})
    with pytest.raises(SourceError, match="redirects more than 10 times"):
        factory.collect()


def test_a_variable_is_taken_where_it_is_declared_and_never_where_a_server_names_it(
    factory: Factory, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cret")

    def answer(path: str, n: int) -> Response:
        return JSONResponse({"data": {"items": [item(n)]}, "meta": {"next": "/pages/url?at=${SHOP_KEY}"} if n == 1 else {}})

    served.faults = answer
    declare(factory, served, "url", next={"url": "meta.next"}, params={"api_key": "${SHOP_KEY}"})
    assert factory.collect().added == 2
    assert served.asked[0] == "/pages/url?api_key=s3cret"
    assert "s3cret" not in served.asked[1]
    assert "SHOP_KEY" in served.asked[1]


def test_a_credential_comes_from_the_environment_and_stays_with_its_host(
    factory: Factory, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", "s3cret")
    declare(factory, served, headers={"X-Api-Key": "${SHOP_KEY}"})
    factory.collect()
    assert {h["x-api-key"] for h in served.headers} == {"s3cret"}
    assert not any("s3cret" in file.read_text("utf-8", "ignore") for file in factory.root.rglob("*") if file.is_file())
    with serving() as other:
        other.items = [item(1)]
        address = f"{served.url}/elsewhere?to={other.url}/pages/plain"
        factory.declare(connector={"rest": {"url": address, "headers": {"X-Api-Key": "${SHOP_KEY}"}}}, key=["id"], max_vanished=1.0)
        factory.collect()
        assert "x-api-key" not in other.headers[0]
    declare(factory, served, headers={"X-Api-Key": "s3cret"})
    with pytest.raises(SpecError, match=r"`headers.X-Api-Key` is a credential(.|\n)*export NAME"):
        feed(factory.project, "shop")


@pytest.mark.parametrize("wrong", [{"page": "p", "offset": "o"}, {"cursor": "a"}, {"link": True, "param": "p"}, {}])
def test_a_next_that_says_too_much_or_too_little_is_refused(factory: Factory, served: Served, wrong: dict[str, Any]) -> None:
    declare(factory, served, next=wrong)
    with pytest.raises(SpecError, match="next"):
        feed(factory.project, "shop")


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect as module
from lakehouse.reserve.connectors import rest

rest.PIECE_BYTES = 1
after, where = int(sys.argv[2]), sys.argv[3]
pages = 0

def progress(what, done, total):
    global pages
    pages += "pages" in what
    if where == "page" and pages == after:
        os.kill(os.getpid(), signal.SIGKILL)

if where == "record":
    module.record = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
if where == "read":
    module.CollectedRows.frames = lambda self: os.kill(os.getpid(), signal.SIGKILL)
module.collect(Project.open(Path(sys.argv[1])), "shop", progress=progress)
"""


@pytest.mark.slow
def test_three_kills_at_random_lose_nothing_and_ask_for_no_landed_page_again(factory: Factory, served: Served) -> None:
    served.items = [item(n) for n in range(1, 301)]
    declare(factory, served)
    generator = random.Random(7)
    for where in ("page", "page", "page", "read", "record"):
        killed(KILLED, factory.root, generator.randint(2, 7), where)
    made = factory.collect()
    assert made.unchanged, "the last kill came between the commit of bronze and its record" if made.added else ""
    assert sorted(factory.live()["id"]) == list(range(1, 301))
    again = {page: served.asked.count(page) for page in served.asked}
    assert len(again) == 30
    assert sum(again.values()) <= 30 + 3, "each kill costs the page that was on its way"
    clean = Factory(factory.root.parent / "clean")
    declare(clean, served)
    assert collect(clean.project, "shop").content_id == made.content_id


def test_a_refused_collection_fetches_anew(factory: Factory, served: Served) -> None:
    declare(factory, served)
    factory.collect()
    kept, served.items = served.items, served.items[:5]
    with pytest.raises(FactoryError, match="30 of 35 items of source shop vanished"):
        factory.collect()
    served.items = kept
    assert factory.collect().unchanged
