"""A server on loopback: pages of items in every style, a file with ranges, and the ways in which servers fail."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route


def item(number: int, text: str = "订单") -> dict[str, Any]:
    return {"id": number, "text": f"{text} {number}", "updated": number, "tags": [f"t{number % 3}"]}


@dataclass
class Served:
    """What the server has, and what it was asked.

    Attributes:
        items: in the order in which pages have them.
        size: items a page.
        asked: path and query of each request, in order.
        faults: called with each request's path before it is answered: a response is sent in place of the answer.
        files: content and validator by name.
        cut: bytes after which a file's response breaks off, once a request; None never.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    size: int = 10
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    faults: Callable[[str, int], Response | None] = lambda path, n: None
    files: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None
    url: str = ""

    def note(self, request: Request) -> Response | None:
        self.asked.append(str(request.url).removeprefix(self.url))
        self.headers.append(dict(request.headers))
        return self.faults(request.url.path, len(self.asked))


def _app(served: Served) -> Starlette:
    def pages(request: Request) -> Response:
        if fault := served.note(request):
            return fault
        style, query = request.path_params["style"], request.query_params
        found = [i for i in served.items if i["updated"] > int(query.get("after", 0))]
        start = (int(query.get("page", 1)) - 1) * served.size if style == "page" else int(query.get("at", 0))
        part, more = found[start : start + served.size], start + served.size < len(found)
        headers, meta = {}, {}
        if style == "link" and more:
            headers["Link"] = f'</pages/link?at={start + served.size}>; rel="next", </pages/link>; rel="first"'
        if style == "url" and more:
            meta["next"] = f"/pages/url?at={start + served.size}"
        if style == "cursor" and more:
            meta["next"] = str(start + served.size)
        if style == "circle":
            meta["next"] = "10"
        return JSONResponse({"data": {"items": part}, "meta": meta} if style != "plain" else found, headers=headers)

    def file(request: Request) -> Response:
        if fault := served.note(request):
            return fault
        data = served.files[request.path_params["name"]]
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304)
        start, status, headers = 0, 200, {"ETag": tag, "Accept-Ranges": "bytes"}
        asked = request.headers.get("range", "")
        if asked and request.headers.get("if-range") == tag:
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        headers["Content-Length"] = str(len(data) - start)
        part = data[start:]

        def sent() -> Iterator[bytes]:
            stop = len(part) if served.cut is None else min(served.cut, len(part))
            for at in range(0, stop, 4096):
                yield part[at : min(at + 4096, stop)]
            if stop < len(part):
                raise ConnectionResetError("the line is cut")

        return StreamingResponse(sent(), status, headers)

    def elsewhere(request: Request) -> Response:
        served.note(request)
        return RedirectResponse(request.query_params.get("to", str(request.url)))

    def other(request: Request) -> Response:
        return served.note(request) or Response(status_code=404)

    routes = [Route("/pages/{style}", pages), Route("/files/{name:path}", file), Route("/elsewhere", elsewhere)]
    return Starlette(routes=[*routes, Route("/{path:path}", other)])


@contextmanager
def serving(served: Served | None = None) -> Iterator[Served]:
    """The server, on a free port, until the block ends."""
    served = served or Served()
    server = uvicorn.Server(uvicorn.Config(_app(served), port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    served.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
