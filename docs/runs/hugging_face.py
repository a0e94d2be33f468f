"""A dataset repository of a Hub: killed, gone on with, and committed to."""

from __future__ import annotations

import hashlib
import io

import polars as pl

from tests.delivery.release.hub_server import TOKEN, Commit, Hub, Repo, hub_server

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as acme publishes them.
owner: team:shop
license: CC0-1.0
connector:
  hugging_face:
    repo: acme/orders
    match: ["data/train-*.parquet"]
    endpoint: "%s"        # a Hub of our own; by default huggingface.co
    token: "${HF_TOKEN}"
key: [id]
"""


def make(run: Run) -> None:
    """20,000 orders in 20 files."""
    with hub_server() as hub:
        run.shown[hub.url] = "http://127.0.0.1:8000"
        files = {f"data/train-{n:02}.parquet": _parquet(n * 1000, 1000) for n in range(20)}
        _commit(hub, {**files, "README.md": b"# Orders\n"})
        run.declare(DECLARATION % hub.url)
        run.lakehouse("collect orders", code=1, HF_TOKEN="wrong")
        run.variables["HF_TOKEN"] = TOKEN
        run.note("with the right token; the commit has 20,000 rows in 20 files, and the first collection is killed")
        run.killed("collect orders", run.landed(8), "8 files had landed")
        before = _sent(hub)
        run.lakehouse("collect orders")
        run.exact(20_000, "id", sent="the commit has")
        run.say(f"The Hub was asked for {before} files before the kill, and for {_sent(hub) - before} after it.")
        run.note("unchanged: the branch names the same commit")
        hub.requests.clear()
        run.lakehouse("collect orders")
        _commit(hub, {**files, "data/train-20.parquet": _parquet(20_000, 5)})
        run.note("another commit, with one more file")
        run.lakehouse("collect orders")
        run.say(f"For these two collections the Hub was asked for {_sent(hub)} file.")
        assert _sent(hub) == 1
        run.declare((DECLARATION % hub.url).replace("acme/orders", "acme/order"), shown=False)
        run.note("`repo:` says acme/order")
        run.lakehouse("collect orders", code=1)


def _parquet(first: int, count: int) -> bytes:
    out = io.BytesIO()
    pl.DataFrame([order(n, size=4) for n in range(first, first + count)]).write_parquet(out)
    return out.getvalue()


def _commit(hub: Hub, files: dict[str, bytes]) -> None:
    repo = hub.repos.setdefault("acme/orders", Repo(False, []))
    repo.commits.append(Commit(hashlib.sha1(f"{len(repo.commits)}".encode()).hexdigest(), "more", files))


def _sent(hub: Hub) -> int:
    return len({request for request in hub.requests if "/resolve/" in request})
