"""Make `silver/<dataset>`: measure what is new, decide everything, write what differs, seal it with the balance.

Three commits, in this order: signals, silver, fates. The fates' commit carries the plan and the balance and is the seal: a run
killed before it leaves every table readable, and the next run finishes from what is there.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from lakehouse.core.errors import BalanceError
from lakehouse.core.hashing import canonical, digest
from lakehouse.core.lake.parquet.files import parquet_chunks, picked
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import FATES, SIGNALS, SILVER
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.runs.workers import run_units
from lakehouse.core.storage.keys import ready
from lakehouse.core.text.numbers import counted
from lakehouse.production.engine import balance as balances
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.decide import decide
from lakehouse.production.engine.difference import apply, difference
from lakehouse.production.engine.measure import Types, measure, types_of
from lakehouse.production.engine.operator import Cut
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.engine.references import prepare_models, tables_for
from lakehouse.production.engine.units import StagedUnit, files_with, forget, read_rows, run_unit, units_of
from lakehouse.production.engine.yields import LowYield, low_yields
from lakehouse.production.inputs import Inputs, live_rows, read_inputs, unfit_rows


@dataclass(frozen=True, kw_only=True)
class Silver:
    """What became of `silver/<dataset>`.

    Attributes:
        plan: identity of inputs and recipe.
        unchanged: the plan was sealed already; nothing was read or written.
        measured: rows measured in this run for the first time, or anew because they changed.
        units: units of work.
        low_yields: steps of the recipe that keep few of their rows.
        reused: units whose results a killed run had left.
    """

    dataset: str
    plan: str
    unchanged: bool
    rows: int
    added: int
    changed: int
    removed: int
    measured: int
    units: int
    reused: int
    delta_version: int
    balance: tuple[Balance, ...]
    low_yields: tuple[LowYield, ...]
    seconds: float


def tables_of(project: Project, name: str) -> tuple[Table, Table, Table]:
    """The silver, signals and fates tables of a dataset."""
    return tuple(project.table("silver", f"{name}{suffix}") for suffix in ("", "_signals", "_fates"))  # type: ignore[return-value]


def silver_plan(inputs: Inputs, recipe: Recipe) -> str:
    """Identity of a silver table: contents of its inputs, what screening keeps out of them, the recipe, and the types it works on."""
    return digest({**inputs.identity(), "recipe": recipe.identity(), "values": recipe.values_key})


def sealed(project: Project, name: str) -> tuple[str | None, tuple[Balance, ...]]:
    """The plan and the balance that the last finished run left, or (None, ())."""
    fates = tables_of(project, name)[2]
    found = fates.metadata() if fates.exists() else {}
    if "factory.plan" not in found:
        return None, ()
    return found["factory.plan"], tuple(balances.from_json(b) for b in json.loads(found["factory.balance"]))


def make_silver(project: Project, name: str, *, progress: Progress = silent) -> Silver:
    """Bring `silver/<name>` up to date with its sources and recipe.

    Raises:
        LockedError, NotFoundError, SpecError, ScreeningError, StorageError, BalanceError.
    """
    with run(project, f"dataset {name}", progress) as work:
        made = _make(project, name, work.progress)
        work.record("silver", name, made.measured)
        return made


def _make(project: Project, name: str, progress: Progress) -> Silver:
    started = time.perf_counter()
    forget()
    dataset = project.dataset(name)
    ready(project, project.classes_of(name))
    recipe = compile_recipe(project, name, source_columns(project, dataset))
    inputs = read_inputs(project, dataset, recipe)
    plan = silver_plan(inputs, recipe)
    silver, signals_table, fates_table = tables_of(project, name)
    at = [table.version() for table in (silver, signals_table, fates_table)]
    before, balance = sealed(project, name)
    if before == plan and silver.exists():
        rows = balance[-1].out
        _check_untouched(silver, name, rows)
        version = silver.version()
        assert version is not None
        return Silver(
            dataset=name,
            plan=plan,
            unchanged=True,
            rows=rows,
            added=0,
            changed=0,
            removed=0,
            measured=0,
            units=0,
            reused=0,
            delta_version=version,
            balance=balance,
            low_yields=low_yields(dataset.yields, balance),
            seconds=time.perf_counter() - started,
        )

    live = live_rows(project, inputs)
    unfit = unfit_rows(project, dataset, live)
    fit = live.join(unfit.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
    folder = project.state / "staging" / name / digest([inputs.content, recipe.signal_keys, recipe.values_key])[:16]

    known, missing = _known_signals(signals_table, recipe, fit)
    new = fit.join(known.filter(pl.col("_stage") == 0).select("_row_id"), on="_row_id", how="anti", maintain_order="left")
    types = types_of(recipe, source_columns(project, dataset))
    wanted = tuple(recipe.signal_keys)
    prepare_models(project, recipe, inputs.references, progress)
    staged = _measure(project, name, new, folder / "new", wanted, progress, values=True)
    again: list[StagedUnit] = []
    stale = not silver.exists() or silver.metadata().get("factory.values") != recipe.values_key
    if missing and known.height:
        old = fit.join(new.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
        again = _measure(project, name, old, folder / "again", tuple(missing), progress, values=stale)
    signals = _together(types, known, staged, again, missing)

    progress("deciding", 0, None)
    decision = decide(recipe, signals, unfit, tables_for(project, recipe, inputs.references))

    progress("writing signals", 0, None)
    keys = {"keys": canonical(recipe.signal_keys), "stages": _stages_key(recipe)}
    outdated = _stored_keys(signals_table) != recipe.signal_keys or _stored_stages(signals_table) != _stages_key(recipe)
    change = difference(signals_table, signals.select("_row_id", "_content", "_failed"), anew=outdated, version=at[1])
    if not change.nothing:
        apply(signals_table, change, partial(_of, signals), signals.schema, keys)
    measured = new.height
    del signals, known, fit, new  # so that silver is written in their room

    progress("writing silver", 0, None)
    change = difference(silver, decision.survivors, anew=stale, version=at[0])
    own = types.values
    with_values = [*_staged_before(folder / "new", staged), *staged, *(again if stale else [])]
    if not change.nothing:
        schema = pl.Schema({**SILVER, **own})
        apply(
            silver,
            change,
            lambda index: _without_cuts(recipe, decision.cuts, _values(project, name, recipe, live, index, with_values, own)),
            schema,
            {"values": recipe.values_key, "plan": plan},
        )
    rows = silver.scan().select(pl.len()).collect().item()
    balances.verify(decision.balance, name, entered=live.height, survived=rows)

    seal = {"plan": plan, "balance": canonical([b.as_json() for b in decision.balance])}
    fate_change = difference(fates_table, decision.fates, anew=False, version=at[2])
    apply(fates_table, fate_change, lambda index: [index.select(FATES.names())], FATES, seal)
    shutil.rmtree(folder.parent, ignore_errors=True)
    version = silver.version()
    assert version is not None
    units = [*staged, *again]
    return Silver(
        dataset=name,
        plan=plan,
        unchanged=False,
        rows=rows,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        measured=measured,
        units=len(units),
        reused=sum(s.reused for s in units),
        delta_version=version,
        balance=decision.balance,
        low_yields=low_yields(dataset.yields, decision.balance),
        seconds=time.perf_counter() - started,
    )


def _of(rows: pl.DataFrame, index: pl.DataFrame) -> list[pl.DataFrame]:
    """The rows whose `_row_id` is in `index`, which is taken from them; no copy where that is all of them."""
    return [rows if index.height == rows.height else rows.join(index.select("_row_id"), on="_row_id", how="semi")]


def _stages_key(recipe: Recipe) -> str:
    return digest([s for s in recipe.identity() if s["step"] in {x.name for x in recipe.steps if x.cardinality == "1:N"}])


def _stored_keys(table: Table) -> dict[str, str]:
    return dict(json.loads(table.metadata().get("factory.keys", "{}"))) if table.exists() else {}


def _stored_stages(table: Table) -> str | None:
    return table.metadata().get("factory.stages") if table.exists() else None


def _staged_before(folder: Path, now: list[StagedUnit]) -> list[StagedUnit]:
    """Units that a run of the same inputs and recipe had staged and whose signals it had committed when it was killed."""
    names = {s.values.name for s in now}
    files = sorted(f for f in folder.glob("*.values.parquet") if f.name not in names)
    return [StagedUnit(f.with_name(f.name.replace(".values.", ".signals.")), f, 0, reused=True) for f in files]


def _check_untouched(silver: Table, name: str, rows: int) -> None:
    """That silver still holds as many rows as its sealed balance gave out (read from Delta's statistics)."""
    have = silver.scan().select(pl.len()).collect().item()
    if have != rows:
        raise BalanceError(
            f"{name}: the sealed balance gave out {rows:,} rows, silver holds {have:,}; something else wrote to it",
            where=silver.uri,
            fix="delete that folder and run again: it is made anew from its sources",
        )


def _known_signals(table: Table, recipe: Recipe, fit: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Stored signals that still hold for live rows, and the columns that have to be measured for them again.

    A signal holds while its identity is the same. A row that a step could not take is tried again once anything was changed.
    """
    empty = pl.DataFrame(schema=SIGNALS)
    if not table.exists():
        return empty, []
    stored = _stored_keys(table)
    if _stored_stages(table) != _stages_key(recipe):
        return empty, []
    same = [c for c, key in recipe.signal_keys.items() if stored.get(c) == key]
    missing = [c for c in recipe.signal_keys if c not in same]
    rows = table.read([*SIGNALS.names(), *same])
    if stored != recipe.signal_keys:
        rows = rows.filter(pl.col("_failed").is_null())
    roots = fit.select(pl.col("_row_id").alias("_root"), "_content")
    return rows.join(roots, on=["_root", "_content"], how="semi", maintain_order="left"), missing


def _measure(
    project: Project, name: str, rows: pl.DataFrame, folder: Path, wanted: tuple[str, ...], progress: Progress, *, values: bool
) -> list[StagedUnit]:
    units = [
        unit
        for (source,), pending in rows.group_by(["_source"], maintain_order=True)
        for unit in units_of(project, name, str(source), pending, folder, wanted, values=values)
    ]
    return list(run_units(run_unit, units, project.settings, f"measuring {counted(rows.height, 'row')}", progress)) if units else []


def _together(types: Types, known: pl.DataFrame, staged: list[StagedUnit], again: list[StagedUnit], missing: list[str]) -> pl.DataFrame:
    """All signals of all live rows, columns in recipe order."""
    if again:
        added = pl.concat([pl.read_parquet(s.signals) for s in again], how="diagonal_relaxed")
        added = added.filter(pl.col("_failed").is_null()).select("_row_id", *missing)
        failed = pl.concat([pl.read_parquet(s.signals) for s in again], how="diagonal_relaxed").filter(pl.col("_failed").is_not_null())
        known = known.join(added, on="_row_id", how="inner", maintain_order="left")
        known = pl.concat([known, failed.select(SIGNALS.names())], how="diagonal_relaxed")
    parts = [known, *(frame for frame in (pl.read_parquet(s.signals) for s in staged) if frame.width)]
    rows = pl.concat(parts, how="diagonal_relaxed")
    columns = (pl.col(c).cast(t) if c in rows.columns else pl.lit(None, t).alias(c) for c, t in types.signals.items())
    return rows.select(*SIGNALS.names(), *columns).sort("_row_id", "_stage")


def _values(
    project: Project,
    name: str,
    recipe: Recipe,
    live: pl.DataFrame,
    index: pl.DataFrame,
    staged: list[StagedUnit],
    own: dict[str, pl.DataType],
) -> Iterator[pl.DataFrame]:
    """The silver rows of `index` (the columns SILVER), unit by unit: from what this run staged, the rest computed from bronze."""
    left = index
    columns = [*SILVER, *(pl.col(c).cast(t) for c, t in own.items())]
    for part in staged:
        ids = pl.read_parquet(part.values, columns=["_row_id"]).with_row_index("_at")
        places = ids.join(left, on="_row_id", how="inner", maintain_order="left").drop("_row_id")
        if places.is_empty():
            continue
        for rows in picked(parquet_chunks(pq.ParquetFile(part.values), ["_row_id", *own]), places):
            yield rows.select(columns)
        left = left.join(ids, on="_row_id", how="anti", maintain_order="left")
    roots = live.join(left.select(pl.col("_root").alias("_row_id")), on="_row_id", how="semi")
    for (source,), pending in sorted(roots.group_by("_source"), key=lambda item: str(item[0])):
        files = files_with(project, str(source), pending)
        for slice_ in read_rows(project, name, str(source), files, pending.select("_row_id", "_collection")):
            values = measure(recipe, slice_, ()).values
            if values.width:
                rows = values.drop("_parent", "_root", "_content").join(left, on="_row_id", how="inner", maintain_order="left")
                yield rows.select(columns)


def _without_cuts(recipe: Recipe, cuts: dict[str, pl.DataFrame], parts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows without what steps that look at all rows have cut out of them."""
    for rows in parts:
        for step in recipe.steps:
            if isinstance(step.plan, Cut) and not cuts[step.name].is_empty():
                cut = rows.select("_row_id").join(cuts[step.name], on="_row_id", how="left", maintain_order="left")["cut"]
                rows = rows.with_columns(step.plan.apply(rows[step.plan.column], cut))
        yield rows
