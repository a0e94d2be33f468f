"""A paginated interface that asks for a token: killed, gone on with, and asked only for what is new."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from tests.reserve.web_server import Served, serving

from .session import Run, order

DECLARATION = """
source: orders
description: Orders of the shop's interface.
owner: team:shop
license: CC0-1.0
connector:
  rest:
    url: "%s/pages/cursor"
    items: data.items
    next: {cursor: meta.next, param: at}
    since: {field: updated, param: after}
    headers: {Authorization: "Bearer ${SHOP_KEY}"}
key: [id]
"""


def make(run: Run) -> None:
    """20,000 orders, 100 a page."""
    served = Served([_item(n) for n in range(20_000)], size=100)

    def fault(path: str, number: int) -> Response | None:
        known = served.headers[-1].get("authorization") == "Bearer s3cret"
        return None if known else JSONResponse({"message": "no such key"}, 401)

    served.faults = fault
    with serving(served):
        run.shown[served.url] = "http://127.0.0.1:8000"
        run.declare(DECLARATION % served.url)
        run.lakehouse("collect orders", code=1)
        run.lakehouse("collect orders", code=1, SHOP_KEY="wrong")
        run.variables["SHOP_KEY"] = "s3cret"
        served.asked.clear()
        run.note("with the right key; the interface has 20,000 orders on 200 pages, and the first collection is killed")
        run.killed("collect orders", lambda: len(served.asked) >= 60, "60 pages had been asked for")
        before = len(served.asked)
        run.lakehouse("collect orders")
        run.exact(20_000, "id", sent="the interface has")
        run.say(f"The server was asked {before} times before the kill and {len(served.asked) - before} times after it, for 200 pages.")
        served.asked.clear()
        run.note("unchanged")
        run.lakehouse("collect orders")
        served.items[7] = {**_item(7), "text": "改", "updated": 20_001}
        served.items.append({**_item(20_000), "updated": 20_002})
        run.note("one order changed, and one is new")
        run.lakehouse("collect orders")
        run.say(f"These two collections made {len(served.asked)} requests: `{'`, `'.join(served.asked)}`.")


def _item(number: int) -> dict[str, object]:
    return {**order(number, size=12), "updated": number + 1}
