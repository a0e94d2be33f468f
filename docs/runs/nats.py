"""A JetStream stream: killed, gone on with, and messages that went before they were collected."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.reserve.brokers import PASSWORD, jetstream, nats_server

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as the shop publishes them.
owner: team:shop
license: CC0-1.0
connector:
  nats:
    url: "nats://shop:${NATS_PASSWORD}@127.0.0.1:%d"
    stream: orders
key: [sequence]
"""


def make(run: Run) -> None:
    """40,000 messages."""
    with tempfile.TemporaryDirectory() as folder, nats_server(Path(folder)) as port:
        run.shown[f"127.0.0.1:{port}"] = "127.0.0.1:4222"
        jetstream(port, lambda stream: stream.add_stream(name="orders", subjects=["orders.>"]))
        _publish(port, 0, 40_000)
        run.declare(DECLARATION % port)
        run.lakehouse("collect orders", code=1, NATS_PASSWORD="wrong")
        run.variables["NATS_PASSWORD"] = PASSWORD
        run.note("with the right password; the stream has 40,000 messages, and the first collection is killed")
        run.killed("collect orders", run.landed(1), "a piece had landed")
        run.lakehouse("collect orders")
        run.exact(40_000, "sequence", sent="the stream has")
        run.note("unchanged")
        run.lakehouse("collect orders")
        _publish(port, 40_000, 3)
        run.note("3 messages came")
        run.lakehouse("collect orders")
        _publish(port, 40_003, 10)
        jetstream(port, lambda stream: stream.purge_stream("orders", seq=40_009))
        run.note("10 messages came, and the stream was purged up to sequence 40008 before they were collected")
        run.lakehouse("collect orders", code=1)


def _publish(port: int, first: int, count: int) -> None:
    async def publish(stream: Any) -> None:
        for n in range(first, first + count):
            await stream.publish("orders.east", json.dumps(order(n, size=4), ensure_ascii=False).encode())

    jetstream(port, publish)
