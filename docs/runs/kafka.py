"""A topic of four partitions, of librdkafka's own brokers: killed and gone on with."""

from __future__ import annotations

from tests.loopback import free_port
from tests.reserve.brokers import kafka_brokers

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as the shop publishes them.
owner: team:shop
license: CC0-1.0
connector:
  kafka:
    brokers: "%s"
    topic: orders
    timeout: 5
key: [partition, offset]
"""


def make(run: Run) -> None:
    """40,000 messages."""
    brokers, send = kafka_brokers()
    nobody = f"127.0.0.1:{free_port()}"
    run.shown |= {brokers: "127.0.0.1:9092", nobody: "127.0.0.1:9093"}
    run.declare(DECLARATION % brokers)
    run.declare(DECLARATION % nobody, shown=False)
    run.note("`brokers:` says 127.0.0.1:9093, where nobody listens")
    run.lakehouse("collect orders", code=1)
    run.declare(DECLARATION % brokers, shown=False)
    for first in range(0, 40_000, 10_000):
        send(*(order(n, size=4) for n in range(first, first + 10_000)))
    run.note("as declared; the topic has 40,000 messages in four partitions, and the first collection is killed")
    run.killed("collect orders", run.landed(1), "a piece had landed")
    run.lakehouse("collect orders")
    run.exact(40_000, "partition", "offset", sent="the topic has")
    run.note("unchanged")
    run.lakehouse("collect orders")
    send(order(40_000), b"{broken")
    run.note("2 messages came, one of which is no JSON")
    run.lakehouse("collect orders")
