"""A factory of one's own: a new folder with its workspace, git and DVC, ready for datasets to be added."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lakehouse.authoring.add import Added, Ask, add
from lakehouse.authoring.schema import write_schemas
from lakehouse.authoring.yaml_file import write
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project

_WORKSPACE = "load_from:\n  - python_module:\n      module_name: assets.definitions\n      location_name: factory\n"
_IGNORED = "/data/\n/lake/\n/archive/\n/mlruns/\n/mlflow.db*\n/.lakehouse/\n/.dagster/\n/dvc-remote/\n__pycache__/\n.venv/\n"


@dataclass(frozen=True)
class NewFactory:
    """A new factory and its first dataset."""

    root: Path
    added: Added
    notes: tuple[str, ...]


def make_factory(
    folder: Path,
    material: str | None = None,
    *,
    name: str | None = None,
    text: str | None = None,
    label: str | None = None,
    table: str | None = None,
    ask: Ask | None = None,
) -> NewFactory:
    """Make a factory in `folder`, which must be new or empty, with a dataset from the material, or from a sample.

    Raises:
        FactoryError: the folder is not empty. SourceError, SpecError: as `add`; nothing is left behind.
    """
    root = folder.resolve()
    was_there = root.exists()
    if was_there and (not root.is_dir() or any(root.iterdir())):
        raise FactoryError(f"{folder} exists and is not empty", fix="name a new folder, or go there and run: lakehouse add FILE")
    root.mkdir(parents=True, exist_ok=True)
    try:
        for place in ("assets/sources", "assets/datasets", "contracts"):
            (root / place).mkdir(parents=True)
        write(root / "workspace.yaml", _WORKSPACE)
        write(root / ".gitignore", _IGNORED)
        write_schemas(root / ".lakehouse" / "schema")
        if material is None:
            (root / "data").mkdir()
            sample = resources.files("lakehouse.authoring") / "template" / "tickets.csv"
            (root / "data" / "tickets.csv").write_bytes(sample.read_bytes())
            material, label = str(root / "data" / "tickets.csv"), label or "topic"
        added = add(Project.open(root), material, name=name, text=text, label=label, table=table, ask=ask)
        write(root / "README.md", _README.format(name=added.dataset, source=added.source))
        return NewFactory(root, added, (*added.notes, *_repository(root)))
    except BaseException:  # half a factory is worse than none
        shutil.rmtree(root)
        if was_there:
            root.mkdir()
        raise


def _repository(root: Path) -> list[str]:
    """git and DVC, and a first commit; returns what the user should know."""
    notes = []
    inside = subprocess.run(["git", "-C", str(root), "rev-parse", "--show-toplevel"], capture_output=True, check=False).returncode == 0
    if not inside:
        _run(root, "git", "init", "-q", "-b", "main")
    else:
        notes.append("the folder lies in a git repository already: that one is used")
    dvc = (sys.executable, "-m", "dvc")
    _run(root, *dvc, "init", "-q", *(["--subdir"] if inside else []))
    _run(root, *dvc, "config", "core.analytics", "false")
    # A folder stands in for an object store until one is configured: dvc remote modify storage url s3://...
    _run(root, *dvc, "remote", "add", "-q", "-d", "storage", "dvc-remote")
    _run(root, "git", "add", "-A", ".")
    has_identity = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, check=False).returncode == 0
    identity = [] if has_identity else ["-c", "user.name=lakehouse", "-c", "user.email=lakehouse@localhost"]
    _run(root, "git", *identity, "commit", "-q", "-m", "A new data factory", "--", ".")
    return notes


def _run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        messages = (done.stderr or done.stdout).strip().splitlines()
        raise FactoryError(f"`{' '.join(command[:4])}` failed: {messages[-1] if messages else done.returncode}", fix="is git installed?")


_README = """# A data factory

    lakehouse check            # are all declarations in order?
    lakehouse plan             # what would a run change, and why?
    lakehouse run {name}       # collect, clean, validate, split, evaluate
    lakehouse release {name}   # bundle, DVC, git tag
    lakehouse add FILE         # another dataset, from a file, a folder, an address or a database
    lakehouse ui               # Dagster and MLflow

Declarations: `assets/sources/{source}.yaml`, `assets/datasets/{name}.yaml`; the contract: `contracts/{name}.py`.
`data/` holds raw material and stays out of git.
"""
