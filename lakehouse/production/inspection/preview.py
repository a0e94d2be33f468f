"""Preview of a run: the changes and their reasons, from declarations, registers and indexes; no text is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lakehouse.core import versions
from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.inputs import live_rows, read_inputs, unfit_rows
from lakehouse.production.manifest import plan_of
from lakehouse.production.silver import sealed, silver_plan, tables_of
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import reading_of
from lakehouse.reserve.bronze.collections import last_collection
from lakehouse.reserve.screening import verdicts


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a run of silver and gold would do.

    Attributes:
        plan_id: identity of the version that it would make; None while a source was never collected.
        silver: why silver would change; empty where it would not.
        gold: why gold would change; empty where it would not.
        measure: rows whose signals would be computed, for all or for some signals; None while that is not known, as is `withdrawn`.
        signals: signal columns that would be computed anew for rows that are known.
        decide: verdicts would be taken anew.
        withdrawn: rows that left the sources.
        version: the version that holds exactly this plan, if it was made before.
    """

    dataset: str
    plan_id: str | None
    silver: tuple[str, ...]
    gold: tuple[str, ...]
    measure: int | None
    signals: tuple[str, ...]
    decide: bool
    withdrawn: int | None
    version: str | None


def preview(project: Project, name: str) -> Preview:
    """Compare what is declared with what was made.

    Raises:
        SpecError, ContractError, NotFoundError: as the run itself would.
    """
    dataset = project.dataset(name)
    contract = project.contract(dataset)
    absent = [s for s in dataset.sources if not bronze.table(project, s).exists()]
    if absent:
        compile_recipe(project, name)
        return blocked(name, [f"source {s} was never collected" for s in absent], gold=("first version",))
    recipe = compile_recipe(project, name, source_columns(project, dataset))
    unmade = [d for d in recipe.references if versions.current(project, d) is None]
    if unmade:
        return blocked(name, [f"dataset {d} has no version yet" for d in unmade], gold=("first version",))
    unscreened = [why for s in dataset.sources if (why := verdicts.missing(project, s)) is not None]
    if unscreened:
        return blocked(name, unscreened, gold=())
    if anew := [why for source in dataset.sources if (why := _read_again(project, source)) is not None]:
        return blocked(name, anew, gold=("first version",) if versions.current(project, name) is None else ("silver changes",))
    inputs = read_inputs(project, dataset, recipe)
    plan = plan_of(inputs, recipe, contract, dataset)
    plan_id = digest(plan)
    before = sealed(project, name)[0]
    current = versions.current(project, name)
    reasons: list[str] = []
    measure, withdrawn = 0, 0
    columns: tuple[str, ...] = ()
    if before != silver_plan(inputs, recipe):
        live = live_rows(project, inputs)
        live = live.join(unfit_rows(project, dataset, live).select("_row_id"), on="_row_id", how="anti")
        measure, columns, withdrawn, reasons = _measuring(project, name, recipe, live)
        if current is not None:
            codes = {s["step"]: s["code"] for s in current.manifest["recipe"]}
            reasons += [f"step {s['step']}: code changed" for s in recipe.identity() if codes.get(s["step"], s["code"]) != s["code"]]
            old = [(s["step"], s["params"]) for s in current.manifest["recipe"]]
            new = [(s["step"], dict(s["params"])) for s in recipe.identity()]
            reasons += [f"step {step} is new or changed" for step, params in new if (step, params) not in old]
            reasons += [f"step {step} is gone" for step, _ in old if step not in {s for s, _ in new}]
            kept_out = {i["source"]: i.get("screened") for i in current.manifest["inputs"]}
            reasons += [f"source {s}: screening keeps other rows out" for s in inputs.content if kept_out.get(s) != inputs.screened.get(s)]
        reasons += [f"dataset {d} has other content" for d, c in inputs.references.items() if _reference(current, d) not in (None, c)]
        reasons = reasons or ["first run" if before is None else "the last run did not finish"]
    gold: list[str] = []
    if current is None:
        gold.append("first version")
    elif current.plan_id != plan_id:
        gold += ["silver changes"] if reasons else []
        gold += ["contract changed"] if current.manifest["contract"]["hash"] != contract.hash else []
        gold += ["splits changed"] if current.manifest["splits"] != plan["splits"] else []
        gold += ["the engine's version changed"] if current.manifest.get("engine") != plan["engine"] else []
    same = next((v.label for v in versions.versions(project, name) if v.plan_id == plan_id), None)
    return Preview(
        dataset=name,
        plan_id=plan_id,
        silver=tuple(dict.fromkeys(reasons)),
        gold=tuple(gold),
        measure=measure,
        signals=columns,
        decide=bool(reasons),
        withdrawn=withdrawn,
        version=same,
    )


def _read_again(project: Project, name: str) -> str | None:
    """Why a run would read a source again from its beginning, which may give other rows; None where it would not."""
    source, last = project.source(name), last_collection(project, name)
    if last is None or last.reading in (None, reading_of(source)):
        return None
    stored, declared = bronze.table(project, name).schema(), source.columns or {}
    types = [f"`{c}` is {new.type}" for c, new in declared.items() if c in stored and stored[c] != new.dtype]
    types += [f"`{column}` is new" for column in declared if column not in stored]
    return f"source {name} is declared otherwise and read again" + (f": {', '.join(types)}" if types else "")


def blocked(name: str, reasons: Sequence[str], *, gold: tuple[str, ...]) -> Preview:
    """The preview of a dataset whose plan cannot be known yet."""
    return Preview(
        dataset=name, plan_id=None, silver=tuple(reasons), gold=gold, measure=None, signals=(), decide=True, withdrawn=None, version=None
    )


def _measuring(project: Project, name: str, recipe: Recipe, live: pl.DataFrame) -> tuple[int, tuple[str, ...], int, list[str]]:
    table = tables_of(project, name)[1]
    if not table.exists():
        return live.height, (), 0, []
    stored = json.loads(table.metadata().get("factory.keys", "{}"))
    columns = tuple(c for c, key in recipe.signal_keys.items() if stored.get(c) != key)
    have = table.scan().filter(pl.col("_stage") == 0).select("_row_id", "_content").collect()
    new = live.join(have, on="_row_id", how="anti").height
    changed = live.join(have, on="_row_id", how="inner").filter(pl.col("_content") != pl.col("_content_right")).height
    withdrawn = have.join(live, on="_row_id", how="anti").height
    counts = ((new, "new"), (changed, "changed"), (withdrawn, "withdrawn"))
    reasons = [f"{n:,} {what} row{'s' if n > 1 else ''} in the sources" for n, what in counts if n]
    return (live.height if columns else new + changed), columns, withdrawn, reasons


def _reference(current: versions.Version | None, dataset: str) -> str | None:
    return None if current is None else current.manifest.get("references", {}).get(dataset)
