"""A small factory in a temporary folder, with one declared source at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from lakehouse.core.project import Project
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.batches import BATCH_BYTES
from lakehouse.reserve.bronze.collect import Collection, collect


@dataclass(frozen=True)
class Factory:
    """A project folder whose only source is `shop`."""

    root: Path

    @property
    def project(self) -> Project:
        return Project.open(self.root)

    def declare(self, path: str = "data", **changes: Any) -> None:
        """Declare the source `shop` over `path`; keys of the connector go in `options`."""
        options = changes.pop("options", {})
        declared = {
            "source": "shop",
            "description": "Orders.",
            "owner": "team:shop",
            "license": "CC0-1.0",
            "connector": {"files": {"path": path, **options}},
            **changes,
        }
        self.write("assets/sources/shop.yaml", yaml.safe_dump(declared, sort_keys=False).encode())

    def write(self, name: str, data: bytes) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def collect(self, batch_bytes: int = BATCH_BYTES) -> Collection:
        return collect(self.project, "shop", batch_bytes=batch_bytes)

    def stored(self) -> pl.DataFrame:
        """All rows of bronze, in the order of collections and ids."""
        return bronze.table(self.project, "shop").read().sort("_collection", "_row_id")

    def index(self) -> pl.DataFrame:
        """The index of the live rows."""
        return bronze.live_index(self.project, "shop", version=bronze.table(self.project, "shop").version())

    def live(self) -> pl.DataFrame:
        """The live rows with their columns."""
        index = self.index()
        return self.stored().join(index, on=["_row_id", "_collection"], how="semi").sort("_row_id")

    @property
    def lake_is_empty(self) -> bool:
        return not bronze.table(self.project, "shop").exists() and not self.project.table("system", "collections").exists()


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    (tmp_path / "assets" / "sources").mkdir(parents=True)
    return Factory(tmp_path)


def killed(script: str, *arguments: object) -> None:
    """Run a script that kills itself, and see that it did."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


_KILLED_COLLECTING = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect as module

root, words, after, *small = sys.argv[1:]
for setting in small:
    name, value = setting.split("=")
    connector, attribute = name.split(".")
    setattr(import_module(f"lakehouse.reserve.connectors.{connector}"), attribute, int(value))
calls = 0

def progress(what, done, total):
    global calls
    calls += words in what
    if calls == int(after):
        os.kill(os.getpid(), signal.SIGKILL)

module.collect(Project.open(Path(root)), "shop", progress=progress)
"""


def killed_collecting(root: Path, words: str, after: int, *small: str) -> None:
    """Collect `shop` in a process that kills itself when its progress has said `words` so many times.

    Args:
        small: settings of connectors, such as `nats.PIECE_BYTES=1`, so that little material comes in many pieces.
    """
    killed(_KILLED_COLLECTING, root, words, after, *small)
