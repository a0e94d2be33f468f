"""`kafka`: messages of a topic, from where the last collection ended to the end as it is now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import Field

from lakehouse.core.errors import MissingExtraError, SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Landing, Piece, Remote, land_lines, lines_of
from lakehouse.reserve.material import RawFile, Value
from lakehouse.reserve.transport.messages import Payload, line_of
from lakehouse.reserve.transport.web import from_environment, no_secrets

PIECE_BYTES = 4 * 1024 * 1024
"""Messages are landed together up to this size: what a killed collection reads again at most."""
_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """A topic."""

    brokers: str
    topic: str
    format: Payload
    options: Mapping[str, str]
    on_gap: Literal["fail", "continue"]
    timeout: float
    set: Mapping[str, Value]

    grows = True

    @property
    def identity(self) -> str:
        """Over topic and format: the same topic may move to other brokers."""
        return digest([self.topic, self.format])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """All messages between the offsets of the last piece and those that were the ends when it began."""
        if find_spec("confluent_kafka") is None:
            raise MissingExtraError("the connector `kafka`", "kafka")
        from confluent_kafka import Consumer, KafkaException

        fixed = {"bootstrap.servers": self.brokers, "group.id": "lakehouse", "enable.auto.commit": False, "enable.partition.eof": True}
        try:
            consumer = Consumer({"log_level": 0, **{n: from_environment(v) for n, v in self.options.items()}, **fixed})
        except KafkaException as error:
            raise self._refused(error) from error
        try:
            self._read(consumer, landing, progress)
        except KafkaException as error:
            raise self._refused(error) from error
        finally:
            consumer.close()

    def _read(self, consumer: Any, landing: Landing, progress: Progress) -> None:
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        at: dict[str, int] = dict(landing.cursor or {})
        ends: dict[int, int] = {}
        about = consumer.list_topics(self.topic, timeout=self.timeout).topics[self.topic]
        if about.error is not None:
            raise KafkaException(about.error)
        for number in sorted(about.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=self.timeout)
            begin = self._from(number, at.get(str(number)), low, high)
            at[str(number)] = begin
            if begin < high:
                ends[number] = high
        if not ends:
            return
        consumer.assign([TopicPartition(self.topic, number, at[str(number)]) for number in ends])
        total, read = sum(high - at[str(number)] for number, high in ends.items()), 0
        held: list[bytes] = []
        size, heard = 0, time.monotonic()
        while ends:
            messages = consumer.consume(_AT_ONCE, timeout=1.0)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > self.timeout:
                raise SourceError(f"no message of topic {self.topic} came for {self.timeout:g} s", where=self.brokers, fix="run it again")
            for message in messages:
                number = message.partition()
                if message.error() is not None:
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(message.error())
                    ends.pop(number, None)
                elif number in ends and message.offset() < ends[number]:
                    held.append(self._line(message))
                    size += len(held[-1])
                    read += 1
                    at[str(number)] = message.offset() + 1
                    if message.offset() + 1 >= ends[number]:
                        del ends[number]
            progress(f"{landing.source}: messages", read, total)
            if held and (not ends or size >= PIECE_BYTES):
                land_lines(landing, f"kafka://{self.topic}", held, at)
                held, size = [], 0

    def _from(self, number: int, at: int | None, low: int, high: int) -> int:
        if at is None:
            return low
        where = f"{self.brokers}/{self.topic}"
        if at > high:
            raise SourceError(
                f"partition {number} ends at offset {high}, before {at}, where the last collection ended: it is another topic",
                where=where,
                fix="declare it as a source of its own",
            )
        if at < low and self.on_gap == "fail":
            raise SourceError(
                f"offsets {at} to {low - 1} of partition {number} were deleted before they were collected",
                where=where,
                fix="`on_gap: continue` goes on without them; collect more often, or keep messages longer",
            )
        return max(at, low)

    def _line(self, message: Any) -> bytes:
        """A message with where it stood."""
        key = message.key()
        about = {"partition": message.partition(), "offset": message.offset(), "timestamp": message.timestamp()[1]}
        about["message_key"] = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
        return line_of(message.value(), about, self.format)

    def _refused(self, error: Any) -> SourceError:
        fault = error.args[0]
        words = fault.str() if hasattr(fault, "str") else str(fault)
        return SourceError(
            f"{words}", where=f"{self.brokers}/{self.topic}", fix="check `brokers:`, `topic:` and `options:`, and the network"
        )

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """JSON lines."""
        return lines_of(piece, landing, self.set)


@CONNECTORS.register(version=1)
def kafka(
    brokers: str,
    topic: str,
    format: Payload = "json",
    options: dict[str, str] | None = None,
    on_gap: Literal["fail", "continue"] = "fail",
    timeout: Annotated[float, Field(gt=0)] = 30.0,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Messages of a Kafka topic, one row a message; each collection reads from where the last one ended to the end as it is then.

    The lake keeps the offsets, not the brokers, so that no message is read twice or left out, whatever is killed. Rows have the fields of
    the message (or `text`), and `partition`, `offset`, `timestamp` (milliseconds) and `message_key`, unless it has such fields itself. With
    `key: [partition, offset]` every message is an item; with a field of the message, an item is its last message. The extra
    `kafka` is needed.

    Args:
        brokers: `host:port`, several with commas.
        topic: its name.
        format: `json` objects, whose fields are columns, or `text`.
        options: of librdkafka, such as `{security.protocol: SASL_SSL, sasl.password: "${KAFKA_PASSWORD}"}`; a credential comes from the
            environment.
        on_gap: when messages were deleted before they were collected: `fail`, or `continue` without them.
        timeout: seconds without a message or an answer.
        set: constant columns of every row.
    """
    no_secrets(options or {}, "options")
    return Kafka(brokers=brokers, topic=topic, format=format, options=options or {}, on_gap=on_gap, timeout=timeout, set=set or {})
