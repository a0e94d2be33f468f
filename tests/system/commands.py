"""Commands as a user gives them, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def environment(**more: str) -> dict[str, str]:
    """The environment of a user: no setting of the test run leaks in; git knows who commits."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAKEHOUSE_", "MLFLOW_", "DAGSTER_", "PYTEST"))}
    who = {
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@localhost",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@localhost",
    }
    return {**kept, **who, "COLUMNS": "120", **more}


def lakehouse(folder: Path, *arguments: str, python: str = sys.executable, code: int = 0, **more: str) -> str:
    """Run `lakehouse ARGUMENTS` in `folder`; asserts the exit code and that no traceback was shown; returns what was printed."""
    done = subprocess.run(
        [python, "-m", "lakehouse.cli", *arguments], cwd=folder, env=environment(**more), capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said, said
    return said


def lakehouse_json(folder: Path, *arguments: str) -> Any:
    """The JSON that `lakehouse ARGUMENTS --json` prints."""
    command = [sys.executable, "-m", "lakehouse.cli", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def run(folder: Path, *command: str) -> str:
    """Run any command that must succeed; returns its standard output."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
