"""A wheel of an index that lies on this machine: a wrong checksum, killed, whole, and another version."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .session import Run, order

DECLARATION = """
source: orders
description: Orders of the package shopdata.
owner: team:shop
license: CC0-1.0
connector:
  package:
    name: shopdata
    version: "%s"
    sha256: %s
    members:
      - {path: shopdata/orders.txt, format: lines, set: {kind: order}}
key: content
"""


class _Index(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def make(run: Run) -> None:
    """20,000 orders in a wheel, and 20,001 in the next version."""
    place = run.root.parent / "index" / "shopdata"
    place.mkdir(parents=True)
    first, second = _wheel(place, "1.0", 20_000), _wheel(place, "1.1", 20_001)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Index, directory=str(place.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    run.shown[url] = "http://127.0.0.1:8000/"
    # No other index and no setting of this machine takes part.
    run.variables |= {"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": "/dev/null", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1"}
    run.variables |= {"UV_DEFAULT_INDEX": url, "UV_NO_CONFIG": "1"}
    try:
        run.declare(DECLARATION % ("1.0", first))
        run.declare(DECLARATION % ("1.0", second), shown=False)
        run.note("pip is set up for an index at http://127.0.0.1:8000/; `sha256:` is that of another file")
        run.lakehouse("collect orders", code=1)
        run.declare(DECLARATION % ("1.0", first), shown=False)
        downloads = run.root / ".lakehouse" / "downloads"
        run.note("as declared; the wheel has 20,000 lines")
        run.killed("collect orders", lambda: any(downloads.rglob("*.whl")), "the wheel was there")
        run.lakehouse("collect orders")
        run.exact(20_000, "text", sent="the wheel has")
        server.shutdown()
        run.note("the index is switched off, and nothing is asked of it")
        run.lakehouse("collect orders")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run.declare(DECLARATION % ("1.1", second), shown=False)
        run.note("`version:` and `sha256:` are those of 1.1, which has one line more; the index is on")
        run.lakehouse("collect orders")
        run.declare((DECLARATION % ("1.1", second)).replace("orders.txt", "order.txt"), shown=False)
        run.note("`path:` says shopdata/order.txt")
        run.lakehouse("collect orders", code=1)
    finally:
        server.shutdown()
        server.server_close()


def _wheel(place: Path, version: str, lines: int) -> str:
    out = io.BytesIO()
    about = f"shopdata-{version}.dist-info"
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in {
            "shopdata/orders.txt": "".join(f"{order(n)['text']}\n" for n in range(lines)),
            f"{about}/METADATA": f"Metadata-Version: 2.1\nName: shopdata\nVersion: {version}\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: docs\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{about}/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    (place / f"shopdata-{version}-py3-none-any.whl").write_bytes(out.getvalue())
    return hashlib.sha256(out.getvalue()).hexdigest()
