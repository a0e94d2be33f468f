"""`crawl`: pages of web sites, from their links and sitemaps, within a scope and at a polite pace."""

from __future__ import annotations

import io
import json
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import polars as pl
from pydantic import Field

from lakehouse.core.errors import MissingExtraError, SourceError, SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.lake.store import storage_error
from lakehouse.core.runs.progress import Progress
from lakehouse.core.spec import Model
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import Options, RawFile, Value
from lakehouse.reserve.transport.crawling import Kind, Robots, Scope, absolute, judged, same, sitemap
from lakehouse.reserve.transport.web import Web, no_secrets

PIECE_BYTES = 4 * 1024 * 1024
"""Pages are landed together from this size on; until then they are noted on this machine."""
_COLUMNS = pl.Schema(
    {
        "url": pl.String(),
        "status": pl.Int64(),
        "media_type": pl.String(),
        "fetched_at": pl.Datetime("us", "UTC"),
        "title": pl.String(),
        "text": pl.String(),
        "body": pl.Binary(),
        "links": pl.String(),
    }
)


class Sites(Model):
    """The scope of the crawl: the addresses that belong to it.

    Attributes:
        hosts: with their port, unless it is the usual one; by default those of `start`.
        prefixes: of paths, such as `/docs/`.
        include: regular expressions, one of which an address must match.
        exclude: regular expressions, none of which an address may match.
    """

    hosts: list[str] = Field(default_factory=list)
    prefixes: list[str] = Field(default_factory=list)
    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Crawl:
    """A crawl."""

    start: tuple[str, ...]
    sitemaps: tuple[str, ...]
    scope: Scope
    depth: int
    max_pages: int
    max_failures: int
    keep: tuple[Kind, ...]
    delay: float
    obey: bool
    agent: str
    headers: Mapping[str, str]
    web: Mapping[str, Any]
    max_bytes: int
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over what decides which pages are asked for and kept."""
        scope = [
            sorted(self.scope.hosts),
            self.scope.prefixes,
            [[p.pattern for p in ps] for ps in (self.scope.include, self.scope.exclude)],
        ]
        return digest([self.start, self.sitemaps, scope, self.depth, self.max_pages, self.keep, self.obey, self.agent, self.max_bytes])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Level after level of links; what was asked for in this pass is not asked for again."""
        if any(find_spec(name) is None for name in ("protego", "w3lib", "parsel")):
            raise MissingExtraError("the connector `crawl`", "crawl")
        try:
            with ExitStack() as stack:
                agent = {"User-Agent": self.agent}
                own = stack.enter_context(Web({**self.headers, **agent}, **self.web))
                _Pass(self, landing, progress, own, stack.enter_context(Web(agent, **self.web))).run()
        except OSError as error:
            raise storage_error(error, str(landing.project.state)) from error

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """Parquet."""
        return RawFile(
            uri=piece.uri,
            name=piece.name,
            open=partial(landing.open, piece),
            format="parquet",
            options=Options(),
            set=self.set,
            digest=piece.blob,
        )


