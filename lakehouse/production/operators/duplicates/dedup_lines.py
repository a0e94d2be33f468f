"""Boilerplate that many texts hold."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, repeats, simplify
from lakehouse.production.engine.operator import OPERATORS, Cut

_PIECES = pl.Struct({"hashes": pl.Binary, "lengths": pl.Binary})


@OPERATORS.register(version=2, cardinality="1:1", decides=("copies", "min_characters", "keep", "min_left"))
def dedup_lines(
    *,
    column: str,
    unit: Literal["line", "paragraph"] = "line",
    copies: Annotated[int, Field(ge=2)] = 2,
    min_characters: Annotated[int, Field(ge=1)] = 20,
    keep: Literal["first", "none"] = "first",
    min_left: Annotated[int, Field(ge=0)] = 1,
    ignore: list[simplify.Aspect] = [*simplify.FOLDED],  # noqa: B006 - read, never changed
) -> Cut:
    """Cut out lines, or paragraphs, that at least `copies` rows hold; the first row (by `_row_id`) keeps them, or with `keep: none` no row.

    As in CCNet (Wenzek et al. 2020): pieces are compared by 64-bit hashes of their simplified text, for which what is named in `ignore`
    does not count (see `dedup_minhash`): by default digits are among it, so that a copyright line is one line in every year; for tables,
    logs and reviews take `[case, marks, punctuation, width]`. Lines end at line feeds; a paragraph is a run of lines with text. Pieces of
    fewer than `min_characters` characters stay, as do repeats within one text (see `remove_repeated`). A row of which fewer than
    `min_left` characters are left is dropped (`nothing_left`). What is cut depends on all rows, so that the step comes after all steps
    that read the column; a changed threshold reads no text to decide. Signals `hashes`, `lengths`. A null stays null.

    Example:
        `{dedup_lines: {column: text, unit: line, copies: 3, min_characters: 20}}`
    """
    by_paragraph, simple = unit == "paragraph", simplify.table(tuple(sorted(set(ignore))))

    def measure(texts: pl.Series) -> pl.Series:
        hashes, lengths, places = repeats.pieces(*buffers.utf8(texts), characters.table(), by_paragraph, simple)
        known = texts.is_not_null()
        parts = {"hashes": buffers.binaries(hashes, places, known), "lengths": buffers.binaries(lengths, places, known)}
        return pl.DataFrame(parts).to_struct(texts.name)

    def decide(rows: pl.DataFrame) -> pl.DataFrame:
        data, ends = buffers.binary(rows["hashes"])
        hashes = data[ends[0] : ends[-1]].view(np.uint64)
        sizes, first = buffers.binary(rows["lengths"])
        lengths = sizes[first[0] : first[-1]].view(np.uint32)
        places = (ends - ends[0]) // 8
        holder = np.repeat(np.arange(len(rows), dtype=np.int64), np.diff(places))
        long = np.flatnonzero(lengths >= min_characters)
        order = long[np.argsort(hashes[long], kind="stable")]
        gone = np.zeros(len(hashes), dtype=np.bool_)
        repeats.shared(order, hashes, holder, copies, keep == "first", gone)
        kept = np.bincount(holder, np.where(gone, 0, lengths), len(rows)).astype(np.int64)
        marks, begins = repeats.bits(gone, places)
        cut = buffers.binaries(marks, begins, pl.Series(np.diff(begins) > 0))
        return pl.DataFrame({"cut": cut, "left": kept})

    def apply(texts: pl.Series, cut: pl.Series) -> pl.Series:
        data, ends = repeats.without_pieces(*buffers.utf8(texts), characters.table(), by_paragraph, *buffers.binary(cut))
        return buffers.strings(texts.name, data, ends, texts.is_not_null())

    measured = compiled(pl.col(column), measure, _PIECES)
    signals = {name: measured.struct.field(name) for name in ("hashes", "lengths")}
    return Cut(column, signals, decide, apply, {"nothing_left": pl.col("cut").is_not_null() & (pl.col("left") < min_left)})
