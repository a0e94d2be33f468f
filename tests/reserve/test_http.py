"""Files at addresses: resume, checksums, conditional fetches, what goes wrong, and kills; against a server on loopback."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from lakehouse.core.errors import SourceError, SpecError
from lakehouse.reserve.source import feed

from .conftest import Factory, killed
from .web_server import Served, serving

ORDERS = b"id,item\n" + b"".join(b"%d,%s\n" % (n, hashlib.sha256(str(n).encode()).hexdigest().encode()) for n in range(1, 3001))


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(Served(files={"orders.csv": ORDERS, "notes.txt.gz": gzip.compress("一行\n两行\n".encode(), mtime=0)})) as found:
        yield found


def declare(factory: Factory, served: Served, *names: str, sha256: str | None = None, **changes: Any) -> None:
    files = [{"url": f"{served.url}/files/{name}", **({"sha256": sha256} if sha256 else {})} for name in names or ("orders.csv",)]
    factory.declare(connector={"http": {"files": files, "retries": 3, **changes}})


def test_files_are_read_by_their_endings_and_fetched_again_only_when_they_changed(factory: Factory, served: Served) -> None:
    factory.declare(connector={"http": {"files": [{"url": f"{served.url}/files/notes.txt.gz", "set": {"kind": "note"}}]}})
    first = factory.collect()
    assert factory.live().select("text", "kind").rows() == [("一行", "note"), ("两行", "note")]
    assert factory.collect().unchanged
    assert "if-none-match" in served.headers[-1]
    served.files["notes.txt.gz"] = gzip.compress("一行\n三行\n".encode(), mtime=0)
    made = factory.collect()
    assert (made.changed, made.content_id != first.content_id) == (1, True)


def test_a_file_with_the_checksum_that_is_held_is_not_asked_for(factory: Factory, served: Served) -> None:
    declare(factory, served, sha256=hashlib.sha256(ORDERS).hexdigest())
    assert factory.collect().added == 3000
    asked = len(served.asked)
    assert factory.collect().unchanged
    assert len(served.asked) == asked


def test_a_declaration_that_reads_otherwise_asks_the_server_for_nothing(factory: Factory, served: Served) -> None:
    files = {"url": f"{served.url}/files/orders.csv"}
    factory.declare(connector={"http": {"files": [files]}})
    first = factory.collect()
    asked = len(served.asked)
    factory.declare(connector={"http": {"files": [files | {"quote": None}]}})
    made = factory.collect()
    assert (made.live, made.content_id) == (3000, first.content_id)
    assert len(served.asked) == asked


def test_a_fetch_that_breaks_off_goes_on_where_it_ended(factory: Factory, served: Served) -> None:
    served.cut = 100_000
    declare(factory, served)
    assert factory.collect().added == 3000
    ranges = [h.get("range") for h in served.headers]
    assert ranges[0] is None
    assert all(r is not None for r in ranges[1:])
    assert len(ranges) == -(-len(ORDERS) // 100_000)


def test_a_file_that_became_another_in_between_is_fetched_whole(factory: Factory, served: Served) -> None:
    served.cut = 50_000
    declare(factory, served, retries=0)
    with pytest.raises(SourceError, match=r"orders.csv: breaks off after [\d,]+ bytes(.|\n)*it goes on there"):
        factory.collect()
    served.cut = None
    served.files["orders.csv"] = other = ORDERS.replace(b"a", b"b")
    assert factory.collect().added == 3000
    assert served.headers[-1]["range"].startswith("bytes=")
    assert factory.live().sort("_row_id")["item"][0].encode() == other.split(b"\n")[1].split(b",")[1]


@pytest.mark.parametrize(
    ("changes", "fault", "words"),
    [
        ({"sha256": "0" * 64}, None, r"has the checksum [0-9a-f]{12}..., not 000000000000...; nothing of it is kept"),
        ({"max_bytes": 1000}, None, "is larger than 1,000 bytes"),
        ({}, PlainTextResponse("x", 200, {"Content-Encoding": "gzip"}), r"is sent packed \(gzip\)(.|\n)*`name: orders.csv.gz`"),
        ({}, PlainTextResponse("gone", 404), r"the server answers 404 Not Found: gone"),
        ({"retries": 1}, PlainTextResponse("", 502, {"Retry-After": "0"}), "the server answers 502 Bad Gateway"),
    ],
)
def test_what_goes_wrong_is_one_message_and_nothing_is_written(
    factory: Factory, served: Served, changes: dict[str, Any], fault: Response | None, words: str
) -> None:
    served.faults = lambda path, n: fault
    declare(factory, served, **changes)
    with pytest.raises(SourceError, match=words):
        factory.collect()
    assert not factory.project.table("bronze", "shop").exists()
    assert [f for f in Path(factory.project.lake).rglob("landing/shop/**/*") if f.is_file()] == []


def test_names_that_do_not_tell_files_apart_are_refused(factory: Factory, served: Served) -> None:
    declare(factory, served, "orders.csv", "old/orders.csv")
    with pytest.raises(SpecError, match=r"two files are called `orders.csv`(.|\n)*name:"):
        feed(factory.project, "shop")
    factory.declare(connector={"http": {"files": [{"url": f"{served.url}/"}]}})
    with pytest.raises(SpecError, match="ends in no file name"):
        feed(factory.project, "shop")


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect as module

after = int(sys.argv[2])
read, plain = 0, Path.open

class Killing:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *e): self.file.close()
    def write(self, data):
        global read
        for at in range(0, len(data), 4096):
            read += 1
            self.file.write(data[at:at + 4096])
            if read == after:
                self.file.flush()
                os.kill(os.getpid(), signal.SIGKILL)

def opened(self, mode="r", *given, **named):
    file = plain(self, mode, *given, **named)
    return Killing(file) if "partial" in str(self) and mode in ("ab", "wb") else file

Path.open = opened
module.collect(Project.open(Path(sys.argv[1])), "shop")
"""


@pytest.mark.slow
def test_three_kills_at_random_cost_no_byte_twice(factory: Factory, served: Served) -> None:
    declare(factory, served, sha256=hashlib.sha256(ORDERS).hexdigest())
    generator = random.Random(3)
    for _ in range(3):
        killed(KILLED, factory.root, generator.randint(3, 12))
    made = factory.collect()
    assert (made.added, made.findings) == (3000, {})
    starts = [int(h["range"].removeprefix("bytes=").rstrip("-")) for h in served.headers[1:]]
    assert starts == sorted(starts)
    assert starts[0] > 0
    lines = [f"{r['id']},{r['item']}" for r in factory.live().sort("_row_id").iter_rows(named=True)]
    assert ("id,item\n" + "\n".join(lines) + "\n").encode() == ORDERS
