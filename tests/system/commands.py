"""Commands as a user gives them: in processes of their own, or in that of the test, which saves the start of an interpreter."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from lakehouse.cli import main


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


def called(folder: Path, *arguments: str, code: int = 0) -> str:
    """`lakehouse ARGUMENTS` in the process of the test, for what a command does and says; `lakehouse` is for how a process fares."""
    out, err = _called(folder, arguments, code)
    return out + err


def called_json(folder: Path, *arguments: str) -> Any:
    """The JSON that `lakehouse ARGUMENTS --json` prints, in the process of the test."""
    return json.loads(_called(folder, (*arguments, "--json"), 0)[0])


def _called(folder: Path, arguments: tuple[str, ...], code: int) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    users = environment()
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - users.keys():
            patch.delenv(name)
        for name, value in users.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["lakehouse", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == code, out.getvalue() + err.getvalue()
    return out.getvalue(), err.getvalue()


def run(folder: Path, *command: str) -> str:
    """Run any command that must succeed; returns its standard output."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
