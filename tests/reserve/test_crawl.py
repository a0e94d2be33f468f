"""Pages of a web site: scope, robots.txt, redirects, traps, what did not change, and kills; against a server that counts."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.reserve.connectors import crawl as module
from lakehouse.reserve.transport.crawling import Scope, page_of, same
from tests.loopback import free_port

from .conftest import Factory, killed_collecting
from .web_server import Served, serving

pytest.importorskip("protego", reason="THE EXTRA crawl IS NOT INSTALLED: no page was read")


def page(*links: str, head: str = "", title: str = "A page") -> str:
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
    return f"<html><head><title>{title}</title>{head}</head><body>{anchors}</body></html>"


class Site:
    """Pages by path; what is asked for is counted. A page has its content's hash as its tag."""

    def __init__(self) -> None:
        self.pages: dict[str, str | Response] = {}
        self.served = Served(faults=self.answer)

    @property
    def asked(self) -> list[str]:
        return [path for path in self.served.asked if path != "/robots.txt"]

    def answer(self, path: str, n: int) -> Response:
        found = self.pages.get(self.served.asked[-1], self.pages.get(path))
        if found is None:
            return PlainTextResponse("nothing here", 404)
        if isinstance(found, Response):
            return found
        tag = f'"{hashlib.sha256(found.encode()).hexdigest()[:16]}"'
        if self.served.headers[-1].get("if-none-match") == tag:
            return Response(status_code=304)
        return HTMLResponse(found, headers={"ETag": tag})


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with serving(made.served):
        yield made


def declare(factory: Factory, site: Site, **changes: Any) -> None:
    given = {"start": [f"{site.served.url}/"], "delay": 0, "retries": 0, "timeout": 5, **changes}
    factory.declare(connector={"crawl": given}, key=["url"], max_vanished=1.0)


def paths(factory: Factory, site: Site) -> list[str]:
    return sorted(url.removeprefix(site.served.url) for url in factory.live()["url"])


def test_a_site_is_read_once_and_then_only_what_changed(factory: Factory, site: Site) -> None:
    site.pages = {
        "/": page("/a", "/b?y=2&x=1", "http://elsewhere.example/"),
        "/a": page("/", "/c"),
        "/b": page("/b?x=1&y=2#part"),
        "/c": page(),
    }
    declare(factory, site)
    first = factory.collect()
    assert paths(factory, site) == ["/", "/a", "/b?y=2&x=1", "/c"]
    assert Counter(site.asked).most_common(1)[0][1] == 1
    row = factory.live().filter(pl.col("url") == f"{site.served.url}/a").row(0, named=True)
    assert (row["status"], row["media_type"], row["title"], row["text"], row["body"]) == (
        200,
        "text/html",
        "A page",
        site.pages["/a"],
        None,
    )
    assert factory.collect().unchanged, "every answer was 304"
    site.pages["/a"] = page("/d", title="Another")
    site.pages["/d"] = PlainTextResponse("文", headers={"Content-Type": "text/plain; charset=utf-8"})
    del site.pages["/c"]
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, first.live, made.live) == (1, 1, 1, 4, 4)
    assert factory.live().filter(pl.col("url").str.ends_with("/d"))["text"].to_list() == ["文"]
    assert not factory.collect().changed, "a page without validators is the same as long as its content is"


def test_what_a_site_forbids_is_not_asked_for(factory: Factory, site: Site) -> None:
    site.pages = {
        "/robots.txt": PlainTextResponse("User-agent: *\nDisallow: /private\nUser-agent: other\nDisallow: /\n"),
        "/": '<a href="/private/1">x</a><a rel="ugc nofollow" href="/paid">x</a><a href="/hidden">x</a><a href="/deadend">x</a>',
        "/hidden": page("/behind", head='<meta name="robots" content="noindex">'),
        "/behind": page(),
        "/deadend": page("/never", head='<meta name="ROBOTS" content="NoFollow">'),
        "/never": page(),
        "/paid": page(),
        "/private/1": page(),
    }
    declare(factory, site)
    factory.collect()
    assert paths(factory, site) == ["/", "/behind", "/deadend"]
    assert sorted(site.asked) == ["/", "/behind", "/deadend", "/hidden"]
    declare(factory, site, agent="other")
    with pytest.raises(SourceError, match=r"no page is kept: forbidden by robots.txt \(1\)"):
        factory.collect()
    declare(factory, site, robots=False)
    factory.collect()
    assert "/private/1" in paths(factory, site)


