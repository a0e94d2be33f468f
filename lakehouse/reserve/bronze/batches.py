"""The items of a source as batches of bounded size, in its own columns and with their content digests."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import groupby

import numpy as np
import polars as pl

from lakehouse.core.hashing import row_digest
from lakehouse.core.project import Project
from lakehouse.core.row_model import READ
from lakehouse.core.spec import Source
from lakehouse.core.storage.blobs import oversized_blobs
from lakehouse.reserve.bronze.schema import StoredColumns, constants, file_columns, own_columns
from lakehouse.reserve.formats import FORMATS, usual_separator
from lakehouse.reserve.formats.columns import fitted
from lakehouse.reserve.formats.compression import damage_named
from lakehouse.reserve.formats.transcoding import opened
from lakehouse.reserve.formats.wrong_texts import WrongTexts
from lakehouse.reserve.material import RawFile, Reading, own_name

BATCH_BYTES = 16 * 1024 * 1024
"""Item bytes held at a time; an item may exceed it, up to the source's `max_item_bytes`."""

SHAPE_BYTES = 8 * 1024 * 1024
"""Chunk in which unknown columns are looked for: one size always, so that the types found do not depend on the batch."""


class Digest:
    """Takes the bytes of an oversized item that stays where it is, for their SHA-256 alone."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        self._sha.update(data)

    def close(self) -> str:
        """The hex SHA-256."""
        return self._sha.hexdigest()


class Batches:
    """Iterates once over all items of a source.

    Attributes:
        files: those to read.
        own: the source's own columns.
        kinds: those that hold JSON (`json`) or had no value yet (`null`).
        evolves: whether `own` has columns that bronze has not yet.
        retyped: those that bronze has in another type.
        warnings: what was skipped, and what of the text is wrong; complete after the iteration.
    """

    def __init__(self, project: Project, source: Source, files: list[RawFile], batch_bytes: int, stored: StoredColumns | None) -> None:
        self._sink = Digest if source.mode == "virtual" else oversized_blobs(project, source.source).sink
        self._source = source
        self._batch_bytes = batch_bytes
        self.files = files
        self.warnings: list[str] = []
        self._encodings = Counter[str]()
        self.kinds: Mapping[str, str] = {}
        columns = own_columns(source, stored, ((file, self._reading(file, SHAPE_BYTES)) for file in self.files))
        self.own, self.kinds = columns.schema, columns.kinds
        before = stored.schema if stored is not None else self.own
        self.evolves = any(name not in before for name in self.own)
        self.retyped = [name for name, dtype in self.own.items() if name in before and before[name] != dtype]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Frames with the own columns, READ, `_file`, `_uri`, `_media_type` and `_content`.

        Raises:
            SourceError: a file that cannot be read as a whole, named.
        """
        held: list[tuple[RawFile, pl.DataFrame]] = []
        size, wrong = 0, WrongTexts()
        for file in self.files:
            for rows in self._rows(file):
                wrong.add(rows)
                held.append((file, rows))
                size += int(rows["_bytes"].sum()) + 64 * rows.height
                if size >= self._batch_bytes:
                    yield self._digested(held)
                    held, size = [], 0
        if held:
            yield self._digested(held)
        self.warnings += wrong.told()
        self.warnings += [f"{n:,} files declare no encoding and are read as {name}" for name, n in self._encodings.most_common()]

    def _guessed(self, encoding: str) -> None:
        self._encodings[encoding] += 1

    def _reading(self, file: RawFile, chunk_bytes: int) -> Reading:
        back = {new: old for old, new in file.options.rename.items()}
        declared = self._source.columns or {}
        return Reading(
            sink=self._sink,
            separator=file.options.separator or usual_separator(file.name),
            quote=file.options.quote,
            header=file.options.header,
            skip_before_header=file.options.skip_before_header,
            skip_after_header=file.options.skip_after_header,
            record=file.options.record,
            sheet=file.options.sheet,
            max_item_bytes=self._source.max_item_bytes,
            chunk_bytes=chunk_bytes,
            json=frozenset(back.get(name, name) for name, kind in self.kinds.items() if kind == "json"),
            strict=frozenset(back.get(name, name) for name, column in declared.items() if column.type in ("string", "category")),
        )

    def _rows(self, file: RawFile) -> Iterator[pl.DataFrame]:
        read = FORMATS[file.format].read
        columns = file_columns(file, self.own)
        empty = True
        with damage_named(file.uri), closing(opened(file, self._guessed)) as handle:
            if FORMATS[file.format].whole_file or handle.peek(1):  # type: ignore[attr-defined]
                for rows in read(handle, self._reading(file, self._batch_bytes), columns):
                    empty = empty and rows.is_empty()
                    yield rows
        if empty:
            self.warnings.append(f"{file.uri}: no items, skipped")

    def _placed(self, like: list[tuple[RawFile, pl.DataFrame]]) -> pl.DataFrame:
        """The rows of files that are read alike, in the own columns, with their places: once for all, since each step over a frame
        costs as much for one row as for a thousand.
        """
        file = like[0][0]
        # In one piece: what is kept of the rows would else keep a buffer a column of each file.
        rows = pl.concat([part for _, part in like], rechunk=True)
        renamed = rows.rename({own_name(old): new for old, new in file.options.rename.items() if own_name(old) in rows.columns})
        own = {name: dtype for name, dtype in self.own.items() if name not in file.set}
        at = np.repeat(np.arange(len(like)), [part.height for _, part in like])
        return (
            fitted(renamed, own, self._source.columns or {}, self._source.nulls)
            .with_columns(
                *constants(file.set, self.own),
                pl.Series("_file", [each.name for each, _ in like], dtype=pl.String).gather(at),
                pl.Series("_uri", [each.uri for each, _ in like], dtype=pl.String).gather(at),
                pl.lit(FORMATS[file.format].media_type).alias("_media_type"),
            )
            .select(*self.own, *READ, "_file", "_uri", "_media_type")
        )

    def _digested(self, held: list[tuple[RawFile, pl.DataFrame]]) -> pl.DataFrame:
        rows = pl.concat([self._placed(list(like)) for _, like in groupby(held, _read_alike)], rechunk=True)
        own = row_digest(dict(self.own), list(self.own))
        raw = row_digest({"_raw": pl.Binary()}, ["_raw"])
        return rows.with_columns(
            pl.when(pl.col("_blob").is_not_null() & (pl.col("_findings").list.len() > 0))
            .then("_blob")
            .when(pl.col("_raw").is_not_null())
            .then(raw)
            .otherwise(own)
            .alias("_content")
        )


def _read_alike(held: tuple[RawFile, pl.DataFrame]) -> tuple[object, ...]:
    """What rows have to share to be placed together."""
    file, rows = held
    return file.format, dict(file.options.rename), dict(file.set), rows.schema
