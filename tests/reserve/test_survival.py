"""A killed run and a full disk leave bronze at its last version; a re-run completes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collections import collections

from .conftest import Factory

pytestmark = pytest.mark.slow

KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect as module

project = Project.open(Path(sys.argv[1]))
after = int(sys.argv[2])
calls = 0

def progress(what, done, total):
    global calls
    calls += 1
    if calls == after:
        os.kill(os.getpid(), signal.SIGKILL)

if after < 0:
    # Between the commit of bronze and the record of the collection.
    module.record = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
module.collect(project, "shop", progress=progress, batch_bytes=2000)
"""

FULL = """
import resource, signal, sys
from pathlib import Path
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.reserve.bronze.collect import collect

# A file may grow no further than this: the unprivileged, portable likeness of a full disk (EFBIG in place of ENOSPC).
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    collect(Project.open(Path(sys.argv[1])), "shop")
except FactoryError as error:
    print(type(error).__name__, error)
"""


def orders(first: int, count: int) -> bytes:
    import hashlib

    rows = (f"{i},{hashlib.sha256(str(i).encode()).hexdigest()}\n" for i in range(first, first + count))
    return ("id,item\n" + "".join(rows)).encode()


@pytest.mark.parametrize("after", [1, 7, -1])
def test_kill_during_a_collection(factory: Factory, after: int) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/a.csv", orders(0, 50))
    first = factory.collect()
    factory.write("data/a.csv", orders(10, 500))
    done = subprocess.run([sys.executable, "-c", KILLED, str(factory.root), str(after)], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    content = bronze.source_content_id(factory.index())
    made = factory.collect()
    if after > 0:
        assert content == first.content_id
        assert (made.added, made.vanished) == (460, 10)
    else:
        assert content == made.content_id
        assert made.unchanged
    undisturbed = [f"shop/{i}" for i in range(10, 510)]
    assert factory.index()["_row_id"].to_list() == sorted(undisturbed)
    assert collections(factory.project, "shop")[-1].content_id == made.content_id
    assert factory.collect().unchanged


def test_full_disk(factory: Factory) -> None:
    factory.declare(key=["id"], options={"format": "csv"})
    factory.write("data/a.csv", orders(0, 10))
    first = factory.collect()
    factory.write("data/a.csv", orders(0, 5000))
    done = subprocess.run([sys.executable, "-c", FULL, str(factory.root), "65536"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("StorageError"), done.stdout
    assert bronze.source_content_id(factory.index()) == first.content_id
    assert factory.collect().added == 4990


def test_full_disk_while_setting_an_item_aside(factory: Factory) -> None:
    factory.declare(max_item_bytes=1000)
    factory.write("data/a.txt", b"one\n" + b"x" * 300_000 + b"\n")
    done = subprocess.run([sys.executable, "-c", FULL, str(factory.root), "65536"], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("StorageError"), done.stdout + done.stderr
    assert factory.lake_is_empty
    assert list((factory.root / "lake" / "blobs" / ".unfinished").iterdir()) == []
    assert factory.collect().findings == {"oversized": 1}
