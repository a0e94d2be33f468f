"""Compiled kernels as Polars expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


def compiled(expression: pl.Expr, kernel: Callable[[pl.Series], pl.Series], dtype: pl.DataType | type[pl.DataType]) -> pl.Expr:
    """`kernel` applied to a column batch by batch, as an expression that streams."""
    return expression.map_batches(_Checked(kernel), return_dtype=dtype, is_elementwise=True)


@dataclass(frozen=True)
class _Checked:
    """A kernel that must give as many values as it was given: Polars would repeat a single value for all rows of a batch."""

    kernel: Callable[[pl.Series], pl.Series]

    def __call__(self, batch: pl.Series) -> pl.Series:
        result = self.kernel(batch)
        if isinstance(result, pl.Series) and len(result) != len(batch):
            raise ValueError(f"a kernel gave {len(result)} values for {len(batch)} rows")
        return result
