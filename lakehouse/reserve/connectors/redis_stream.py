"""`redis_stream`: entries of a Redis stream, from behind the last one that was collected to the newest as it is now."""

from __future__ import annotations

import json
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
from lakehouse.reserve.transport.web import from_environment, no_password

PIECE_BYTES = 4 * 1024 * 1024
"""Entries are landed together up to this size: what a killed collection reads again at most."""
_AT_ONCE = 1000


@dataclass(frozen=True)
class RedisStream:
    """A stream."""

    url: str
    stream: str
    on_gap: Literal["fail", "continue"]
    timeout: float
    set: Mapping[str, Value]

    grows = True

    @property
    def identity(self) -> str:
        """Over the stream's name: the same stream may move to another server."""
        return digest([self.stream])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """All entries behind the last landed one, up to the newest when it began."""
        if find_spec("redis") is None:
            raise MissingExtraError("the connector `redis_stream`", "redis")
        import redis

        given = {"socket_timeout": self.timeout, "socket_connect_timeout": min(10.0, self.timeout)}
        try:
            with redis.Redis.from_url(from_environment(self.url), **given) as client:
                self._read(client, landing, progress)
        except (redis.RedisError, ValueError) as error:
            message = str(error).splitlines()[0] if str(error) else type(error).__name__
            fix = "check `url:` and `stream:`, the credentials in the environment and the network"
            raise SourceError(f"the server answers: {message}", where=self._where, fix=fix) from error

    def _read(self, client: Any, landing: Landing, progress: Progress) -> None:
        about = client.xinfo_stream(self.stream)
        last = about["last-generated-id"].decode()
        begin = (landing.cursor or {}).get("id", "0-0")
        if _order(last) < _order(begin):
            raise SourceError(
                f"the stream ends at {last}, before {begin}, where the last collection ended: it is another stream",
                where=self._where,
                fix="declare it as a source of its own",
            )
        added, there = about.get("entries-added"), about["length"]
        seen = (landing.cursor or {}).get("added")
        if landing.cursor is not None and self.on_gap == "fail":
            self._check_gap(about, begin, seen)
        if added is not None and (seen is None or self.on_gap == "continue"):
            seen = added - there if _first(about) is None or _order(_first(about)) > _order(begin) else seen
        held: list[bytes] = []
        size, read = 0, 0
        while True:
            entries = client.xrange(self.stream, f"({begin}", last, count=_AT_ONCE)
            for name, fields in entries:
                held.append(_line(name, fields))
                size += len(held[-1])
            read += len(entries)
            seen = None if seen is None else seen + len(entries)
            if entries:
                begin = entries[-1][0].decode()
            progress(f"{landing.source}: entries", read, None)
            if held and (len(entries) < _AT_ONCE or size >= PIECE_BYTES):
                land_lines(landing, f"redis://{self.stream}", held, {"id": begin, "added": seen})
                held, size = [], 0
            if len(entries) < _AT_ONCE:
                return

    def _check_gap(self, about: Mapping[str, Any], begin: str, seen: int | None) -> None:
        """Refuse to go on where entries behind the last collected one are gone: trimmed by number or age, or deleted one by one."""
        first, deleted = _first(about), about.get("max-deleted-entry-id", b"0-0").decode()
        trimmed = 0
        if seen is not None and (first is None or _order(first) > _order(begin)):
            trimmed = about["entries-added"] - seen - about["length"]
        if trimmed > 0 or _order(deleted) > _order(begin):
            which = f"{trimmed:,} entries" if trimmed > 0 else f"entries up to {deleted}"
            raise SourceError(
                f"{which} behind {begin}, the last collected one, were deleted before they were collected",
                where=self._where,
                fix="`on_gap: continue` goes on without them; collect more often, or trim the stream later",
            )

    @property
    def _where(self) -> str:
        """Server and stream without what may be a password."""
        return f"{self.url.rpartition('@')[2]}#{self.stream}"

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """JSON lines."""
        return lines_of(piece, landing, self.set)


def _first(about: Mapping[str, Any]) -> str | None:
    """The id of the oldest entry; None where the stream is empty."""
    entry = about.get("first-entry")
    return None if entry is None else str(entry[0].decode())


def _order(name: str | None) -> tuple[int, int]:
    """Ids are `<milliseconds>-<sequence>`."""
    left, _, right = (name or "0-0").partition("-")
    return int(left), int(right or 0)


def _line(name: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    """An entry as JSON; bytes that are no UTF-8 become a broken line, which costs the entry alone."""
    row = b",".join(_text(key) + b":" + _text(value) for key, value in {b"entry": name, **fields}.items())
    return b"{" + row + b"}"


def _text(value: bytes) -> bytes:
    try:
        return json.dumps(value.decode("utf-8"), ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


@CONNECTORS.register(version=1)
def redis_stream(
    url: str,
    stream: str,
    on_gap: Literal["fail", "continue"] = "fail",
    timeout: Annotated[float, Field(gt=0)] = 30.0,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Entries of a Redis stream, one row an entry; each collection reads from behind the last one to the newest as it is then.

    The id of the last entry is kept in the lake, not in a consumer group, so that no entry is read twice or left out, whatever is killed.
    Rows have the fields of the entry as text, and `entry`, its id; `key: [entry]` makes every entry an item. The extra `redis` is needed.

    Args:
        url: such as `redis://:${REDIS_PASSWORD}@host:6379/0`; a password comes from the environment.
        stream: its key.
        on_gap: when entries were trimmed or deleted before they were collected, which a server of Redis 7 or later reports: `fail`, or
            `continue` without them.
        timeout: seconds without an answer.
        set: constant columns of every row.
    """
    no_password(url)
    return RedisStream(url, stream, on_gap, timeout, set or {})
