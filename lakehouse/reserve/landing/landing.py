"""The landing of material from elsewhere, as it came: pieces of bytes under `landing/<source>/` in the lake, and a journal of them.

A pass is one go through the material. Of most it is whole at its end, and the next pass begins anew. Of what only grows (rows behind a
cursor, a stream) there is one pass, which each collection takes further. A piece is in the journal (`system/landing`) once its bytes are
kept, with the cursor from which the material goes on: a killed pass goes on behind its last piece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, Protocol, runtime_checkable

import polars as pl

from lakehouse.core.hashing import canonical, digest
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.storage.blobs import Blobs, BlobSink, landed_blobs
from lakehouse.reserve.formats.compression import decompressed
from lakehouse.reserve.material import Feed, Options, RawFile, Value

JOURNAL = Journal(
    "landing",
    pl.Schema(
        {
            "source": pl.String(),
            "identity": pl.String(),  # of what decides the material: the connector's parameters
            "pass": pl.Int64(),
            "number": pl.Int64(),  # of the entry in its pass, from 1
            "kind": pl.String(),  # piece, end, refused; erased: the piece holds an erased item; replaced: it was written anew without one
            "name": pl.String(),
            "uri": pl.String(),
            "blob": pl.String(),
            "bytes": pl.Int64(),
            "cursor": pl.String(),  # JSON: where the material goes on
        }
    ),
)


@dataclass(frozen=True)
class Piece:
    """A piece of the material.

    Attributes:
        name: what identifies it within its source.
        blob: SHA-256 of its bytes.
        cursor: where the material goes on behind it.
    """

    name: str
    uri: str
    blob: str
    bytes: int
    cursor: Any


@runtime_checkable
class Remote(Protocol):
    """The material of a connector whose bytes are elsewhere."""

    @property
    def identity(self) -> str:
        """Digest of the parameters that decide what is fetched; another one begins anew."""

    @property
    def grows(self) -> bool:
        """Whether later pieces add to the earlier ones; else each pass is whole."""

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """Land what is not landed yet, from `landing.cursor` on, to the end of the material as it is now.

        Raises:
            SourceError: unreachable, refused, or not what it should be; what has landed stays.
        """

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """The reading options of a piece."""


@dataclass
class Landing:
    """The landing place of one source.

    Attributes:
        pieces: of the pass under way.
        cursor: where it goes on; None at its beginning.
        before: pieces of the last whole pass.
        spoilt: blobs of pieces that hold an erased item: their bytes go after each collection, and are fetched again for the next.
    """

    project: Project
    source: str
    identity: str
    grows: bool
    pieces: list[Piece] = field(default_factory=list)
    before: tuple[Piece, ...] = ()
    cursor: Any = None
    ended: bool = False
    spoilt: frozenset[str] = frozenset()
    _pass: int = 1
    _number: int = 0

    def __post_init__(self) -> None:
        rows = JOURNAL.read(self.project, pl.col("source") == self.source).sort("pass", "number")
        if rows.is_empty():
            return
        self._pass = int(rows["pass"].max()) + 1  # type: ignore[arg-type]
        self.spoilt = frozenset(rows.filter(pl.col("kind") == "erased")["blob"])
        rows = rows.filter(pl.col("identity") == self.identity)
        if not rows.is_empty() and rows["pass"][-1] == self._pass - 1:
            last = rows.filter(pl.col("pass") == self._pass - 1)
            steps = last.filter(pl.col("kind").is_in(["piece", "end", "refused"]))
            if steps["kind"][-1] != "refused":
                self._pass -= 1
                self._number = int(last["number"][-1])
                self.pieces = _pieces(last)
                self.cursor = json.loads(steps["cursor"][-1])
                self.ended = steps["kind"][-1] == "end"
        whole = rows.filter((pl.col("kind") == "end") & (pl.col("pass") < self._pass))["pass"]
        if len(whole):
            self.before = tuple(p for p in _pieces(rows.filter(pl.col("pass") == whole[-1])) if p.blob not in self.spoilt)
        if not self.ended and not self.whole:
            self.anew()

    def sink(self) -> BlobSink:
        """A place for the bytes of a piece; they are kept once it is closed."""
        return self._blobs.sink()

    def open(self, piece: Piece) -> BinaryIO:
        """The bytes of a piece, decompressed by the ending of its name."""
        return decompressed(self._blobs.open(piece.blob), piece.name)

    def add(self, name: str, uri: str, blob: str, size: int, cursor: Any) -> Piece:
        """Note a piece whose bytes are kept, and where the material goes on behind it."""
        piece = Piece(name, uri, blob, size, cursor)
        self._note("piece", piece)
        self.pieces.append(piece)
        self.cursor, self.ended = cursor, False
        return piece

    def past(self, cursor: Any) -> None:
        """The material goes on at `cursor`, though nothing of it landed; noted with the end of the pass."""
        self.cursor, self.ended = cursor, False

    def end(self) -> None:
        """Note that the pass has all there is."""
        if not self.ended:
            self._note("end", Piece("", "", "", 0, self.cursor))
            self.ended = True

    def refuse(self) -> None:
        """Note that the pass cannot be collected: the next collection fetches anew, unless the material only grows."""
        if self.ended and not self.grows:
            self._note("refused", Piece("", "", "", 0, None))

    def anew(self) -> None:
        """Begin the next pass."""
        self.before = tuple(piece for piece in self.pieces if piece.blob not in self.spoilt)
        self.pieces, self.cursor, self.ended = [], None, False
        self._pass, self._number = self._pass + 1, 0

    def overtaken(self) -> None:
        """Begin the next pass, for the material became another while this one was under way; what has landed of it counts as before."""
        before = (*self.before, *self.pieces)
        self.anew()
        self.before = before

    def prune(self) -> None:
        """Delete bytes that no piece of the pass under way or of the last whole one has, and those that hold an erased item."""
        self._blobs.keep_only({piece.blob for piece in (*self.pieces, *self.before)} - self.spoilt)

    @property
    def whole(self) -> bool:
        """Whether no piece of the pass under way lacks its bytes for an erased item in it."""
        return self.spoilt.isdisjoint(piece.blob for piece in self.pieces)

    def pieces_known(self) -> list[Piece]:
        """The pieces whose bytes are kept."""
        return [*self.pieces, *self.before]

    def holds(self, piece: Piece) -> bool:
        """Whether the bytes of a piece are kept."""
        return self._blobs.exists(piece.blob)

    def spoil(self, piece: Piece) -> None:
        """Note that a piece holds an erased item, and delete its bytes."""
        if piece.blob not in self.spoilt:
            self._note("erased", piece)
            self.spoilt |= {piece.blob}
        self._blobs.discard(piece.blob)

    def replace(self, piece: Piece, blob: str, size: int) -> None:
        """Note that a piece has other bytes, which are kept, and delete those it had."""
        new = Piece(piece.name, piece.uri, blob, size, piece.cursor)
        self._note("replaced", new)
        self.pieces = [new if one == piece else one for one in self.pieces]
        self._blobs.discard(piece.blob)

    @property
    def _blobs(self) -> Blobs:
        return landed_blobs(self.project, self.source)

    def _note(self, kind: str, piece: Piece) -> None:
        self._number += 1
        row = {"source": self.source, "identity": self.identity, "pass": self._pass, "number": self._number, "kind": kind}
        row |= {"name": piece.name, "uri": piece.uri, "blob": piece.blob, "bytes": piece.bytes, "cursor": canonical(piece.cursor)}
        JOURNAL.append(self.project, **row)


@dataclass(frozen=True)
class LandedFeed:
    """The material of a pass, as a Feed."""

    remote: Remote
    landing: Landing

    def fingerprint(self, project: Project) -> str:
        """Over the pieces and the parameters of the connector."""
        return digest([self.remote.identity, [[piece.name, piece.blob] for piece in self.landing.pieces]])

    def files(self, project: Project) -> list[RawFile]:
        """The pieces; of what grows, the newest first: an item that comes again has the content of its newest piece."""
        found = [self.remote.file(piece, self.landing) for piece in self.landing.pieces]
        return found[::-1] if self.landing.grows else found


def landed(project: Project, source: str, remote: Remote, collected: Callable[[Feed], bool], progress: Progress) -> LandedFeed:
    """The material of a remote source, fetched as far as it was not yet.

    Args:
        collected: whether a collection has read the material; a whole pass that none has read yet (its run was killed) is not fetched
            again.
    """
    landing = Landing(project, source, remote.identity, remote.grows)
    feed = LandedFeed(remote, landing)
    if landing.ended and not remote.grows:
        if not collected(feed) and landing.whole:
            return feed
        landing.anew()
    remote.fetch(landing, progress)
    landing.end()
    return feed


def land_lines(landing: Landing, uri: str, lines: Sequence[bytes], cursor: Any) -> None:
    """Land items as the next piece of JSON lines, compressed with zstd.

    Args:
        uri: of the material; the piece's number follows it.
        lines: one JSON text each, without line break.
    """
    import zstandard

    number = len(landing.pieces) + 1

    data = zstandard.ZstdCompressor(level=3).compress(b"\n".join(lines) + b"\n")
    sink = landing.sink()
    sink.write(data)
    landing.add(f"{number:06}.jsonl.zst", f"{uri}#{number}", sink.close(), len(data), cursor)


def lines_of(piece: Piece, landing: Landing, constants: Mapping[str, Value]) -> RawFile:
    """The reading options of a piece of `land_lines`; `constants` are columns of every row."""
    return RawFile(
        uri=piece.uri,
        name=piece.name,
        open=partial(landing.open, piece),
        format="jsonl",
        options=Options(),
        set=constants,
        digest=piece.blob,
    )


def _pieces(rows: pl.DataFrame) -> list[Piece]:
    found: list[Piece] = []
    for r in rows.filter(pl.col("kind").is_in(["piece", "replaced"])).iter_rows(named=True):
        piece = Piece(r["name"], r["uri"], r["blob"], r["bytes"], json.loads(r["cursor"]))
        if r["kind"] == "replaced":
            found = [piece if one.name == piece.name else one for one in found]
        else:
            found.append(piece)
    return found
