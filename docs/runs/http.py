"""A large file at an address: killed in the middle of it, gone on with at that byte, and changed."""

from __future__ import annotations

import json

from starlette.responses import Response

from tests.reserve.web_server import Served, serving

from .session import Run, order

DECLARATION = """
source: orders
description: Orders, as the shop exports them.
owner: team:shop
license: CC0-1.0
connector:
  http:
    files:
      - {url: "%s/files/orders.jsonl", format: jsonl}
key: [id]
"""


def make(run: Run) -> None:
    """40,000 orders in one file."""
    served = Served(files={"orders.jsonl": _lines(0, 40_000)}, cut=8_000_000)
    with serving(served):
        run.shown[served.url] = "http://127.0.0.1:8000"
        run.declare(DECLARATION % served.url)
        served.faults = lambda path, number: Response("nothing here", 404)
        run.note("the file is not there yet")
        run.lakehouse("collect orders", code=1)
        served.faults = lambda path, number: None
        size = len(served.files["orders.jsonl"])
        run.note(
            f"a file of {size:,} bytes with 40,000 orders; the line breaks after 8,000,000 bytes, and then the first collection is killed"
        )
        before = len(served.asked)
        run.killed("collect orders", lambda: len(served.asked) >= before + 2, "it had asked for the rest")
        served.cut, before = None, len(served.asked)
        run.lakehouse("collect orders")
        asked = served.headers[before]["range"]
        run.exact(40_000, "id", sent="the file has")
        run.say(f"The second run asked for `Range: {asked}`: what had come before the kill was not sent again.")
        run.note("unchanged")
        run.lakehouse("collect orders")
        run.say(f"The server was asked once, with `If-None-Match: {served.headers[-1]['if-none-match']}`, and answered 304.")
        served.files["orders.jsonl"] = _lines(1, 40_000)
        run.note("the export was made anew: without the first order, and with a new one at its end")
        run.lakehouse("collect orders")


def _lines(first: int, count: int) -> bytes:
    return "".join(json.dumps(order(n, size=8), ensure_ascii=False) + "\n" for n in range(first, first + count)).encode()
