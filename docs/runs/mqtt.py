"""Topics of mosquitto: subscribed, killed between landing and acknowledging, and gone on with."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.reserve.brokers import PASSWORD, mosquitto, publish

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as tills publish them.
owner: team:shop
license: CC0-1.0
connector:
  mqtt:
    url: "mqtt://shop:${MQTT_PASSWORD}@127.0.0.1:%d"
    topics: ["shop/+/orders"]
    idle: 2
key: [message]
"""


def make(run: Run) -> None:
    """20,000 messages."""
    with tempfile.TemporaryDirectory() as folder, mosquitto(Path(folder)) as port:
        run.shown[f"127.0.0.1:{port}"] = "127.0.0.1:1883"
        run.declare(DECLARATION % port)
        run.lakehouse("collect orders", code=1)
        run.lakehouse("collect orders", code=1, MQTT_PASSWORD="wrong")
        run.variables["MQTT_PASSWORD"] = PASSWORD
        run.note("with the right password: the first collection subscribes, and nothing was published yet")
        run.lakehouse("collect orders", code=1)
        messages = [json.dumps(order(n, size=6), ensure_ascii=False).encode() for n in range(20_000)]
        publish(port, "shop/east/orders", messages)
        run.note("20,000 messages were published meanwhile; the next collection is killed")
        run.killed("collect orders", run.landed(9), "pieces had landed")
        run.lakehouse("collect orders")
        run.exact(20_000, "id", sent="were published")
        run.note("nothing was published")
        run.lakehouse("collect orders")
        publish(port, "shop/west/orders", [*messages[:1], b"{broken"])
        run.note("one message that had been published before was published again, and one that is no JSON")
        run.lakehouse("collect orders")
