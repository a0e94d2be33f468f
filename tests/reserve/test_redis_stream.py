"""Entries of a Redis stream: from behind the last one, each once, whatever is killed; against a real server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.reserve.connectors import redis_stream as module

from .brokers import redis_server
from .conftest import Factory, killed_collecting

redis = pytest.importorskip("redis", reason="THE EXTRA redis IS NOT INSTALLED: no entry was read")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a password."""
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def client(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("REDIS_PASSWORD", "s3cret")
    with redis.Redis.from_url(f"redis://:s3cret@{address}") as made:
        made.flushall()
        yield made


def declare(factory: Factory, address: str, **changes: Any) -> None:
    given = {"url": f"redis://:${{REDIS_PASSWORD}}@{address}/0", "stream": "orders", **changes}
    factory.declare(connector={"redis_stream": given}, key=["entry"])


def send(client: Any, first: int, count: int) -> None:
    with client.pipeline() as pipe:
        for n in range(first, first + count):
            pipe.xadd("orders", {"id": n, "text": f"订单 {n}"})
        pipe.execute()


def test_every_entry_is_an_item_and_only_new_ones_are_read(factory: Factory, address: str, client: Any) -> None:
    declare(factory, address)
    send(client, 0, 2500)
    first = factory.collect()
    assert (first.added, first.findings) == (2500, {})
    assert set(factory.live()["text"]) == {f"订单 {n}" for n in range(2500)}
    assert factory.collect().unchanged
    send(client, 2500, 3)
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live) == (3, 0, 0, 2503)
    assert not any(b"s3cret" in file.read_bytes() for file in factory.root.rglob("*") if file.is_file())


def test_bytes_that_are_no_text_cost_their_entry(factory: Factory, address: str, client: Any) -> None:
    declare(factory, address)
    send(client, 0, 2)
    client.xadd("orders", {"id": 2, "text": b'\xff\n"\\'})
    made = factory.collect()
    assert (made.live, made.findings) == (3, {"invalid_utf8": 1})
    assert factory.live()["id"].drop_nulls().to_list() == ["0", "1"]


def test_entries_that_were_trimmed_are_told_unless_they_were_collected(factory: Factory, address: str, client: Any) -> None:
    declare(factory, address)
    send(client, 0, 10)
    factory.collect()
    client.xtrim("orders", maxlen=5, approximate=False)
    assert factory.collect().unchanged, "all that is gone was collected"
    assert factory.live().height == 10
    send(client, 10, 10)
    client.xtrim("orders", maxlen=5, approximate=False)
    with pytest.raises(SourceError, match=r"5 entries behind [\d-]+, the last collected one, were deleted(.|\n)*on_gap: continue"):
        factory.collect()
    declare(factory, address, on_gap="continue")
    assert factory.collect().live == 15
    declare(factory, address)
    assert factory.collect().unchanged
    (name,) = client.xrevrange("orders", count=1)[0][:1]
    send(client, 20, 2)
    client.xdel("orders", client.xrange("orders", f"({name.decode()}")[0][0])
    with pytest.raises(SourceError, match=r"entries up to [\d-]+ behind [\d-]+"):
        factory.collect()
    client.delete("orders")
    client.xadd("orders", {"id": 1}, id="1-1")
    with pytest.raises(SourceError, match=r"the stream ends at 1-1, before(.|\n)*another stream"):
        factory.collect()


def test_what_goes_wrong_is_one_message_without_the_password(
    factory: Factory, address: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(factory, address, stream="nothing")
    with pytest.raises(SourceError, match=r"#nothing: the server answers: no such key"):
        factory.collect()
    declare(factory, "127.0.0.1:9")
    with pytest.raises(SourceError, match=r"127.0.0.1:9/0#orders: the server answers: (.|\n)*refused"):
        factory.collect()
    monkeypatch.setenv("REDIS_PASSWORD", "wr0ng")
    declare(factory, address)
    with pytest.raises(SourceError, match=r"the server answers: (WRONGPASS|invalid)") as caught:
        factory.collect()
    assert "wr0ng" not in str(caught.value)
    factory.declare(connector={"redis_stream": {"url": f"redis://:s3cret@{address}", "stream": "orders"}})
    with pytest.raises(SpecError, match="`url` has a password in it"):
        factory.collect()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    declare(factory, address)
    with pytest.raises(MissingExtraError, match=r"the extra `redis`"):
        factory.collect()


def test_three_kills_at_random_neither_lose_nor_double_an_entry(factory: Factory, address: str, client: Any) -> None:
    declare(factory, address)
    send(client, 0, 1000)
    generator = random.Random(5)
    for _ in range(3):
        killed_collecting(factory.root, "entries", generator.randint(2, 6), "redis_stream.PIECE_BYTES=1", "redis_stream._AT_ONCE=50")
    made = factory.collect()
    assert (made.added, made.findings) == (1000, {})
    assert sorted(int(n) for n in factory.live()["id"]) == list(range(1000))


def test_a_stream_is_read_from_a_folder_of_its_own(tmp_path: Path, address: str, client: Any) -> None:
    """Two factories read the same stream, each all of it: the place where one is stands in its lake."""
    send(client, 0, 5)
    for name in ("one", "other"):
        factory = Factory(tmp_path / name)
        declare(factory, address)
        assert factory.collect().added == 5