def test_redirects_stay_in_scope_and_canonical_pages_stand_for_others(factory: Factory, site: Site) -> None:
    site.pages = {
        "/": page("/docs/old", "/docs/away", "/docs/print", "/docs/loop", "/blog"),
        "/docs/old": RedirectResponse("/docs/new", 301),
        "/docs/new": page(),
        "/docs/away": RedirectResponse("http://elsewhere.example/x"),
        "/docs/print": page(head='<link rel="canonical" href="/docs/new">'),
        "/docs/loop": RedirectResponse("/docs/loop"),
        "/blog": page(),
    }
    declare(factory, site, start=[f"{site.served.url}/docs/"], scope={"prefixes": ["/docs/"], "exclude": ["[?&]month="]})
    site.pages["/docs/"] = site.pages["/"]
    factory.collect()
    assert paths(factory, site) == ["/docs/", "/docs/new"]
    assert Counter(site.asked).most_common(1)[0][1] == 1


def test_traps_cost_what_is_declared(factory: Factory, site: Site) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    site.pages = {"/": page("/calendar?month=1", "/stream", "/a.pdf"), "/stream": StreamingResponse(endless(), media_type="text/html")}
    site.pages |= {f"/calendar?month={n}": page(f"/calendar?month={n + 1}") for n in range(1, 200)}
    site.pages["/a.pdf"] = Response(b"%PDF-\xff", media_type="application/pdf")
    declare(factory, site, depth=5, max_bytes=100_000, keep=["html", "pdf"])
    factory.collect()
    assert paths(factory, site) == ["/", "/a.pdf", *(f"/calendar?month={n}" for n in range(1, 6))]
    assert factory.live()["body"].drop_nulls().to_list() == [b"%PDF-\xff"]
    declare(factory, site, depth=500, max_pages=20, max_bytes=100_000)
    before = len(site.asked)
    factory.collect()
    assert len(site.asked) - before == 20


def test_sitemaps_name_pages_that_nothing_links_to(factory: Factory, site: Site) -> None:
    url = site.served.url
    site.pages = {
        "/robots.txt": PlainTextResponse(f"Sitemap: {url}/index.xml\n"),
        "/index.xml": PlainTextResponse(f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>{url}/s.xml</loc></sitemap></sitemapindex>"),
        "/s.xml": PlainTextResponse(f"<urlset><url><loc> {url}/lonely </loc></url><url><loc>http://elsewhere.example/</loc></url></urlset>"),
        "/": page(),
        "/lonely": page(),
    }  # fmt: skip
    declare(factory, site, sitemaps=["robots"], depth=0)
    factory.collect()
    assert paths(factory, site) == ["/", "/lonely"]
    declare(factory, site, sitemaps=[f"{url}/"])
    with pytest.raises(SourceError, match=r"/: is no sitemap \(status 200\)"):
        factory.collect()


def test_each_host_is_asked_at_its_pace(factory: Factory, site: Site) -> None:
    site.pages = {"/robots.txt": PlainTextResponse("User-agent: *\nCrawl-delay: 0.2\n"), "/": page("/a", "/b"), "/a": page(), "/b": page()}
    declare(factory, site)
    began = time.monotonic()
    factory.collect()
    assert time.monotonic() - began >= 0.4


def test_a_site_that_is_not_there_is_said_to_be_so(factory: Factory, site: Site) -> None:
    site.pages = {}
    declare(factory, site, start=[f"http://127.0.0.1:{free_port()}/"], retries=0)
    with pytest.raises(SourceError, match=r"no page is kept: failed \(1\); the last failure: .*cannot be reached"):
        factory.collect()


def test_pages_that_fail_stay_as_they_were_until_too_many_do(factory: Factory, site: Site) -> None:
    site.pages = {"/": page("/a", "/b", "/c"), "/a": page("/d"), "/b": page(), "/c": page(), "/d": page()}
    declare(factory, site, max_failures=1)
    first = factory.collect()
    whole = dict(site.pages)
    site.pages["/a"] = PlainTextResponse("down", 500)
    assert factory.collect().content_id == first.content_id
    site.pages["/b"] = site.pages["/a"]
    asked = len(site.asked)
    with pytest.raises(SourceError, match=r"/b: the server answers 500 Internal Server Error: down"):
        factory.collect()
    site.pages = whole
    assert factory.collect().content_id == first.content_id
    again = Counter(site.asked[asked:])
    assert again == {"/": 1, "/a": 1, "/b": 2, "/c": 1, "/d": 1}, "the run went on at the page that failed"
    site.pages["/robots.txt"] = PlainTextResponse("down", 503)
    with pytest.raises(SourceError, match=r"robots.txt: the server answers 503"):
        factory.collect()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"start": ["ftp://h/"]}, "is no address of a page"),
        ({"scope": {"include": ["("]}}, "`scope.include` has no regular expression"),
        ({"scope": {"hosts": ["other.example"]}}, "is not in `scope:`"),
        ({"headers": {"Authorization": "secret"}}, "is a credential"),
    ],
    ids=["start", "include", "hosts", "secret"],
)
def test_a_mistake_in_the_declaration_is_told(factory: Factory, changes: dict[str, Any], words: str) -> None:
    factory.declare(connector={"crawl": {"start": ["http://127.0.0.1:9/"], **changes}})
    with pytest.raises(SpecError, match=words):
        factory.collect()


