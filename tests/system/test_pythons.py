"""The same factory under every Python that is promised: one version id, whichever interpreter makes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.test_identity_lock import other_pythons

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def made_by(lakehouse: Path, folder: Path) -> dict[str, object]:
    """The version that `init` and a run to gold make of the sample."""
    environment = {**os.environ, "LAKEHOUSE_RUNNER": "in_process"}
    for command in (["init", str(folder)], ["run", "tickets", "--to", "gold"]):
        where = folder if folder.exists() else folder.parent
        done = subprocess.run([lakehouse, *command], cwd=where, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    listed = subprocess.run([lakehouse, "version", "list", "tickets", "--json"], cwd=folder, capture_output=True, text=True, check=True)
    (version,) = json.loads(listed.stdout)
    return {name: version[name] for name in ("version", "label")}


@pytest.mark.slow
def test_other_pythons_make_the_same_version(tmp_path: Path) -> None:
    pythons = other_pythons()
    if not pythons or not UV.exists():
        pytest.skip("NO OTHER PYTHON: this machine has none of 3.11 to 3.13 beside this one, or no uv")
    ours = made_by(Path(sys.executable).with_name("lakehouse"), tmp_path / "ours")
    index = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False)
    environment = os.environ | ({"UV_DEFAULT_INDEX": index.stdout.strip()} if index.returncode == 0 else {})
    for number, python in enumerate(pythons):
        place = tmp_path / f"venv{number}"
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        for command in (
            [UV, "venv", "--quiet", "--python", python, place],
            [UV, "pip", "install", "--quiet", "--python", place / "bin/python", *constraints, ROOT],
        ):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{python}: {done.stderr}"
        assert made_by(place / "bin/lakehouse", tmp_path / f"theirs{number}") == ours, python
