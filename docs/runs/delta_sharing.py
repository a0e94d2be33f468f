"""A table that a server shares by the protocol Delta Sharing: killed, gone on with, and appended to."""

from __future__ import annotations

from tests.reserve.sharing_server import TOKEN, sharing_server

from .delta import append
from .session import Run

DECLARATION = """
source: orders
description: Orders that the sales department shares.
owner: team:shop
license: CC0-1.0
connector:
  delta_sharing:
    table: shop.sales.orders
    endpoint: "%s/api"
    token: "${SHARING_TOKEN}"
key: [id]
"""


def make(run: Run) -> None:
    """40,000 orders in 40 data files."""
    table = run.root.parent / "shared"
    for first in range(0, 40_000, 1000):
        append(table, first, 1000)
    with sharing_server(table) as shared:
        run.shown[shared.url] = "http://127.0.0.1:8000"
        run.declare(DECLARATION % shared.url)
        run.lakehouse("collect orders", code=1, SHARING_TOKEN="wrong")
        run.variables["SHARING_TOKEN"] = TOKEN
        run.note("with the right token; the table has 40,000 rows in 40 data files, and the first collection is killed")
        run.killed("collect orders", run.landed(15), "15 data files had landed")
        before = len(shared.fetched)
        run.lakehouse("collect orders")
        run.exact(40_000, "id", sent="the table has")
        again = len(shared.fetched) - len(set(shared.fetched))
        assert again <= 1
        run.say(
            f"The server sent {before} data files before the kill and {len(shared.fetched) - before} after it; sent twice: {again}"
            f"{', the one that was on its way' if again else ''}."
        )
        shared.fetched.clear()
        run.note("unchanged")
        run.lakehouse("collect orders")
        append(table, 40_000, 3)
        run.note("3 rows were appended")
        run.lakehouse("collect orders")
        run.say(f"For these two collections the server sent {len(shared.fetched)} data file.")
        assert len(shared.fetched) == 1
        shared.reader = 3
        append(table, 40_003, 1)
        run.note("the table asks for readers of version 3, with features that are not known here")
        run.lakehouse("collect orders", code=1)
