"""`mqtt`: messages of an MQTT broker, kept for this source while it is away."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Landing, Piece, Remote, land_lines, lines_of
from lakehouse.reserve.material import RawFile, Value
from lakehouse.reserve.transport.messages import Payload, line_of
from lakehouse.reserve.transport.web import from_environment, no_password

PIECE_BYTES = 4 * 1024 * 1024
_AT_ONCE = 500
"""Messages of a piece at most, and those that the broker is asked to send before they are acknowledged; brokers have their own limits."""
_QUIET = 0.1
"""Seconds without a message after which those that came are landed: the broker may be waiting for them to be acknowledged."""
_FILTER = re.compile(r"(?:(?:\+|[^+#/]*)/)*(?:\+|#|[^+#/]*)(?<!^)")
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, kw_only=True)
class Mqtt:
    """Topics of a broker."""

    url: str
    topics: tuple[str, ...]
    payload: Payload
    client: str | None
    idle: float
    max_messages: int | None
    session_days: int
    on_gap: Literal["fail", "continue"]
    timeout: float
    set: Mapping[str, Value]

    grows = True

    @property
    def identity(self) -> str:
        """Always the same: what was collected cannot be asked for again."""
        return digest(["mqtt"])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """The messages that the broker has kept for this source, and those that come until it is silent."""
        if find_spec("paho") is None:
            raise MissingExtraError("the connector `mqtt`", "mqtt")
        session = _Session(self, landing, progress)
        try:
            session.connect()
            session.listen()
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot be reached: {error}", where=self.where, fix="check `url` and the network") from error
        finally:
            session.close()

    @property
    def where(self) -> str:
        """The broker without what may be a password."""
        return self.url.rpartition("@")[2].rpartition("://")[2]

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """JSON lines."""
        return lines_of(piece, landing, self.set)


@dataclass
class _Session:
    """One connection, in one thread: what is acknowledged is with the operating system before the next piece lands.

    Attributes:
        recent: content by packet identifier of the messages that landed last, which the broker may not know to have landed.
        held: messages to land: their lines, packet identifiers and content.
    """

    about: Mqtt
    landing: Landing
    progress: Progress
    client: Any = None
    recent: dict[str, str] = field(default_factory=dict)
    count: int = 0
    taken: int = 0
    held: list[tuple[bytes, Any, str]] = field(default_factory=list)
    size: int = 0
    heard: float = 0.0
    reply: Any = None
    subscribed: Any = None

    def connect(self) -> None:
        """Take up the session at the broker, and subscribe to the topics."""
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties
        from paho.mqtt.subscribeoptions import SubscribeOptions

        cursor = self.landing.cursor or {}
        self.recent, self.count = dict(cursor.get("recent", {})), cursor.get("count", 0)
        name = self.about.client or f"lakehouse-{self.landing.source}"
        self.client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5, manual_ack=True, reconnect_on_failure=False)
        self.client.connect_timeout = min(10.0, self.about.timeout)
        self.client.on_connect = lambda client, data, flags, code, properties: setattr(self, "reply", (code, flags))
        self.client.on_subscribe = self._granted
        self.client.on_message = self._take
        at = urlsplit(self.about.url)
        if at.username:
            self.client.username_pw_set(from_environment(unquote(at.username)), from_environment(unquote(at.password or "")))
        if at.scheme == "mqtts":
            self.client.tls_set()
        wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wanted.SessionExpiryInterval, wanted.ReceiveMaximum = self.about.session_days * 86_400, _AT_ONCE
        self.client.connect(at.hostname, at.port or _PORTS[at.scheme], clean_start=False, properties=wanted)
        self._until(lambda: self.reply is not None, "does not answer")
        code, flags = self.reply
        if code.is_failure:
            self.client = None
            raise SourceError(f"the broker refuses: {code}", where=self.about.where, fix="check the credentials in the environment")
        if not flags.session_present and self.landing.cursor is not None and self.about.on_gap == "fail":
            forget = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            forget.SessionExpiryInterval = 0  # the next collection is to get the same answer
            self.client.disconnect(properties=forget)
            raise SourceError(
                "the broker no longer knows this source: what was published since the last collection is lost",
                where=self.about.where,
                fix="`on_gap: continue` goes on without it; collect more often, or raise `session_days:` here and at the broker",
            )
        self.heard = time.monotonic()
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        self.client.subscribe([(topic, options) for topic in self.about.topics])

    def listen(self) -> None:
        """Land what comes, and acknowledge it once it has landed, until the broker is silent or enough has come."""
        while True:
            self._step(_QUIET)
            silent, enough = time.monotonic() - self.heard, self._enough()
            if self.held and (enough or silent >= _QUIET or self.size >= PIECE_BYTES or len(self.held) >= _AT_ONCE):
                self._land()
            elif enough or (silent >= self.about.idle and self.subscribed is not None):
                return
            elif silent >= self.about.timeout:
                raise self._silent("does not answer")

    def _granted(self, client: Any, data: Any, mid: int, codes: Any, properties: Any) -> None:
        self.subscribed = codes
        for topic, code in zip(self.about.topics, codes, strict=True):
            if code.is_failure:
                raise SourceError(f"the broker refuses the topic `{topic}`: {code}", where=self.about.where, fix="check `topics:`")

    def close(self) -> None:
        """Leave; the session stays at the broker."""
        if self.client is not None:
            self.client.disconnect()

    def _take(self, client: Any, data: Any, message: Any) -> None:
        from paho.mqtt.client import topic_matches_sub

        content = digest([message.topic, bytes(message.payload).hex()])[:16]
        landed = message.dup and self.recent.get(str(message.mid)) == content
        if landed or not any(topic_matches_sub(topic, message.topic) for topic in self.about.topics):
            client.ack(message.mid, message.qos)  # landed before a kill, or of a topic that is no longer declared
            return
        if self._enough():
            return  # it stays at the broker
        self.heard = time.monotonic()
        self.taken += 1
        about = {"topic": message.topic, "message": self.count + self.taken, "received_at": datetime.now(UTC).isoformat()}
        self.held.append((line_of(bytes(message.payload), about, self.about.payload), message, content))
        self.size += len(self.held[-1][0])

    def _enough(self) -> bool:
        return self.about.max_messages is not None and self.taken >= self.about.max_messages

    def _land(self) -> None:
        for _, message, content in self.held:
            self.recent.pop(str(message.mid), None)  # to the end
            self.recent |= {str(message.mid): content} if message.qos else {}
        for mid in list(self.recent)[: -2 * _AT_ONCE]:
            del self.recent[mid]
        cursor = {"count": self.count + self.taken, "recent": self.recent}
        land_lines(self.landing, f"mqtt://{self.landing.source}", [line for line, _, _ in self.held], cursor)
        self.progress(f"{self.landing.source}: messages", self.taken, self.about.max_messages)
        for _, message, _ in self.held:
            self.client.ack(message.mid, message.qos)
        self.held, self.size = [], 0
        self._until(lambda: not self.client.want_write(), "takes no acknowledgement")
        self.heard = time.monotonic()

    def _until(self, done: Any, problem: str) -> None:
        end = time.monotonic() + self.about.timeout
        while not done():
            if time.monotonic() > end:
                raise self._silent(problem)
            self._step(0.02)

    def _silent(self, problem: str) -> SourceError:
        return SourceError(f"the broker {problem} for {self.about.timeout:g} s", where=self.about.where, fix="run it again")

    def _step(self, seconds: float) -> None:
        """Read and write; a broker that ends the connection is an error unless it has just given the reason."""
        code = self.client.loop(seconds)
        if code and not (self.reply and self.reply[0].is_failure):
            from paho.mqtt.client import error_string

            reason = error_string(code).rstrip(".").lower()
            raise SourceError(f"the connection broke: {reason}", where=self.about.where, fix="run it again; nothing is lost")


@CONNECTORS.register(version=1)
def mqtt(
    url: str,
    topics: Annotated[list[str], Field(min_length=1)],
    payload: Payload = "json",
    client: Annotated[str, Field(min_length=1)] | None = None,
    idle: Annotated[float, Field(gt=0)] = 5.0,
    max_messages: Annotated[int, Field(ge=1)] | None = None,
    session_days: Annotated[int, Field(ge=1, le=40_000)] = 30,
    on_gap: Literal["fail", "continue"] = "fail",
    timeout: Annotated[float, Field(gt=0)] = 30.0,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Messages of an MQTT 5 broker, one row a message; the broker keeps for this source what is published while it is away.

    The first collection subscribes, with QoS 1 and a session that stays; each takes what was kept and what comes until the broker is
    silent. A message is acknowledged once it has landed. One that a kill left landed but not acknowledged comes again, marked as a
    duplicate, and is known by its packet identifier, topic and payload among the last 1,000. MQTT has no offsets: a message that its
    publisher sent twice is two, unless `key:` names what identifies messages. Messages published with QoS 0 need not be kept while this
    source is away, and of those published before the first collection only the retained ones come. What was collected cannot be asked for
    again.

    Rows have the fields of the message (or `text`), and `topic`, `message` (its number in this source) and `received_at`, unless it has
    such fields itself; `key: [message]` makes every message an item. The extra `mqtt` is needed.

    Args:
        url: such as `mqtts://user:${MQTT_PASSWORD}@host:8883`, or `mqtt://` without TLS; a password comes from the environment.
        topics: filters; `+` matches one level, `#` at the end all that follow.
        payload: `json` objects, whose fields are columns, or `text`.
        client: client identifier; by default `lakehouse-<source>`. Two factories that collect from one broker need different ones.
        idle: seconds without a message after which a collection ends.
        max_messages: of one collection; the others stay at the broker.
        session_days: how long the broker is asked to keep messages while this source is away.
        on_gap: when the broker has forgotten the session: `fail`, or `continue` without what was published since.
        timeout: seconds without an answer.
        set: constant columns of every row.
    """
    no_password(url)
    if urlsplit(url).scheme not in _PORTS or not urlsplit(url).hostname:
        raise SpecError(f"`url` {url.partition('://')[0]} is no address of a broker", fix="write mqtt://host:1883 or mqtts://host:8883")
    for topic in topics:
        if not _FILTER.fullmatch(topic):
            raise SpecError(f"`{topic}` is no topic filter", fix="`+` is a whole level, and `#` the last one")
    return Mqtt(
        url=url,
        topics=tuple(topics),
        payload=payload,
        client=client,
        idle=idle,
        max_messages=max_messages,
        session_days=session_days,
        on_gap=on_gap,
        timeout=timeout,
        set=set or {},
    )
