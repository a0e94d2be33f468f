"""Messages of an MQTT broker: what came while the source was away, each once, whatever is killed; against a real broker."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.reserve.connectors import mqtt as module

from .brokers import mosquitto
from .brokers import publish as send
from .conftest import Factory, killed_collecting

paho = pytest.importorskip("paho.mqtt.client", reason="THE EXTRA mqtt IS NOT INSTALLED: no message was read")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A broker with a password."""
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as port:
        yield port


@pytest.fixture
def source(factory: Factory, port: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A declaration whose client and topics are those of one test."""
    monkeypatch.setenv("MQTT_PASSWORD", "s3cret")
    name = request.node.name[:60].replace("[", "-").rstrip("]")
    given = {"url": f"mqtt://shop:${{MQTT_PASSWORD}}@127.0.0.1:{port}", "topics": [f"{name}/+/orders"], "client": name, "idle": 0.4}
    declare(factory, given)
    return given


def declare(factory: Factory, given: dict[str, Any], **changes: Any) -> None:
    factory.declare(connector={"mqtt": {**given, **changes}}, key=["message"])


def orders(first: int, count: int) -> list[bytes]:
    return [json.dumps({"id": n, "text": f"订单 {n}"}).encode() for n in range(first, first + count)]


def subscribe(factory: Factory) -> None:
    """The first collection: nothing was published yet."""
    with pytest.raises(SourceError, match="yields no item"):
        factory.collect()


def test_what_was_published_while_the_source_was_away_comes_once(factory: Factory, port: int, source: dict[str, Any]) -> None:
    subscribe(factory)
    topic = source["topics"][0].replace("+", "east")
    send(port, topic, orders(0, 300))
    first = factory.collect()
    assert (first.added, first.findings) == (300, {})
    rows = factory.live().sort(factory.live()["id"].cast(int))
    assert rows["text"].to_list() == [f"订单 {n}" for n in range(300)]
    assert set(rows["topic"]) == {topic}
    assert factory.collect().unchanged
    send(port, topic.replace("east", "west"), orders(300, 5))
    send(port, topic + "/other", orders(900, 5))
    declare(factory, source, max_messages=2)
    assert factory.collect().added == 2
    declare(factory, source)
    assert (factory.collect().added, factory.collect().live) == (3, 305)
    assert not any(b"s3cret" in file.read_bytes() for file in factory.root.rglob("*") if file.is_file())


def test_a_broken_message_costs_itself(factory: Factory, port: int, source: dict[str, Any]) -> None:
    subscribe(factory)
    topic = source["topics"][0].replace("+", "a")
    send(port, topic, [*orders(0, 2), b'{"id":\n 1,', b"\xff", b"[1]", b'{"id":\n 2}'])
    made = factory.collect()
    assert (made.live, sum(made.findings.values())) == (6, 3)


def test_text_is_kept_as_it_is_and_what_the_broker_retains_comes_once(factory: Factory, port: int, source: dict[str, Any]) -> None:
    declare(factory, source, payload="text")
    send(port, source["topics"][0].replace("+", "a"), ["一\n二".encode()], retain=True)
    factory.collect()
    assert factory.live()["text"].to_list() == ["一\n二"]
    assert factory.collect().unchanged


def test_a_forgotten_session_is_told_until_it_is_accepted(factory: Factory, port: int, source: dict[str, Any]) -> None:
    subscribe(factory)
    topic = source["topics"][0].replace("+", "a")
    send(port, topic, orders(0, 3))
    factory.collect()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, source["client"], clean_session=True)
    client.username_pw_set("shop", "s3cret")
    client.connect("127.0.0.1", port)
    client.loop(1)
    client.disconnect()
    for _ in range(2):
        with pytest.raises(SourceError, match=r"no longer knows this source(.|\n)*on_gap: continue"):
            factory.collect()
    declare(factory, source, on_gap="continue")
    assert factory.collect().unchanged
    declare(factory, source)
    send(port, topic, orders(3, 2))
    assert factory.collect().live == 5


def test_what_goes_wrong_is_one_message_without_the_password(
    factory: Factory, port: int, source: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(factory, source, url="mqtt://shop:${MQTT_PASSWORD}@127.0.0.1:9")
    with pytest.raises(SourceError, match=r"127.0.0.1:9: cannot be reached: (.|\n)*refused"):
        factory.collect()
    monkeypatch.setenv("MQTT_PASSWORD", "wr0ng")
    declare(factory, source)
    with pytest.raises(SourceError, match="the broker refuses: Not authorized") as caught:
        factory.collect()
    assert "wr0ng" not in str(caught.value)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the extra `mqtt`"):
        factory.collect()


def test_a_topic_that_the_broker_refuses_is_told() -> None:
    """Mosquitto grants every topic and sends nothing; other brokers say no, in the reason code of MQTT 5."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    about = module.mqtt("mqtt://host", ["a", "b"])
    session = module._Session(about, None, lambda *given: None)  # type: ignore[arg-type]
    codes = [ReasonCode(PacketTypes.SUBACK, "Granted QoS 1"), ReasonCode(PacketTypes.SUBACK, "Not authorized")]
    with pytest.raises(SourceError, match="host: the broker refuses the topic `b`: Not authorized"):
        session._granted(None, None, 1, codes, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "mqtt://shop:s3cret@host"}, "`url` has a password in it"),
        ({"url": "http://host"}, "is no address of a broker"),
        ({"topics": ["a/#/b"]}, "`a/#/b` is no topic filter"),
        ({"topics": ["a+/b"]}, r"`a\+/b` is no topic filter"),
    ],
    ids=["password", "scheme", "hash", "plus"],
)
def test_a_mistake_in_the_declaration_is_told(factory: Factory, changes: dict[str, Any], words: str) -> None:
    declare(factory, {"url": "mqtt://host", "topics": ["a"]}, **changes)
    with pytest.raises(SpecError, match=words):
        factory.collect()


def test_three_kills_between_landing_and_acknowledging_neither_lose_nor_double_a_message(
    factory: Factory, port: int, source: dict[str, Any]
) -> None:
    subscribe(factory)
    sent = orders(0, 600)
    send(port, source["topics"][0].replace("+", "a"), [*sent, *sent[:50]])
    generator = random.Random(5)
    for _ in range(3):
        killed_collecting(factory.root, "messages", generator.randint(2, 5), "mqtt._AT_ONCE=40")
    made = factory.collect()
    assert (made.added, made.findings) == (650, {}), "what was published twice is two messages"
    assert sorted(int(n) for n in factory.live()["id"]) == sorted([*range(600), *range(50)])
    assert sorted(int(n) for n in factory.live()["message"]) == list(range(1, 651))
