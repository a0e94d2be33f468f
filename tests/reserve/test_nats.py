"""Messages of a JetStream stream: from behind the last one, each once, whatever is killed; against a real server."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.reserve.connectors import nats as module
from tests.loopback import free_port, listening

from .brokers import NATS, jetstream, nats_server
from .conftest import Factory, killed_collecting

nats = pytest.importorskip("nats", reason="THE EXTRA nats IS NOT INSTALLED: no message was read")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with JetStream and a password."""
    with nats_server(tmp_path_factory.mktemp("nats")) as port:
        yield f"127.0.0.1:{port}"


Act = Callable[[Callable[[Any], Awaitable[Any]]], Any]


@pytest.fixture
def act(address: str, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Run something with JetStream; the stream `orders` is new."""
    monkeypatch.setenv("NATS_PASSWORD", "s3cret")

    def run(do: Callable[[Any], Awaitable[Any]]) -> Any:
        return jetstream(int(address.rpartition(":")[2]), do)

    async def anew(stream: Any) -> None:
        for about in await stream.streams_info():
            await stream.delete_stream(about.config.name)
        await stream.add_stream(name="orders", subjects=["orders.>"])

    run(anew)
    return run


def declare(factory: Factory, address: str, **changes: Any) -> None:
    given = {"url": f"nats://shop:${{NATS_PASSWORD}}@{address}", "stream": "orders", "timeout": 5, **changes}
    factory.declare(connector={"nats": given}, key=["sequence"])


def send(act: Act, first: int, count: int, subject: str = "orders.east") -> None:
    async def publish(stream: Any) -> None:
        for n in range(first, first + count):
            await stream.publish(subject, json.dumps({"id": n, "text": f"订单 {n}"}).encode())

    act(publish)


def test_every_message_is_an_item_and_only_new_ones_are_read(factory: Factory, address: str, act: Act) -> None:
    declare(factory, address)
    send(act, 0, 1200)
    first = factory.collect()
    assert (first.added, first.findings) == (1200, {})
    assert set(factory.live()["text"]) == {f"订单 {n}" for n in range(1200)}
    assert factory.collect().unchanged
    send(act, 1200, 3)
    act(lambda stream: stream.publish("orders.east", b'{"id":\n'))
    made = factory.collect()
    assert (made.added, made.changed, made.vanished, made.live, made.findings) == (4, 0, 0, 1204, {"malformed_json": 1})
    assert not any(b"s3cret" in file.read_bytes() for file in factory.root.rglob("*") if file.is_file())


def test_subjects_are_chosen_and_others_are_no_gap(factory: Factory, address: str, act: Act) -> None:
    declare(factory, address, subject="orders.west", payload="text")
    send(act, 0, 3, "orders.west")
    send(act, 3, 3)
    assert factory.collect().added == 3
    assert json.loads(factory.live()["text"][0])["id"] in (0, 1, 2)
    send(act, 6, 10)
    assert factory.collect().unchanged
    act(lambda stream: stream.purge_stream("orders"))
    assert factory.collect().unchanged, "all that is gone was seen"
    send(act, 16, 1, "orders.west")
    assert factory.collect().added == 1


def test_messages_that_were_deleted_are_told_unless_they_were_collected(factory: Factory, address: str, act: Act) -> None:
    declare(factory, address)
    send(act, 0, 10)
    factory.collect()
    act(lambda stream: stream.purge_stream("orders"))
    assert factory.collect().unchanged
    assert factory.live().height == 10
    send(act, 10, 10)
    act(lambda stream: stream.purge_stream("orders", keep=5))
    with pytest.raises(SourceError, match=r"messages 11 to 15 of the stream were deleted(.|\n)*on_gap: continue"):
        factory.collect()
    declare(factory, address, on_gap="continue")
    assert factory.collect().live == 15

    async def another(stream: Any) -> None:
        await stream.delete_stream("orders")
        await stream.add_stream(name="orders", subjects=["orders.>"])

    act(another)
    send(act, 0, 30)
    with pytest.raises(SourceError, match=r"the stream was made at (.|\n)*to 20(.|\n)*source of its own"):
        factory.collect()


def test_what_goes_wrong_is_one_message_without_the_password(
    factory: Factory, address: str, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(factory, address, stream="nothing")
    with pytest.raises(SourceError, match=r"#nothing: there is no such stream"):
        factory.collect()
    declare(factory, "127.0.0.1:9")
    with pytest.raises(SourceError, match=r"127.0.0.1:9#orders: the server answers: (.|\n)*(refused|Connect call failed)"):
        factory.collect()
    send(act, 0, 1)
    declare(factory, address, subject="a..b")
    with pytest.raises(SourceError, match="the server answers: "):
        factory.collect()
    monkeypatch.setenv("NATS_PASSWORD", "wr0ng")
    declare(factory, address)
    with pytest.raises(SourceError, match="the server answers: Authorization Violation") as caught:
        factory.collect()
    assert "wr0ng" not in str(caught.value)
    declare(factory, address, url=f"nats://shop:s3cret@{address}")
    with pytest.raises(SpecError, match="`url` has a password in it"):
        factory.collect()
    declare(factory, address, token="s3cret")
    with pytest.raises(SpecError, match=r"`nats\.token` is a credential"):
        factory.collect()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    declare(factory, address)
    with pytest.raises(MissingExtraError, match=r"the extra `nats`"):
        factory.collect()


def test_a_certificate_that_is_not_trusted_is_one_message_and_a_trusted_one_serves(
    factory: Factory, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NATS is not None
    given, key = self_signed(tmp_path)
    port = free_port()
    command = [NATS, "-js", "-a", "127.0.0.1", "-p", port, "-sd", tmp_path / "js", "--tls", "--tlscert", given, "--tlskey", key]
    with listening(port, *command):
        monkeypatch.setattr(module, "_CLOSING", 0.5)
        declare(factory, address, url=f"tls://127.0.0.1:{port}")
        with pytest.raises(SourceError, match=r"the server answers: (.|\n)*certificate verify failed"):
            factory.collect()
        monkeypatch.setenv("SSL_CERT_FILE", given)
        with pytest.raises(SourceError, match="there is no such stream"):
            factory.collect()


def self_signed(folder: Path) -> tuple[str, str]:
    """Files of a certificate for 127.0.0.1 and of its key."""
    now, key = datetime.now(UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(folder / "cert.pem"), str(folder / "key.pem")


def test_three_kills_at_random_neither_lose_nor_double_a_message(factory: Factory, address: str, act: Act) -> None:
    declare(factory, address)
    send(act, 0, 1000)
    generator = random.Random(5)
    for _ in range(3):
        killed_collecting(factory.root, "messages", generator.randint(2, 6), "nats.PIECE_BYTES=1", "nats._AT_ONCE=50")
    made = factory.collect()
    assert (made.added, made.findings) == (1000, {})
    assert sorted(int(n) for n in factory.live()["id"]) == list(range(1000))