def test_without_the_extra_or_a_server_there_is_one_message(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    factory.declare(connector={"crawl": {"start": ["http://127.0.0.1:9/"], "retries": 0, "max_failures": 0}})
    with pytest.raises(SourceError, match=r"127.0.0.1:9/robots.txt: cannot be reached"):
        factory.collect()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"install the extra `crawl`"):
        factory.collect()


def test_credentials_go_to_the_hosts_of_the_start_alone(factory: Factory, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_KEY", "s3cret")
    other = Site()
    with serving(other.served):
        site.pages, other.pages = {"/": page(f"{other.served.url}/x")}, {"/x": page()}
        hosts = [each.served.url.removeprefix("http://") for each in (site, other)]
        declare(factory, site, scope={"hosts": hosts}, headers={"X-Api-Key": "${SITE_KEY}"})
        assert factory.collect().live == 2
    assert all(h["x-api-key"] == "s3cret" for h in site.served.headers)
    assert not any("x-api-key" in h for h in other.served.headers)


@pytest.mark.slow
def test_three_kills_at_random_ask_for_no_page_twice(factory: Factory, site: Site) -> None:
    """A tree of 121 pages, each of which also links to where others are."""
    for n in range(121):
        children = [f"/{child}" for child in (3 * n + 1, 3 * n + 2, 3 * n + 3) if child < 121]
        site.pages[f"/{n}"] = page(*children, f"/{n // 2}", f"/{(n * 7) % 121}", "/gone", "/away", title=f"Page {n}")
    site.pages |= {"/away": RedirectResponse("http://elsewhere.example/"), "/": page("/0")}
    declare(factory, site, depth=10)
    generator = random.Random(5)
    for _ in range(3):
        killed_collecting(factory.root, "pages", generator.randint(8, 35), "crawl.PIECE_BYTES=6000")
    made = factory.collect()
    assert (made.live, made.findings) == (122, {})
    assert {row["url"].removeprefix(site.served.url): row["text"] for row in factory.live().iter_rows(named=True)} == {
        path: text for path, text in site.pages.items() if isinstance(text, str)
    }
    assert Counter(site.asked).most_common(1)[0][1] == 1, "no page was asked for twice"
    assert list((factory.project.state / "partial").glob("*.crawl*")) == []


@given(st.text(max_size=200), st.sampled_from(["text/html", "text/html; charset=utf-16", "text/html; charset=nonsense"]))
def test_any_bytes_are_a_page(text: str, content_type: str) -> None:
    found = page_of("http://h.example/a", content_type, b"<a href='b?x=1#y'>" + text.encode("utf-8", "replace"), "")
    assert isinstance(found.text, str)
    assert all(link.startswith("http") for link in found.links if link in Scope(frozenset(["h.example"]), (), (), ()))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=5).flatmap(lambda q: st.tuples(st.just(q), st.permutations(q)))
)
def test_the_order_of_a_query_tells_no_pages_apart(both: tuple[list[tuple[str, int]], list[tuple[str, int]]]) -> None:
    one, other = (f"http://h.example/?{'&'.join(f'{k}={v}' for k, v in query)}" for query in both)
    assert same(one) == same(f"{other}#part")
