"""The data factory: a dataset is one YAML file; its tables, checks, versions, card and release are computed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from lakehouse.access.door import Comparison

__version__ = "0.1.0"


def read(
    table: str,
    principal: str,
    purpose: str,
    *,
    columns: Sequence[str] | None = None,
    where: Sequence[Comparison] = (),
    version: str | int | None = None,
) -> pl.DataFrame:
    """The rows of `table` that `principal` may read for `purpose` by assets/access.yaml; the read, or its refusal, is in the audit log.

    Raises:
        AccessError: the policy does not allow it.
    """
    from lakehouse.access.door import read

    return read(table, principal, purpose, columns=columns, where=where, version=version)
