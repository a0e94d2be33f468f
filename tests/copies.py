"""A factory that is made once and copied for each test: making one takes seconds, copying it none."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path


def copied(root: Path, to: Path) -> Path:
    """Copy a factory; MLflow's database names the folder of artifacts by its whole path, and names the copy's from now on."""
    shutil.copytree(root, to, dirs_exist_ok=True)
    with closing(sqlite3.connect(to / "mlflow.db")) as database, database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location")):
            database.execute(f"update {table} set {column} = replace({column}, ?, ?)", (root.as_uri(), to.as_uri()))
    return to
