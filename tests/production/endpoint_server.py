"""A model on the loopback interface: the chat completions of an OpenAI-compatible server, with faults on demand.

It answers with the last message in capitals. Faults are by request text: `faults` maps a piece of text to what happens to the requests
that hold it, one fault a try, in order; `always` to what happens to each try.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-loopback-0123456789"
MODEL = "loop-1"

Fault = tuple[Any, ...]
"""("status", 500, headers?, message?), ("slow", seconds), ("reset",), ("garbage", text), ("body", dictionary),
("stream", finish reason or None)."""


@dataclass
class Model:
    """State of the server."""

    url: str = ""
    key: str | None = None
    delay: float = 0.0
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    always: dict[str, Fault] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self) -> Counter[str]:
        """How often each prompt came."""
        with self.lock:
            return Counter(body["messages"][-1]["content"] for body in self.bodies)

    def fault(self, prompt: str) -> Fault | None:
        with self.lock:
            for piece, faults in self.faults.items():
                if piece in prompt and faults:
                    return faults.pop(0)
            return next((fault for piece, fault in self.always.items() if piece in prompt), None)


@contextmanager
def model_server(**state: Any) -> Iterator[Model]:
    """A running model at `model.url`."""
    model = Model(**state)

    class Handler(_Handler):
        state = model

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: str | None, finish_reason: str = "stop", tokens: int = 7) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], "usage": {"total_tokens": tokens}}


def _events(text: str, end: str | None) -> bytes:
    """A completion in pieces of three characters; without `end` it breaks off."""
    deltas: list[dict[str, Any]] = [{"role": "assistant"}, *({"content": text[at : at + 3]} for at in range(0, len(text), 3))]
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if end:
        chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": end}]}, {"choices": [], "usage": {"total_tokens": 11}}]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + (b": bye\n\ndata: [DONE]\n\n" if end else b"")


class _Handler(BaseHTTPRequestHandler):
    state: Model
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_POST(self) -> None:
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.bodies.append(body)
            state.times.append(time.monotonic())
            state.headers.append(dict(self.headers))
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            self._answer(body)
        finally:
            with state.lock:
                state.at_once -= 1

    def _answer(self, body: dict[str, Any]) -> None:
        state = self.state
        if state.key is not None and self.headers.get("Authorization") != f"Bearer {state.key}":
            given = self.headers.get("Authorization", "")
            return self._json(401, {"error": {"message": f"Incorrect API key provided: {given}", "code": "invalid_api_key"}})
        if self.path != "/v1/chat/completions":
            return self._json(404, {"detail": "Not Found"})
        if body["model"] != MODEL:
            return self._json(404, {"error": {"message": f"The model `{body['model']}` does not exist", "code": "model_not_found"}})
        time.sleep(state.delay)
        prompt = body["messages"][-1]["content"]
        kind, *given = state.fault(prompt) or ("body", completion(prompt.upper()))
        if kind == "status":
            status, headers, message = (*given, *({}, "a fault")[len(given) - 1 :])
            return self._json(status, {"error": {"message": message}}, headers)
        if kind == "reset":
            # Closing with unread linger of zero sends RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return None
        if kind == "slow":
            time.sleep(given[0])
            return self._json(200, completion(prompt.upper()))
        if kind == "stream":
            return self._send(200, _events(prompt.upper(), given[0]), {"Content-Type": "text/event-stream; charset=utf-8"})
        if kind == "garbage":
            return self._send(200, given[0].encode(), {"Content-Type": "text/html"})
        return self._json(200, given[0])

    def _json(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
