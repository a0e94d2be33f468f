"""Every mistake in the declarations that can be known without a run."""

from __future__ import annotations

from lakehouse.core.errors import FactoryError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import check_standards
from lakehouse.core.spec import standards, yamlfile
from lakehouse.governance.access import policy
from lakehouse.operations import promises
from lakehouse.operations.line import order, references
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.pilot import check_gates, names_of
from lakehouse.production.column_sensitivity import levels_of_dataset
from lakehouse.production.engine.recipe import compile_recipe
from lakehouse.reserve.screening.screen import detections
from lakehouse.reserve.source import feed


def check(project: Project) -> list[FactoryError]:
    """Every mistake in every declaration and contract, at most one a file for mistakes of form, all for mistakes of meaning."""
    problems: list[FactoryError] = [*project.broken("sources").values(), *project.broken("datasets").values()]
    sources, datasets = project.sources, project.datasets
    problems += _caught(lambda: standards.load(project.root)) + _caught(lambda: policy.load(project))
    for name in sources:
        problems += _caught(lambda name=name: check_standards(project, name))  # type: ignore[misc]
        problems += _caught(lambda name=name: feed(project, name))  # type: ignore[misc]
        problems += _caught(lambda name=name: detections(project, name))  # type: ignore[misc]
    for name, declared in datasets.items():
        dataset, document = declared.spec, declared.document
        for index, source in enumerate(dataset.sources):
            if source not in sources and source not in project.broken("sources"):
                problems.append(_unknown("source", source, document.where(("sources", index)), sources))
        without = len(problems)
        problems += _caught(lambda dataset=dataset: project.contract(dataset), document.where(("contract",)))  # type: ignore[misc]
        broken = _caught(lambda name=name: compile_recipe(project, name))  # type: ignore[misc]
        problems += broken or _caught(lambda name=name: levels_of_dataset(project, name, promised=False))  # type: ignore[misc]
        for index, call in enumerate(dataset.pilot.evaluations):
            loc: yamlfile.Loc = ("pilot", "evaluations", index)
            problems += _caught(lambda c=call, d=document, at=loc: EVALUATIONS.bind(c, document=d, loc=at))  # type: ignore[misc]
        known = set(names_of(dataset))
        for index, gate in enumerate(dataset.pilot.gates):
            if gate.evaluation and gate.evaluation not in known:
                problems.append(_unknown("evaluation", gate.evaluation, document.where(("pilot", "gates", index)), known))
        problems += _caught(lambda dataset=dataset: check_gates(dataset), document.where(("pilot", "gates")))  # type: ignore[misc]
        for other in references(dataset):
            if other not in datasets and other not in project.broken("datasets"):
                where = next((document.where(loc) for loc, value in document.raw.items() if value == other), document.where())
                problems.append(_unknown("dataset", other, where, datasets))
        if len(problems) == without and all(source in sources for source in dataset.sources):
            problems += _promises(project, name)
    if not problems:
        problems += _caught(lambda: order(project, list(datasets)))
    return problems


def _promises(project: Project, name: str) -> list[FactoryError]:
    try:
        return list(promises.problems(project, name))
    except FactoryError as error:
        return [error]


def _unknown(kind: str, name: str, where: str, known: object) -> SpecError:
    return SpecError(f"unknown {kind} `{name}`", where=where, fix=yamlfile.suggest(name, known))  # type: ignore[arg-type]


def _caught(action: object, where: str | None = None) -> list[FactoryError]:
    try:
        action()  # type: ignore[operator]
    except FactoryError as error:
        error.where = error.where or where
        return [error]
    return []
