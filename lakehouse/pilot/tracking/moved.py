"""The embedded store of a factory that was moved or copied: MLflow writes places of artifacts in full, and they follow the folder.

Without this, a copy would go on writing into the folder that it was copied from.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lakehouse.core.project import Project

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("datasets", "dataset_source"),
)
"""Columns of MLflow 3 in which places stand."""


def follow(project: Project) -> None:
    """Point the places in the project's own sqlite store at its folder; a store elsewhere is left alone."""
    store = project.root / "mlflow.db"
    if project.tracking_uri != f"sqlite:///{store}" or not store.is_file():
        return
    with closing(sqlite3.connect(store, timeout=30)) as database, database:
        tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
        if "experiments" not in tables:
            return
        for before in _roots(database) - {str(project.root)}:
            for table, column in _PLACES:
                if table in tables:
                    _replace(database, table, column, before, str(project.root))


def _roots(database: sqlite3.Connection) -> set[str]:
    """The folders of factories that experiments name: what stands before `/mlruns/`."""
    found = set()
    for (place,) in database.execute("select artifact_location from experiments"):
        path = unquote(urlsplit(place).path) if str(place).startswith("file:") else str(place or "")
        if "/mlruns/" in path and "://" not in path:
            found.add(path.rpartition("/mlruns/")[0])
    return found


def _replace(database: sqlite3.Connection, table: str, column: str, before: str, now: str) -> None:
    """Put one folder in the place of another at the beginning of a place, as a path, as a URL, and in the JSON of a dataset's source."""
    forms = [
        (f"{before}/", f"{now}/"),
        (f"{Path(before).as_uri()}/", f"{Path(now).as_uri()}/"),
        (f'{{"path": "{before}/', f'{{"path": "{now}/'),
    ]
    for old, new in forms:
        database.execute(
            f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
            (new, len(old) + 1, len(old), old),
        )
