"""Brokers on loopback, where Debian's packages are: mosquitto, NATS with JetStream and Redis with a password, and librdkafka's own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import free_port, listening

PASSWORD = "s3cret"
"""Of the user `shop`."""
NATS = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """The port of an MQTT broker; the test is skipped where mosquitto is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("NO MQTT: mosquitto is not installed, no message was read")
    port = free_port()
    (folder / "passwords").write_text(f"shop:{PASSWORD}\n")
    subprocess.run(["mosquitto_passwd", "-U", str(folder / "passwords")], check=True, capture_output=True)
    lines = [f"listener {port} 127.0.0.1", f"password_file {folder / 'passwords'}"]
    lines += ["allow_anonymous false", "user root", "log_dest none", "max_queued_messages 100000"]
    (folder / "conf").write_text("\n".join(lines) + "\n")
    with listening(port, program, "-c", folder / "conf"):
        yield port


def publish(port: int, topic: str, messages: list[bytes], retain: bool = False) -> None:
    """Send messages to the MQTT broker, with QoS 1."""
    paho = pytest.importorskip("paho.mqtt.client")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.username_pw_set("shop", PASSWORD)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for sent in [client.publish(topic, message, qos=1, retain=retain) for message in messages]:
        sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


@contextmanager
def nats_server(folder: Path) -> Iterator[int]:
    """The port of a server with JetStream; the test is skipped where nats-server is not installed."""
    if NATS is None:
        pytest.skip("NO NATS: nats-server is not installed, no message was read")
    port = free_port()
    command = [NATS, "-js", "-a", "127.0.0.1", "-p", port, "-sd", folder, "--user", "shop", "--pass", PASSWORD]
    with listening(port, *command):
        yield port


def jetstream(port: int, do: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run something with JetStream."""
    nats = pytest.importorskip("nats")

    async def connected() -> Any:
        client = await nats.connect(f"nats://shop:{PASSWORD}@127.0.0.1:{port}")
        try:
            return await do(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(connected())


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """The port of a Redis server; the test is skipped where redis-server is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("NO REDIS: redis-server is not installed, no entry was read")
    port = free_port()
    with listening(port, program, "--port", port, "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", "", "--dir", folder):
        yield port


def kafka_brokers() -> tuple[str, Callable[..., None]]:
    """The address of librdkafka's mock brokers with the topic `orders` of four partitions, and what sends to it; they end with it."""
    confluent_kafka = pytest.importorskip("confluent_kafka", reason="THE EXTRA kafka IS NOT INSTALLED: no message was read")
    producer = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = producer.list_topics("orders", timeout=30).brokers.values()

    def send(*values: Any, **about: Any) -> None:
        for value in values:
            data = value if isinstance(value, bytes | None) else json.dumps(value, ensure_ascii=False).encode()
            producer.produce("orders", data, **about)
        assert producer.flush(30) == 0

    return ",".join(f"{broker.host}:{broker.port}" for broker in brokers), send
