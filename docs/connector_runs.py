"""Make the runs that connectors' pages show: `python docs/connector_runs.py [NAME...]`."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
WRITTEN = HERE / "connectors" / "runs"
NAMES = sorted(file.stem for file in (HERE / "runs").glob("*.py") if file.stem not in ("__init__", "session"))


def make(name: str) -> str:
    """Make the run of a connector against its server on loopback; returns what to show."""
    session = importlib.import_module("runs.session")
    module = importlib.import_module(f"runs.{name}")
    with tempfile.TemporaryDirectory(prefix="connector-run-") as folder:
        root = Path(folder) / "factory"
        (root / "assets" / "sources").mkdir(parents=True)
        run = session.Run(root)
        module.make(run)
        return str(run.text)


def main() -> None:
    """Make the named runs, by default all, and write each to docs/connectors/runs/NAME.md."""
    parser = argparse.ArgumentParser(
        description=f"{__doc__} Each starts its server on loopback (Debian's mosquitto, nats-server, redis-server, postgresql; "
        "the extras of the connectors are needed). Then run: python docs/generate.py",
        epilog="example: python docs/connector_runs.py sql nats",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(NAMES)}; by default all")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"no run of {', '.join(unknown)}; there are {', '.join(NAMES)}")
    # The servers are those of the tests.
    sys.path.insert(0, str(HERE.parent))
    WRITTEN.mkdir(parents=True, exist_ok=True)
    for name in given.names or NAMES:
        began = time.monotonic()
        text = make(name)
        (WRITTEN / f"{name}.md").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}: {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
