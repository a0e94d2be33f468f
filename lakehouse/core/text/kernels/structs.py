"""What kernels give for each text, as one Struct column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def struct(texts: pl.Series, fields: Mapping[str, NDArray[Any]]) -> pl.Series:
    """A Struct column of one array a field; every field is null where `texts` is."""
    frame = pl.DataFrame(dict(fields))
    if texts.null_count():
        frame = frame.with_columns(_known=texts.is_not_null()).select(pl.when("_known").then(pl.exclude("_known")).name.keep())
    return frame.to_struct(texts.name)


def share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """`part` / `whole`, 0.0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros(len(part), dtype=np.float64), where=whole != 0)
