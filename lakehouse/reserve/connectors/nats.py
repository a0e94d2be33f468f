"""`nats`: messages of a NATS JetStream stream, from behind the last one that was collected to the newest as it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
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
from lakehouse.reserve.transport.web import from_environment, no_password, no_secrets

PIECE_BYTES = 4 * 1024 * 1024
"""Messages are landed together up to this size: what a killed collection reads again at most."""
_AT_ONCE = 500
_CLOSING = 5.0
"""Seconds that taking leave of the server may take."""


@dataclass(frozen=True, kw_only=True)
class Nats:
    """A stream, or the messages of it under some subjects."""

    url: str
    stream: str
    subject: str
    payload: Payload
    token: str | None
    credentials: str | None
    on_gap: Literal["fail", "continue"]
    timeout: float
    set: Mapping[str, Value]

    grows = True

    @property
    def identity(self) -> str:
        """Over stream, subject and payload: the same stream may move to another server."""
        return digest([self.stream, self.subject, self.payload])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """All messages behind the last landed one, up to the newest when it began."""
        if find_spec("nats") is None:
            raise MissingExtraError("the connector `nats`", "nats")
        asyncio.run(self._fetch(landing, progress))

    async def _fetch(self, landing: Landing, progress: Progress) -> None:
        from nats.aio.client import Client
        from nats.errors import Error
        from nats.js.errors import NotFoundError

        given: dict[str, Any] = {"servers": from_environment(self.url), "connect_timeout": min(10.0, self.timeout)}
        if self.token is not None:
            given["token"] = from_environment(self.token)
        if self.credentials is not None:
            given["user_credentials"] = from_environment(self.credentials)
        client, refusals = Client(), list[Exception]()

        async def heard(error: Exception) -> None:
            refusals.append(error)

        try:
            try:
                await client.connect(**given, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=1, error_cb=heard)
                await self._read(client.jetstream(timeout=self.timeout), landing, progress)
            finally:
                # After a handshake that failed it would wait without end for a connection that never was.
                with suppress(TimeoutError):
                    await asyncio.wait_for(client.close(), _CLOSING)
        except NotFoundError as error:
            raise SourceError("there is no such stream", where=self._where, fix="check `stream:`") from error
        except (Error, OSError, ValueError, TimeoutError) as error:
            first = refusals[0] if refusals else error
            words = str(first).removeprefix("nats: ").strip("' ") or type(first).__name__
            fix = "check `url:` and `subject:`, the credentials in the environment and the network"
            raise SourceError(f"the server answers: {words}", where=self._where, fix=fix) from error

    async def _read(self, stream: Any, landing: Landing, progress: Progress) -> None:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        about = await stream.stream_info(self.stream)
        created, last = about.created.isoformat(), about.state.last_seq
        at = (landing.cursor or {}).get("sequence", 0)
        self._check(landing.cursor, created, about.state.first_seq, last)
        if at >= last:
            return
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=at + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=max(30.0, 2 * self.timeout),
            mem_storage=True,
        )
        reader = await stream.pull_subscribe(self.subject, stream=self.stream, config=config)
        left, read = (await reader.consumer_info()).num_pending, 0
        held: list[bytes] = []
        size = 0
        while left and at < last:
            for message in await reader.fetch(_AT_ONCE, timeout=self.timeout):
                where = message.metadata
                if where.sequence.consumer != read + 1:
                    raise SourceError("messages were left out on the way", where=self._where, fix="run it again; what has come is kept")
                read, left = read + 1, where.num_pending
                if where.sequence.stream > last:
                    left = 0
                    break
                at = where.sequence.stream
                seen = {"subject": message.subject, "sequence": at, "timestamp": int(where.timestamp.timestamp() * 1000)}
                held.append(line_of(message.data, seen, self.payload))
                size += len(held[-1])
            progress(f"{landing.source}: messages", read, None)
            done = not left or at >= last
            if held and (done or size >= PIECE_BYTES):
                cursor = {"sequence": last if done else at, "created": created}
                land_lines(landing, f"nats://{self.stream}", held, cursor)
                held, size = [], 0
        if not read:
            landing.past({"sequence": last, "created": created})

    def _check(self, cursor: Mapping[str, Any] | None, created: str, first: int, last: int) -> None:
        """Refuse to go on in another stream, or where messages behind the last collected one are gone."""
        if cursor is None:
            return
        at = cursor["sequence"]
        if created != cursor["created"] or last < at:
            raise SourceError(
                f"the stream was made at {created} and ends at {last}; the one that was collected was made at {cursor['created']}, to {at}",
                where=self._where,
                fix="declare it as a source of its own",
            )
        if first > at + 1 and self.on_gap == "fail":
            raise SourceError(
                f"messages {at + 1} to {first - 1} of the stream were deleted before they were collected",
                where=self._where,
                fix="`on_gap: continue` goes on without them; collect more often, or keep messages longer",
            )

    @property
    def _where(self) -> str:
        """Server and stream without what may be a password."""
        return f"{self.url.rpartition('@')[2]}#{self.stream}"

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """JSON lines."""
        return lines_of(piece, landing, self.set)


@CONNECTORS.register(version=1)
def nats(
    url: str,
    stream: str,
    subject: str = ">",
    payload: Payload = "json",
    token: str | None = None,
    credentials: str | None = None,
    on_gap: Literal["fail", "continue"] = "fail",
    timeout: Annotated[float, Field(gt=0)] = 30.0,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Messages of a NATS JetStream stream, one row a message; each collection reads from behind the last one to the newest as it is then.

    The sequence of the last message is kept in the lake, not in a durable consumer, so that no message is read twice or left out, whatever
    is killed. Messages that are deleted one by one in the middle of a stream (also by `max_msgs_per_subject`) are not missed; a stream
    that keeps messages only until they are consumed (work queue) cannot be read so. Rows have the fields of the message (or `text`), and
    `subject`, `sequence`, `timestamp` (milliseconds), unless it has such fields itself; `key: [sequence]` makes every message an item. The
    extra `nats` is needed.

    Args:
        url: such as `nats://user:${NATS_PASSWORD}@host:4222`, or `tls://`; a password comes from the environment.
        stream: its name.
        subject: which subjects of it; `*` matches one part, `>` at the end all that follow.
        payload: `json` objects, whose fields are columns, or `text`.
        token: such as `${NATS_TOKEN}`.
        credentials: path of a file of credentials (JWT and key), such as `${NATS_CREDS}`.
        on_gap: when messages were deleted before they were collected: `fail`, or `continue` without them.
        timeout: seconds without an answer.
        set: constant columns of every row.
    """
    no_password(url)
    no_secrets({"token": token} if token is not None else {}, "nats")
    return Nats(
        url=url,
        stream=stream,
        subject=subject,
        payload=payload,
        token=token,
        credentials=credentials,
        on_gap=on_gap,
        timeout=timeout,
        set=set or {},
    )
