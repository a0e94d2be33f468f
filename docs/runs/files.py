"""A folder of files: killed, gone on with, and changed."""

from __future__ import annotations

import json

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, a file a day.
owner: team:shop
license: CC0-1.0
connector:
  files:
    path: raw/**/*.jsonl
key: [id]
"""


def make(run: Run) -> None:
    """100,000 orders in ten files."""
    run.declare(DECLARATION)
    run.note("no file is there yet")
    run.lakehouse("collect orders", code=1)
    folder = run.root / "raw"
    folder.mkdir()
    for day in range(10):
        lines = (json.dumps(order(n, size=4), ensure_ascii=False) + "\n" for n in range(day * 10_000, (day + 1) * 10_000))
        (folder / f"day-{day}.jsonl").write_text("".join(lines), encoding="utf-8")
    run.note("100,000 orders in ten files; the first collection is killed")
    written = run.root / "lake" / "bronze" / "orders"
    run.killed("collect orders", lambda: any(written.rglob("*.parquet")), "the first rows were written")
    run.lakehouse("collect orders")
    run.exact(100_000, "id")
    run.note("unchanged")
    run.lakehouse("collect orders")
    more = [order(0, "改"), order(100_000), {"id": None}]
    lines = (folder / "day-0.jsonl").read_text(encoding="utf-8").splitlines()[2:]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in more)
    (folder / "day-0.jsonl").write_text(text + "\n".join(lines) + "\n{broken\n", encoding="utf-8")
    run.note("in day-0.jsonl one order changed, one is gone and one is new; one has no id, and one line is broken")
    run.lakehouse("collect orders")
