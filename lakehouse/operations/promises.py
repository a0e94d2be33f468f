"""What a declaration promises against what is known before a run: columns and types, labels, metrics, thresholds, splits, licence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from lakehouse.core.errors import FactoryError, SpecError, StorageError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset, Gate, yamlfile
from lakehouse.core.spec.contract import Contract
from lakehouse.core.text.numbers import counted
from lakehouse.delivery.release.licenses import is_known, suggestion
from lakehouse.delivery.release.shards import ROW_ID
from lakehouse.pilot.task import task_named
from lakehouse.production.engine.measure import types_of
from lakehouse.production.engine.recipe import compile_recipe
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collections import last_collection

_SHARES = re.compile(r"(^|_)(threshold|share|ratio|rate|fraction|frac|min_score)$|^min_left$")
"""Parameters of steps that are shares or similarities, from 0 to 1."""
_ABOVE_ONE = frozenset({"rmse", "mae", "log_loss", "bits_per_byte", "perplexity", "ppl"})
"""Metrics that may be more than 1."""


def problems(project: Project, name: str) -> Iterator[FactoryError]:
    """Every promise of a dataset that cannot be kept."""
    declared = project.datasets[name]
    dataset, document = declared.spec, declared.document
    contract = project.contract(dataset)
    yield from _steps(dataset, document)
    entering, _ = _entering(project, dataset)
    columns = types_of(compile_recipe(project, name, entering), entering).values if entering is not None else None
    if columns is not None:
        yield from _columns(contract, columns)
    yield from _evaluations(dataset, document, contract)
    for at, gate in enumerate(dataset.pilot.gates):
        yield from _gate(dataset, gate, document.where(("pilot", "gates", at)))
    if ROW_ID in contract.columns:
        what = f"column `{ROW_ID}`: a release gives this name to the ids of its rows"
        yield SpecError(what, where=contract.reference, fix=f"give it another name: `rename: {{{ROW_ID}: source_{ROW_ID}}}` in its source")
    for by in dataset.splits.named:
        if columns is not None and by not in columns:
            yield SpecError(f"no column `{by}`", where=document.where(("splits",)), fix=yamlfile.suggest(by, columns))
    licence = dataset.release.license if dataset.release is not None else "other"
    if not is_known(licence):
        meant = suggestion(licence)
        way = "an identifier of spdx.org/licenses, `LicenseRef-NAME` for terms of your own, or `other`"
        fix = f"did you mean `{meant}`? else: {way}" if meant else f"write {way}"
        yield SpecError(f"`{licence}` is no identifier of a licence", where=document.where(("release", "license")), fix=fix)


def notes(project: Project, name: str) -> Iterator[str]:
    """What a person should know before a run: columns that do not come through, splits that stay empty."""
    dataset = project.dataset(name)
    entering, rows = _entering(project, dataset)
    promised = project.contract(dataset).columns
    if entering is not None:
        # Names alone: types would run every step over no rows, which each run would wait for.
        left = [c for c in compile_recipe(project, name, entering).columns if c not in promised and c not in dataset.leave_out]
        if left:
            listed = ", ".join(f"`{column}`" for column in left)
            yield f"{name}: {listed} will not be in gold: promise them in {dataset.contract}, or list them under `leave_out`"
    for split, share in dataset.splits.shares.items():
        if rows is not None and share * rows < 1:
            yield f"{name}: {split} gets {share:g} of {counted(rows, 'row')}, less than one: give it a larger share, or none"


def _entering(project: Project, dataset: Dataset) -> tuple[dict[str, pl.DataType] | None, int | None]:
    """The declared or stored columns of the sources with their types, and their live rows; None where they are not known yet."""
    try:
        return _columns_of_sources(project, dataset)
    except StorageError:  # the lake's own checks name it
        return None, None


def _columns_of_sources(project: Project, dataset: Dataset) -> tuple[dict[str, pl.DataType] | None, int | None]:
    entering: dict[str, pl.DataType] = {}
    rows: int | None = 0
    for source in dataset.sources:
        declared, table = project.source(source).columns, bronze.table(project, source)
        if declared is not None:
            entering |= {column: one.dtype for column, one in declared.items()}
        elif table.exists():
            entering |= {column: dtype for column, dtype in table.schema().items() if not column.startswith("_")}
        else:
            return None, None
        last = last_collection(project, source)
        rows = None if rows is None or last is None else rows + last.live
    return entering, rows


def _columns(contract: Contract, columns: Mapping[str, pl.DataType]) -> Iterator[FactoryError]:
    for name, promised in contract.columns.items():
        if name not in columns:
            yield SpecError(
                f"the contract promises `{name}`, which no source has", where=contract.reference, fix=yamlfile.suggest(name, columns)
            )
        elif promised["type"] != str(columns[name]):
            yield SpecError(
                f"the contract promises `{name}` as {promised['type']}, it is {columns[name]}",
                where=contract.reference,
                fix="change the contract's type, or the source's under `columns:`",
            )


def _evaluations(dataset: Dataset, document: yamlfile.Document, contract: Contract) -> Iterator[FactoryError]:
    for at, call in enumerate(dataset.pilot.evaluations):
        if call.name != "train" or "task" not in call.params:
            continue
        try:
            task = task_named(str(call.params["task"]))
            read = task.columns({key: value for key, value in call.params.items() if key in task.parameters})
        except FactoryError:
            continue  # binding names it, with its line
        for column in (read.input, read.label, *read.features):
            if column is not None and column not in contract.columns:
                where = document.where(("pilot", "evaluations", at))
                yield SpecError(
                    f"train reads `{column}`, which is not in the contract", where=where, fix=yamlfile.suggest(column, contract.columns)
                )


def _gate(dataset: Dataset, gate: Gate, where: str) -> Iterator[FactoryError]:
    if gate.of_splits:
        return
    tasks = [str(call.params.get("task")) for call in dataset.pilot.evaluations if call.name == "train"]
    if gate.evaluation is None and len(tasks) == len(dataset.pilot.evaluations):
        known: set[str] = set()
        for task in tasks:
            try:
                known |= {re.sub(r"\.\?$", ".", metric) for metric in task_named(task).scoring.metrics(["?"])}
            except FactoryError:
                return
        if known and gate.metric not in known and not any(each.endswith(".") and gate.metric.startswith(each) for each in known):
            yield SpecError(f"no evaluation measures `{gate.metric}`", where=where, fix=yamlfile.suggest(gate.metric, known))
    bounded = gate.metric.partition(".")[0] not in _ABOVE_ONE
    for key, bound in (("at_least", gate.at_least), ("at_most", gate.at_most)):
        if bound is not None and bounded and not -1 <= bound <= 1:
            yield SpecError(f"`{key}: {bound:g}`: {gate.metric} is at most 1", where=where, fix=f"write {bound / 100:g} for {bound:g} %")


def _steps(dataset: Dataset, document: yamlfile.Document) -> Iterator[FactoryError]:
    for at, call in enumerate(dataset.recipe):
        for key, value in call.params.items():
            if _SHARES.search(key) and isinstance(value, int | float) and not isinstance(value, bool) and not 0 <= value <= 1:
                where = document.where(("recipe", at, call.name, key))
                yield SpecError(
                    f"`{call.name}.{key}` is {value:g}, and goes from 0 to 1", where=where, fix=f"write {value / 10:g} or {value / 100:g}"
                )
