"""A Delta table in a folder beside the factory: killed, gone on with, appended to, and rewritten."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake

from .session import Run, order

DECLARATION = """
source: orders
description: Orders of the sales department's lake.
owner: team:shop
license: CC0-1.0
connector:
  delta:
    url: ../sales/orders
key: [id]
"""


def append(table: Path, first: int, count: int, **options: object) -> None:
    """Append a data file of orders."""
    rows = pl.DataFrame([order(n, size=4) for n in range(first, first + count)])
    write_deltalake(table, rows.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append", **options)  # type: ignore[call-overload]


def make(run: Run) -> None:
    """40,000 orders in 40 data files."""
    table = run.root.parent / "sales" / "orders"
    run.declare(DECLARATION)
    run.note("no table is there yet")
    run.lakehouse("collect orders", code=1)
    for first in range(0, 40_000, 1000):
        append(table, first, 1000)
    run.note("the table has 40,000 rows in 40 data files; the first collection is killed")
    run.killed("collect orders", run.landed(15), "15 data files had landed")
    run.lakehouse("collect orders")
    names = run.journal()["name"]
    run.exact(40_000, "id", sent="the table has")
    run.say(f"The journal has {names.len()} pieces of {names.n_unique()} data files: none was read twice.")
    run.note("unchanged")
    run.lakehouse("collect orders")
    append(table, 40_000, 3)
    DeltaTable(table).delete("id < 2")
    run.note("3 rows were appended, 2 deleted (which wrote one data file anew)")
    run.lakehouse("collect orders")
    rows = pl.DataFrame({**order(40_003), "country": "DE"})
    write_deltalake(table, rows.to_arrow(compat_level=pl.CompatLevel.oldest()), mode="append", schema_mode="merge")
    run.note("the table got a column `country`")
    run.lakehouse("collect orders", code=1)
