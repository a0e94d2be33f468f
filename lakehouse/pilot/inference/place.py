"""Where a job runs: its project and its dataset, known by the job's folder."""

from __future__ import annotations

import os
from pathlib import Path

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError, RecipeError
from lakehouse.core.project import Project


def project_file(name: str) -> Path:
    """The file `name` of the project folder.

    Raises:
        NotFoundError: no such file.
    """
    project = Project.find()
    file = project.root / name
    if not file.is_file():
        raise NotFoundError(f"no file {name} in the project folder", fix="paths are relative to the folder that holds assets/")
    return file


def dataset_here(project: Project) -> str | None:
    """The dataset whose job runs: the worker's job folder is `.lakehouse/pilot/<dataset>/<job>`; None outside of a worker."""
    folder = Path(os.environ.get("LAKEHOUSE_PROJECT", ".")).resolve()
    try:
        parts = folder.relative_to(project.state.resolve()).parts
    except ValueError:
        return None
    return parts[1] if len(parts) > 2 and parts[0] == "pilot" else None


def may_leave(project: Project, column: str, allowed: frozenset[str]) -> None:
    """Refuse to send values of `column` to another machine that may carry a privacy class which is not `allowed`.

    A job sees rows, not the version that they are of, so every version of the dataset, and of its frozen set, has a say.

    Raises:
        RecipeError: a class is not allowed, or the rows are of no declared dataset, so that nothing says what they carry.
    """
    name = dataset_here(project)
    if name is None or name not in project.datasets:
        raise RecipeError(
            f"nothing says what `{column}` may carry, so it is not sent to another machine",
            fix="evaluate a declared dataset with `lakehouse run`, or use an endpoint on this machine",
        )
    frozen = project.dataset(name).pilot.held_out
    for each in (name, *([frozen.dataset] if frozen else [])):
        for version in versions.versions(project, each):
            if carried := frozenset(version.manifest.get("privacy", {}).get(column, [])) - allowed:
                raise RecipeError(
                    f"`{column}` of {each} {version.label} may carry {', '.join(sorted(carried))}, which may not leave this machine",
                    fix="name the classes under `may_send`, redact them in the recipe, or use an endpoint on this machine",
                )
