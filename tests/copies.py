"""A factory that is made once and copied for each test: making one takes seconds, copying it none."""

from __future__ import annotations

import shutil
from pathlib import Path

from lakehouse.core.project import Project
from lakehouse.pilot.tracking.moved import follow


def copied(root: Path, to: Path) -> Path:
    """Copy a factory; its artifacts are in the copy from now on."""
    shutil.copytree(root, to, dirs_exist_ok=True)
    follow(Project.open(to))
    return to
