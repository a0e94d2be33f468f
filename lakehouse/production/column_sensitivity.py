"""Sensitivity of the columns of a dataset: that of the most sensitive source column behind each, unless a redacted one is regraded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import ColumnSensitivity, highest, of_column
from lakehouse.core.spec import LEVELS, Dataset, standards
from lakehouse.core.versions import Version
from lakehouse.production.engine.operator import Change
from lakehouse.production.engine.recipe import Recipe, compile_recipe


def levels_of_dataset(project: Project, name: str, *, recipe: Recipe | None = None, promised: bool = True) -> dict[str, ColumnSensitivity]:
    """The sensitivity of a dataset's columns by what is declared now.

    A standard that the contract names for a column is a floor, also under a regrading.

    Args:
        recipe: the compiled recipe, if it is at hand.
        promised: of the contract's columns, with those of their standards; without it, of all that leave the recipe.

    Raises:
        SpecError: a column is regraded that no step redacts.
    """
    dataset = project.dataset(name)
    compiled = recipe or compile_recipe(project, name)
    _check_regrade(project, dataset, compiled)
    columns = project.contract(dataset).columns if promised else {}
    names = columns if promised else compiled.lineage
    return {c: _level(project, dataset, c, compiled.lineage.get(c, (c,)), dataset.sources, columns.get(c)) for c in names}


def levels_of_version(project: Project, version: Version) -> dict[str, ColumnSensitivity]:
    """The sensitivity of the columns that a version has, by the sources and the lineage it was made with and what is declared now.

    Raises:
        SpecError: a column is regraded that no step redacts.
    """
    dataset, manifest = project.dataset(version.dataset), version.manifest
    _check_regrade(project, dataset, compile_recipe(project, version.dataset))
    columns = {**manifest["columns"], **project.contract(dataset).columns}
    sources = [given["source"] for given in manifest["inputs"]]
    lineage = manifest.get("lineage") or {}
    return {c: _level(project, dataset, c, lineage.get(c, (c,)), sources, about) for c, about in columns.items()}


def _level(
    project: Project, dataset: Dataset, column: str, roots: Iterable[str], sources: Sequence[str], about: Mapping[str, Any] | None
) -> ColumnSensitivity:
    level = highest([_carried(project, sources, root) for root in roots] or [_NOTHING])
    lowered = dataset.regrade.get(column)
    if lowered is not None and LEVELS.index(lowered.to) < LEVELS.index(level.level):
        level = ColumnSensitivity(lowered.to, f"regraded from {level.level}: {lowered.reason}")
    if (standard := (about or {}).get("standard")) is not None:
        floor = standards.find(project.root, standard["name"]).sensitivity
        level = highest([level, ColumnSensitivity(floor, f"it is {standard['name']}, by its standard {floor}")])
    return level


def is_declared(project: Project, name: str) -> bool:
    """Whether any declaration sets the sensitivity of a dataset, beside the privacy classes of its sources."""
    dataset = project.dataset(name)
    limit = dataset.release.max_sensitivity if dataset.release else None
    sources = [project.source(source) for source in dataset.sources]
    columns = project.contract(dataset).columns.values()
    return bool(limit or dataset.regrade) or any(s.sensitivity or s.standards for s in sources) or any("standard" in c for c in columns)


def uses(project: Project) -> dict[str, list[str]]:
    """The columns that are a standard field, `bronze/SOURCE.COLUMN` and `gold/DATASET.COLUMN`, by the name of the field."""
    found: dict[str, list[str]] = {}
    for source, given in project.sources.items():
        for column, name in given.spec.standards.items():
            found.setdefault(name, []).append(f"bronze/{source}.{column}")
    for dataset, declared in project.datasets.items():
        for column, about in project.contract(declared.spec).columns.items():
            if "standard" in about:
                found.setdefault(about["standard"]["name"], []).append(f"gold/{dataset}.{column}")
    return found


_NOTHING = ColumnSensitivity("general", "it is made from no column of a source")


def _carried(project: Project, sources: Sequence[str], root: str) -> ColumnSensitivity:
    """The sensitivity of a source column, the highest of the sources that have it; of a source that is declared no more, `core`."""
    if gone := [source for source in sources if source not in project.sources]:
        return ColumnSensitivity("core", f"its source {gone[0]} is declared no more")
    having = [s for s in sources if (columns := project.source(s).columns) is None or root in columns]
    return highest(of_column(project, source, root) for source in having or sources)


def _check_regrade(project: Project, dataset: Dataset, recipe: Recipe) -> None:
    redacted = {column for step in recipe.steps if isinstance(step.plan, Change) for column, kinds in step.plan.clears.items() if kinds}
    for column in dataset.regrade:
        if column not in redacted:
            where = project.datasets[dataset.dataset].document.where(("regrade", column))
            raise SpecError(
                f"`{column}` is regraded, but no step redacts it", where=where, fix="add a `redact` step, or take `regrade` out"
            )
