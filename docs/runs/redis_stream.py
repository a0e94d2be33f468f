"""A Redis stream: killed, gone on with, and entries that were trimmed before they were collected."""

from __future__ import annotations

import tempfile
from pathlib import Path

import redis

from tests.reserve.brokers import PASSWORD, redis_server

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as the shop adds them.
owner: team:shop
license: CC0-1.0
connector:
  redis_stream:
    url: "redis://:${REDIS_PASSWORD}@127.0.0.1:%d/0"
    stream: orders
key: [entry]
"""


def make(run: Run) -> None:
    """40,000 entries."""
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(Path(folder)) as port,
        redis.Redis.from_url(f"redis://:{PASSWORD}@127.0.0.1:{port}") as client,
    ):
        run.shown[f"127.0.0.1:{port}"] = "127.0.0.1:6379"
        _add(client, 0, 40_000)
        run.declare(DECLARATION % port)
        run.lakehouse("collect orders", code=1, REDIS_PASSWORD="wrong")
        run.variables["REDIS_PASSWORD"] = PASSWORD
        run.note("with the right password; the stream has 40,000 entries, and the first collection is killed")
        run.killed("collect orders", run.landed(1), "a piece had landed")
        run.lakehouse("collect orders")
        run.exact(40_000, "entry", sent="the stream has")
        run.note("unchanged")
        run.lakehouse("collect orders")
        _add(client, 40_000, 3)
        run.note("3 entries came")
        run.lakehouse("collect orders")
        _add(client, 40_003, 10)
        client.xtrim("orders", maxlen=4, approximate=False)
        run.note("10 entries came, and the stream was trimmed to 4 before they were collected")
        run.lakehouse("collect orders", code=1)


def _add(client: redis.Redis, first: int, count: int) -> None:
    with client.pipeline(transaction=False) as pipe:
        for n in range(first, first + count):
            pipe.xadd("orders", order(n, size=4))
        pipe.execute()
