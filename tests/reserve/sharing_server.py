"""A server of the protocol Delta Sharing on loopback, which shares a real Delta table."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

TOKEN = "s3cret"


@dataclass
class Sharing:
    """The server of one table, `shop.sales.orders`; it answers as version 1 of the protocol says.

    Attributes:
        table: the folder of the Delta table that it shares.
        fetched: data files that were fetched.
        reader: the version of readers that it asks for.
        signed: whether the signatures of addresses hold.
    """

    table: Path
    url: str = ""
    fetched: list[str] = field(default_factory=list)
    reader: int = 1
    signed: bool = True
    answer: tuple[int, bytes] | None = None

    def query(self) -> bytes:
        delta = DeltaTable(self.table)
        metadata = delta.metadata()
        about = {"id": "1", "format": {"provider": "parquet"}, "schemaString": delta.schema().to_json()}
        lines: list[dict[str, Any]] = [{"protocol": {"minReaderVersion": self.reader}}]
        lines.append({"metaData": {**about, "partitionColumns": metadata.partition_columns}})
        adds = pl.DataFrame(pa.table(delta.get_add_actions(flatten=True)))
        for add in adds.iter_rows(named=True):
            values = {name: str(v) if (v := add[f"partition.{name}"]) is not None else "" for name in metadata.partition_columns}
            url = f"{self.url}/files/{add['path']}?signature=good"
            lines.append({"file": {"url": url, "id": add["path"].rpartition("/")[2], "partitionValues": values, "size": add["size_bytes"]}})
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


class Handler(BaseHTTPRequestHandler):
    state: Sharing

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def reply(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.state.answer is not None:
            return self.reply(*self.state.answer)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.reply(401, b'{"errorCode": "UNAUTHENTICATED", "message": "The token is not known."}')
        if urlsplit(self.path).path != "/api/shares/shop/schemas/sales/tables/orders/query":
            return self.reply(404, b'{"errorCode": "RESOURCE_DOES_NOT_EXIST", "message": "There is no such table."}')
        version = str(DeltaTable(self.state.table).version())
        return self.reply(200, self.state.query(), Delta_Table_Version=version, Content_Type="application/x-ndjson; charset=utf-8")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if self.headers.get("Authorization"):
            return self.reply(400, b"a signed address takes no token")
        if parse_qs(parts.query)["signature"] != ["good"] or not self.state.signed:
            return self.reply(403, b"the signature has expired")
        name = unquote(parts.path).removeprefix("/files/")
        self.state.fetched.append(name)
        return self.reply(200, (self.state.table / name).read_bytes(), ETag=f'"{name}"')


@contextmanager
def sharing_server(table: Path) -> Iterator[Sharing]:
    """The server, on a free port, until the block ends."""
    state = Sharing(table)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
