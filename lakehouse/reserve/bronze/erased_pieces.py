"""Erased items in landed pieces: bytes that can be fetched again go whole, those of what only grows are written anew without the items."""

from __future__ import annotations

import io
from collections.abc import Iterable

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.core.errors import FactoryError, StorageError
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.batches import BATCH_BYTES, Batches
from lakehouse.reserve.bronze.erased_items import ErasedItems
from lakehouse.reserve.bronze.keys import keyed
from lakehouse.reserve.landing.landing import Landing, Piece, Remote


def erase_landed(project: Project, source: str, remote: Remote, erased: ErasedItems) -> int:
    """Take erased items out of all that has landed of a source; returns the number of pieces that held one.

    Raises:
        StorageError: a piece of what only grows cannot be written anew.
    """
    landing = Landing(project, source, remote.identity, remote.grows)
    landing.prune()
    return erase_pieces(project, landing, remote, erased, landing.pieces_known())


def erase_pieces(project: Project, landing: Landing, remote: Remote, erased: ErasedItems, pieces: Iterable[Piece]) -> int:
    """The same for some pieces: of a grown material the items' lines or rows go, else the bytes of the piece."""
    held = 0
    for piece in sorted(pieces, key=lambda one: (one.name, one.blob)):
        if not landing.holds(piece):
            continue
        try:
            positions = _positions(project, landing.source, remote, landing, piece, erased)
        except FactoryError:
            if remote.grows:
                raise
            positions = None  # what cannot be read is fetched again
        if positions is not None and positions.is_empty():
            continue
        held += 1
        if not remote.grows:
            landing.spoil(piece)
        elif positions is not None:
            data = _without(landing, piece, positions)
            sink = landing.sink()
            sink.write(data)
            landing.replace(piece, sink.close(), len(data))
    return held


def _positions(project: Project, source: str, remote: Remote, landing: Landing, piece: Piece, erased: ErasedItems) -> pl.Series:
    """Positions of erased items in a piece, from 1."""
    spec, table = project.source(source), bronze.table(project, source)
    stored = bronze.stored_columns(project, source, table.version())
    found = [pl.Series("_position", [], dtype=pl.Int64)]
    for rows in Batches(project, spec, [remote.file(piece, landing)], BATCH_BYTES, stored):
        rows = keyed(rows, spec.key).with_columns(_row_id=pl.concat_str(pl.lit(f"{source}/"), "_key"))
        found.append(rows.filter(erased.hold(rows, spec.key))["_position"])
    return pl.concat(found)


def _without(landing: Landing, piece: Piece, positions: pl.Series) -> bytes:
    """The bytes of a piece without items; a line that goes stays as an empty one, so that the others keep their positions."""
    if piece.name.endswith(".parquet"):
        with landing.open(piece) as handle:
            rows = pq.read_table(pa.BufferReader(handle.read()))
        stay = pl.int_range(1, rows.num_rows + 1, eager=True).is_in(positions.implode())
        out = io.BytesIO()
        pq.write_table(rows.filter(pa.array((~stay).to_list(), pa.bool_())), out, compression="zstd", write_statistics=False)
        return out.getvalue()
    if piece.name.endswith(".jsonl.zst"):
        import zstandard

        with landing.open(piece) as handle:
            lines = handle.read().split(b"\n")
        for position in positions:
            lines[position - 1] = b""
        return zstandard.ZstdCompressor(level=3).compress(b"\n".join(lines))
    raise StorageError(f"items cannot be taken out of `{piece.name}`", where=piece.uri, fix="report it: its connector lands another form")
