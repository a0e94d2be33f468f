"""The datasets that a recipe refers to: their gold rows, and what steps learn from them, made once per content and kept as files."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from lakehouse.core import versions
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.core.text.paths import TextPath
from lakehouse.production.engine.operator import Change, Keep, LearntArrays, Tables
from lakehouse.production.engine.places import with_texts
from lakehouse.production.engine.recipe import Recipe, Step

_UNUSED_SECONDS = 30 * 24 * 3600


def gold_rows(project: Project, name: str, content: str) -> pl.DataFrame:
    """The gold rows of another dataset as of the version with this content, whatever was written since."""
    version = next(v for v in reversed(versions.versions(project, name)) if v.content_id == content)
    return versions.rows(project, version).collect()


def tables_for(project: Project, recipe: Recipe, references: Mapping[str, str]) -> Tables:
    """The gold rows that verdicts look at. Steps that learn from a dataset have done so before, and need none."""
    named: dict[str, set[TextPath]] = {}
    for step in recipe.steps:
        if step.reads and step.model is None:
            named.setdefault(step.reads, set()).update(step.paths)
    return {name: with_texts(gold_rows(project, name, references[name]), paths, name) for name, paths in sorted(named.items())}


def prepare_models(project: Project, recipe: Recipe, references: Mapping[str, str], progress: Progress) -> None:
    """Make what steps learn where it is not there yet, and bind it. A file appears whole or not at all.

    Args:
        references: content id per dataset.

    Raises:
        StorageError: no room, no permission.
    """
    for step, dataset, model, file in _models(project, recipe):
        if file.exists():
            continue
        progress(f"learning from {dataset}", 0, None)
        arrays = model.prepare(with_texts(gold_rows(project, dataset, references[dataset]), step.paths, dataset))
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file) as part, part.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)
    bind_models(project, recipe)
    _forget_unused(project.state / "models", {file for *_, file in _models(project, recipe)})


def _forget_unused(folder: Path, used: set[Path]) -> None:
    """Remove what was learnt and has not been used for a month: each new version of a dataset that is learnt from makes another."""
    for file in used:
        os.utime(file)
    for file in folder.glob("*.npz"):
        if file not in used and time.time() - file.stat().st_mtime > _UNUSED_SECONDS:
            file.unlink(missing_ok=True)


def bind_models(project: Project, recipe: Recipe) -> None:
    """Bind every step that learns to its file."""
    for *_, model, file in _models(project, recipe):
        model.file = file


def _models(project: Project, recipe: Recipe) -> list[tuple[Step, str, LearntArrays, Path]]:
    return [
        (step, step.reads, step.plan.model, project.state / "models" / f"{step.model}.npz")
        for step in recipe.steps
        if step.model and step.reads and isinstance(step.plan, Keep | Change) and step.plan.model
    ]
