"""Messages of a topic: from where the last collection ended, each once, whatever is killed; against librdkafka's own brokers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from lakehouse.core.errors import FactoryError, MissingExtraError, SourceError
from lakehouse.reserve.connectors import kafka as module

from .brokers import kafka_brokers
from .conftest import Factory, killed_collecting

pytestmark = pytest.mark.slow

Send = Callable[..., None]


@pytest.fixture
def topic() -> tuple[str, Send]:
    """The address of brokers with the topic `orders` of four partitions, and what sends to it."""
    return kafka_brokers()


def declare(factory: Factory, brokers: str, key: list[str] | None = None, **changes: Any) -> None:
    factory.declare(connector={"kafka": {"brokers": brokers, "topic": "orders", **changes}}, key=key or ["partition", "offset"])


def orders(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"订单 {n}"} for n in range(first, first + count)]


def test_every_message_is_an_item_and_only_new_ones_are_read(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, send = topic
    declare(factory, brokers)
    send(*orders(0, 30))
    first = factory.collect()
    assert (first.added, first.findings) == (30, {})
    assert sorted(factory.live()["id"]) == list(range(30))
    assert factory.live().select("partition", "offset", "timestamp", "text").null_count().sum_horizontal().item() == 0
    assert factory.collect().unchanged
    send(*orders(30, 5))
    second = factory.collect()
    assert (second.added, second.changed, second.vanished, second.live) == (5, 0, 0, 35)


def test_with_a_field_as_key_an_item_is_what_was_said_of_it_last(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, send = topic
    declare(factory, brokers, key=["id"])
    send(*orders(0, 3), {"id": 1, "text": "改"}, partition=0)
    assert factory.collect().live == 3
    send({"id": 2, "text": "再改"}, partition=0)
    made = factory.collect()
    assert (made.added, made.changed, made.live) == (0, 1, 3)
    assert dict(factory.live().select("id", "text").rows()) == {0: "订单 0", 1: "改", 2: "再改"}


def test_a_message_that_is_no_json_costs_itself(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, send = topic
    declare(factory, brokers)
    send(*orders(0, 3), b'{"id": 3', b"[1]", b"\xff\n\x00", None, partition=0)
    made = factory.collect()
    assert made.live == 7
    assert sum(made.findings.values()) >= 3
    assert factory.live()["id"].drop_nulls().to_list() == [0, 1, 2]


def test_text_is_a_column(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, send = topic
    declare(factory, brokers, format="text")
    send("一".encode(), b"two", key=b"k")
    factory.collect()
    assert sorted(factory.live().select("text", "message_key").rows()) == [("two", "k"), ("一", "k")]


def test_messages_deleted_before_they_were_collected_are_told(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, _send = topic
    given = module.kafka(brokers=brokers, topic="orders")
    with pytest.raises(SourceError, match=r"offsets 5 to 8 of partition 2 were deleted before they were collected(.|\n)*on_gap: continue"):
        given._from(2, 5, 9, 20)  # type: ignore[attr-defined]
    with pytest.raises(SourceError, match=r"ends at offset 4, before 5(.|\n)*another topic"):
        given._from(2, 5, 0, 4)  # type: ignore[attr-defined]
    assert module.kafka(brokers=brokers, topic="orders", on_gap="continue")._from(2, 5, 9, 20) == 9  # type: ignore[attr-defined]


def test_brokers_that_are_not_there_and_a_secret_in_the_file(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("confluent_kafka")
    declare(factory, "127.0.0.1:9", timeout=1.0)
    with pytest.raises(SourceError, match=r"127.0.0.1:9/orders: (.|\n)*check `brokers:`"):
        factory.collect()
    declare(factory, "127.0.0.1:9", options={"sasl.password": "s3cret"})
    with pytest.raises(FactoryError, match=r"`options.sasl.password` is a credential"):
        factory.collect()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    declare(factory, "127.0.0.1:9")
    with pytest.raises(MissingExtraError, match=r"the extra `kafka`"):
        factory.collect()


def test_three_kills_at_random_neither_lose_nor_double_a_message(factory: Factory, topic: tuple[str, Send]) -> None:
    brokers, send = topic
    declare(factory, brokers)
    send(*orders(0, 400))
    generator = random.Random(5)
    for _ in range(3):
        killed_collecting(factory.root, "messages", generator.randint(2, 5), "kafka.PIECE_BYTES=1", "kafka._AT_ONCE=20")
    made = factory.collect()
    assert (made.added, made.findings) == (400, {})
    assert sorted(factory.live()["id"]) == list(range(400))