@dataclass
class _Pass:
    """One pass under way.

    Attributes:
        own: asks the hosts of `start`, with the declared headers; `others` asks those of other hosts.
        visits: what was asked for and has not landed: address, depth, validators, the row or why there is none, and the links of what has
            no row. The same is in a file of this machine, line by line, so that a kill costs no answer that came.
        found: keys of the addresses that were found, `visited` of those that were asked for.
        queues: addresses to ask for, by depth and host.
        before: the rows of the last whole pass: piece, place in it, validators.
    """

    about: Crawl
    landing: Landing
    progress: Progress
    own: Web
    others: Web
    visits: list[dict[str, Any]] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    visited: set[str] = field(default_factory=set)
    queues: dict[int, dict[str, deque[str]]] = field(default_factory=lambda: defaultdict(dict))
    failures: int = 0
    last: str = ""
    why: Counter[str] = field(default_factory=Counter)
    size: int = 0
    ready: dict[str, float] = field(default_factory=dict)
    before: dict[str, tuple[Piece, int, dict[str, Any]]] = field(default_factory=dict)
    _opened: tuple[str, pl.DataFrame] = ("", pl.DataFrame())

    def run(self) -> None:
        """From where the pass is to its end."""
        self.robots = Robots(self.about.agent, self._small, self.about.obey)
        for piece in self.landing.before:
            rows = (visit for visit in piece.cursor["visits"] if "why" not in visit)
            self.before |= {same(visit["url"]): (piece, at, visit) for at, visit in enumerate(rows)}
        for url in self.about.start:
            self._find(url, 0)
        self._take_up()
        self._sitemaps()
        for depth in range(self.about.depth + 1):
            self._level(depth)
        self._land()
        self._file.unlink(missing_ok=True)
        if not self.landing.pieces:
            why = ", ".join(f"{what} ({count})" for what, count in self.why.most_common(5)) or "nothing was found"
            why += f"; the last failure: {self.last}" if self.last else ""
            raise SourceError(f"no page is kept: {why}", where=self.about.start[0], fix="check `start:`, `scope:` and `keep:`")

    @property
    def _file(self) -> Path:
        folder = self.landing.project.state / "partial"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{digest([self.landing.source, self.about.identity, [piece.blob for piece in self.landing.before]])[:32]}.crawl"

    def _take_up(self) -> None:
        """The addresses requested before, in that order."""
        for piece in self.landing.pieces:
            rows = iter(self._rows_of(piece)["links"].to_list())
            for visit in piece.cursor["visits"]:
                self._note(visit, json.loads(next(rows)) if "why" not in visit else visit["links"])
        if not self._file.exists():
            return
        lines = self._file.read_bytes().split(b"\n")[:-1]  # a line that a kill cut short is asked for again
        for line in lines:
            visit = json.loads(line)
            if same(visit["url"]) not in self.visited:
                self._keep(visit)
        self._write(b"".join(line + b"\n" for line in map(_line, self.visits)))

    def _sitemaps(self) -> None:
        for place in self.about.sitemaps:
            places = [place] if place != "robots" else [s for url in self.about.start[:1] for s in self.robots.sitemaps(url)]
            for each in places:
                for url in sitemap(each, self._small):
                    self._find(url, 0)

    def _level(self, depth: int) -> None:
        """Ask for all pages of a depth, host by host as each is ready."""
        hosts = self.queues[depth]
        while hosts and len(self.visited) < self.about.max_pages:
            host = min(hosts, key=lambda name: self.ready.get(name, 0.0))
            url = hosts[host].popleft()
            if same(url) not in self.visited:
                self._keep(self._visit(url, depth), write=True)
                self.progress(f"{self.landing.source}: pages", len(self.visited), None)
            if not hosts[host]:
                del hosts[host]
            if self.size >= PIECE_BYTES:
                self._land()

    def _find(self, url: str, depth: int) -> None:
        if depth <= self.about.depth and url in self.about.scope and (key := same(url)) not in self.found:
            self.found.add(key)
            self.queues[depth].setdefault(urlsplit(url).netloc, deque()).append(url)

    def _note(self, visit: Mapping[str, Any], links: list[str]) -> None:
        self.visited.add(same(visit["url"]))
        self.failures += visit.get("failed", False)
        if "why" in visit:
            self.why[visit["why"]] += 1
        for link in links:
            self._find(link, visit["depth"] + (visit.get("why") != "redirect"))

    def _keep(self, visit: dict[str, Any], *, write: bool = False) -> None:
        self.visits.append(visit)
        self.size += len(_line(visit))
        self._note(visit, visit["links"] if "why" in visit else json.loads(visit["row"]["links"]))
        if write:
            with self._file.open("ab") as out:
                out.write(_line(visit) + b"\n")

    def _write(self, data: bytes) -> None:
        new = self._file.with_suffix(".new")
        new.write_bytes(data)
        new.replace(self._file)

    def _visit(self, url: str, depth: int) -> dict[str, Any]:
        """Ask for a page, unless it may not be asked for."""
        visit: dict[str, Any] = {"url": url, "depth": depth}
        piece, at, earlier = self.before.get(same(url), (None, 0, {}))
        seen = {
            header: earlier[name] for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "modified")) if earlier.get(name)
        }
        try:
            if not self.robots.allows(url):
                return visit | {"why": "forbidden by robots.txt", "links": []}
            status, headers, body = self._asked(url, self.about.max_bytes, seen, self.robots.delay(url))
        except SourceError as error:
            self.last = error.what
            if self.failures >= self.about.max_failures:
                raise
            if piece is None:
                return visit | {"failed": True, "why": "failed", "links": []}
            return {**earlier, "depth": depth, "failed": True, "row": self._row_of(piece, at)}  # it may answer again
        if status == 304 and piece is not None:
            return {**earlier, "depth": depth, "failed": False, "row": self._row_of(piece, at)}
        made = judged(url, status, headers, body, self.about.scope, self.about.keep)
        if "why" not in made and piece is not None:
            was = self._row_of(piece, at)
            if {**made["row"], "fetched_at": None} == {**was, "fetched_at": None}:
                made["row"] = was
        return visit | made

    def _asked(self, url: str, limit: int, headers: Mapping[str, str], pause: float) -> tuple[int, httpx.Headers, bytes | None]:
        """Status, headers and body; None where the body is larger than `limit`, or has no end in ten times the timeout."""
        host = urlsplit(url).netloc
        time.sleep(max(0.0, self.ready.get(host, 0.0) - time.monotonic()))
        web = self.own if host in {urlsplit(start).netloc for start in self.about.start} else self.others
        end, body = time.monotonic() + 10 * float(self.about.web["timeout"]), bytearray()
        try:
            with web.answer(url, headers) as response:
                for data in response.iter_bytes():
                    body += data
                    if len(body) > limit or time.monotonic() > end:
                        return response.status_code, response.headers, None
                return response.status_code, response.headers, bytes(body)
        except httpx.HTTPError as error:
            raise SourceError(f"the answer broke off: {error}", where=url, fix="run it again; what has come is kept") from error
        finally:
            self.ready[host] = time.monotonic() + max(self.about.delay, pause)

    def _small(self, url: str, limit: int) -> tuple[int, bytes]:
        """A robots.txt or a sitemap, redirects followed."""
        for _ in range(5):
            status, headers, body = self._asked(url, limit, {}, 0.0)
            if status not in (301, 302, 303, 307, 308):
                return status, body or b""
            url = absolute(url, headers.get("Location", "")) or url
        return 404, b""

    def _rows(self) -> Iterator[dict[str, Any]]:
        return (visit["row"] for visit in self.visits if "why" not in visit)

    def _land(self) -> None:
        """Land the pages that are noted; what has no row goes with them."""
        if any("why" not in visit for visit in self.visits):
            rows = pl.DataFrame(
                [{**row, "fetched_at": datetime.fromisoformat(row["fetched_at"]), "body": row["body"] and bytes.fromhex(row["body"])}
                 for row in self._rows()],
                schema=_COLUMNS,
            )  # fmt: skip
            out, number = io.BytesIO(), len(self.landing.pieces) + 1
            rows.write_parquet(out, compression="zstd")
            sink = self.landing.sink()
            sink.write(out.getvalue())
            visits = [{name: value for name, value in visit.items() if name != "row"} for visit in self.visits]
            self.landing.add(f"{number:06}.parquet", f"{self.about.start[0]}#{number}", sink.close(), out.tell(), {"visits": visits})
            self.visits, self.size = [], 0
            self._file.unlink(missing_ok=True)

    def _rows_of(self, piece: Piece) -> pl.DataFrame:
        if self._opened[0] != piece.blob:
            with self.landing.open(piece) as handle:
                self._opened = (piece.blob, pl.read_parquet(io.BytesIO(handle.read())))
        return self._opened[1]

    def _row_of(self, piece: Piece, at: int) -> dict[str, Any]:
        row = self._rows_of(piece).row(at, named=True)
        return row | {"fetched_at": row["fetched_at"].isoformat(), "body": row["body"].hex() if row["body"] is not None else None}


