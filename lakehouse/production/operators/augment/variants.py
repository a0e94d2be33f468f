"""What the operators that make variants share: one text a row, from a text and its seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, chance
from lakehouse.production.engine.operator import SEED, Change

Rate = Annotated[float, Field(ge=0, le=1)]
"""A share, 0 to 1."""
Write = Callable[[buffers.Bytes, buffers.Offsets, NDArray[np.uint64]], tuple[Any, Any]]
"""From UTF-8 bytes, n + 1 offsets and n seeds of texts to bytes and offsets of their variants."""


def varied(name: str, column: str, write: Write) -> Change:
    """A text column whose values `write` gives anew, with seeds of the operator `name`; a null stays null."""
    own = chance.salt(name)

    def apply(rows: pl.Series) -> pl.Series:
        texts, seeds = rows.struct.field("text"), rows.struct.field("seed")
        data, ends = write(*buffers.utf8(texts), seeds.to_numpy() ^ own)
        return buffers.strings(rows.name, data, ends, texts.is_not_null())

    return Change({column: compiled(pl.struct(pl.col(column).alias("text"), pl.col(SEED).alias("seed")), apply, pl.String)})
