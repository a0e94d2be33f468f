"""A site of 400 pages: killed, gone on with, asked again with validators, and changed."""

from __future__ import annotations

from tests.loopback import free_port
from tests.reserve.test_crawl import Site, page
from tests.reserve.web_server import serving

from .session import Run, order

DECLARATION = """
source: orders
description: Pages of the shop's handbook.
owner: team:shop
license: CC0-1.0
connector:
  crawl:
    start: ["%s/"]
    depth: 30
    delay: 0             # the host is our own; by default 1 second
    retries: 0
key: [url]
"""


def make(run: Run) -> None:
    """A chain of chapters, 20 pages each."""
    site, nobody = Site(), f"http://127.0.0.1:{free_port()}"
    for chapter in range(20):
        below = [f"/{chapter}/{n}" for n in range(1, 20)]
        site.pages[f"/{chapter}"] = page(*below, *([f"/{chapter + 1}"] if chapter < 19 else []), title=f"章 {chapter}")
        site.pages |= {path: page(head=str(order(n, size=300)["text"]), title=f"节 {path}") for n, path in enumerate(below)}
    site.pages["/"] = page("/0", title="手册")
    with serving(site.served):
        run.shown |= {site.served.url: "http://127.0.0.1:8000", nobody: "http://127.0.0.1:8001"}
        run.declare(DECLARATION % site.served.url)
        run.declare(DECLARATION % nobody, shown=False)
        run.note("`start:` says http://127.0.0.1:8001/, where nobody listens")
        run.lakehouse("collect orders", code=1)
        run.declare(DECLARATION % site.served.url, shown=False)
        run.note("as declared; the site has 401 pages, and the first collection is killed")
        run.killed("collect orders", lambda: len(site.asked) >= 150, "150 pages had been asked for")
        before = len(site.asked)
        run.lakehouse("collect orders")
        twice = len(site.asked) - len(set(site.asked))
        run.exact(401, "url", sent="the site has")
        run.say(
            f"The server was asked for {before} pages before the kill, and for {len(site.asked) - before} after it; "
            f"pages that were asked for twice: {twice} (the one that was on its way)."
            if twice
            else f"The server was asked for {before} pages before the kill, and for {len(site.asked) - before} after it; none twice."
        )
        assert twice <= 1
        run.note("unchanged")
        run.lakehouse("collect orders")
        site.pages["/3/7"] = page(title="节 7, 改")
        del site.pages["/19/19"]
        run.note("one page changed, and one is gone")
        run.lakehouse("collect orders")