def _line(visit: Mapping[str, Any]) -> bytes:
    return json.dumps(visit, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@CONNECTORS.register(version=2)
def crawl(
    start: Annotated[list[str], Field(min_length=1)],
    scope: Sites | None = None,
    sitemaps: list[str] | None = None,
    depth: Annotated[int, Field(ge=0)] = 3,
    max_pages: Annotated[int, Field(ge=1)] = 1000,
    max_failures: Annotated[int, Field(ge=0)] = 10,
    keep: Annotated[list[Kind], Field(min_length=1)] = ["html", "text"],  # noqa: B006
    delay: Annotated[float, Field(ge=0)] = 1.0,
    robots: bool = True,
    agent: Annotated[str, Field(min_length=1)] = "lakehouse-factory",
    headers: dict[str, str] | None = None,
    retries: Annotated[int, Field(ge=0, le=100)] = 3,
    timeout: Annotated[float, Field(gt=0)] = 30.0,
    max_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024,
    set: dict[str, Value] | None = None,
) -> Remote:
    """Pages of web sites, one row a page, found by their links and sitemaps within a scope; a killed crawl asks for no page twice.

    Pages are asked for level by level, one at a time, each host at its pace (`delay`, or the `Crawl-delay` of its robots.txt if that is
    longer). robots.txt (RFC 9309), `noindex` and `nofollow` (meta, `X-Robots-Tag`, `rel`) are obeyed, a page that names another address
    of the scope as its canonical one is not kept, and a redirect is followed only within the scope. The next collection asks with the
    validators of the last (`ETag`, `Last-Modified`): what did not change is not sent again. A page that fails after all tries stays as it
    was collected last. Depth, number and length of addresses, and the bytes and time of an answer are limited, so that calendars and
    streams without end cost what is declared.

    Columns: `url`, `status`, `media_type`, `fetched_at` (when this content came first), `title`, `text` (HTML as it came, decoded, or
    plain text), `body` (bytes of a PDF), `links` (JSON list, within the scope). `key: [url]` suits. The extra `crawl` is needed.

    Args:
        start: addresses of depth 0.
        scope: `{hosts: [docs.example.org], prefixes: [/en/], include: ['\\\\.html$'], exclude: ['[?&]month=']}`; by default the hosts of
            `start`.
        sitemaps: addresses of sitemaps, whose pages are of depth 0; `robots` takes those that the robots.txt of the first start names.
        depth: links from a start, at most.
        max_pages: addresses asked for in a collection, at most; the others are left out.
        max_failures: addresses that may fail (no answer, 5xx) in a collection; one more is an error, and the next run goes on there.
        keep: which pages are rows: `html`, `text`, `pdf`; links of others are followed.
        delay: seconds between requests to a host.
        robots: false asks also for what robots.txt forbids; only for your own hosts.
        agent: the `User-Agent`, also the name that robots.txt is read for.
        headers: sent to the hosts of `start` alone; `Authorization: "Bearer ${TOKEN}"` takes TOKEN from the environment.
        retries: how often a request is sent again.
        timeout: seconds without a byte; an answer that takes ten times as long is left out.
        max_bytes: of an answer; a larger one is left out.
        set: constant columns of every row.
    """
    no_secrets(headers or {}, "headers")
    asked = scope or Sites()
    for url in start:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise SpecError(f"`{url}` is no address of a page", fix="write http://... or https://...")
    patterns = []
    for name in ("include", "exclude"):
        try:
            patterns.append(tuple(re.compile(each) for each in getattr(asked, name)))
        except re.error as error:
            raise SpecError(f"`scope.{name}` has no regular expression: {error}", fix="escape literal characters") from error
    hosts = frozenset(host.lower() for host in (asked.hosts or [urlsplit(url).netloc for url in start]))
    where = Scope(hosts, tuple(asked.prefixes), *patterns)
    for url in start:
        if url not in where:
            raise SpecError(f"the start `{url}` is not in `scope:`", fix="widen the scope, or correct `start:`")
    web = {"retries": retries, "timeout": timeout}
    return Crawl(
        start=tuple(start),
        sitemaps=tuple(sitemaps or ()),
        scope=where,
        depth=depth,
        max_pages=max_pages,
        max_failures=max_failures,
        keep=tuple(keep),
        delay=delay,
        obey=robots,
        agent=agent,
        headers=headers or {},
        web=web,
        max_bytes=max_bytes,
        set=set or {},
    )
