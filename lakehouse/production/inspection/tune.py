"""The effect of a proposed threshold, and the reasons for a row's fate, from stored signals; no text is measured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import NotFoundError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import Call, Dataset, yamlfile
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.decide import decide
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.production.engine.places import joined
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.engine.references import tables_for
from lakehouse.production.inputs import live_rows, read_inputs, unfit_rows
from lakehouse.production.silver import sealed, silver_plan, tables_of
from lakehouse.reserve.bronze.values import live_rows as bronze_rows

_SEEN = 80
_VARIANT = re.compile(r"#([a-z0-9_+]+)\.\d+$")


@dataclass(frozen=True, kw_only=True)
class TuningResult:
    """The effect of a proposed threshold.

    Attributes:
        rows: rows of silver now.
        rows_then: rows of silver with the proposed threshold.
        leave: rows that would leave.
        come_back: rows that would come back.
        changed: rows that would stay with more or less cut out of them.
        samples: some of each side: `side`, `_row_id`, `step`, `rule`, `evidence`, `text` (the beginning of what the recipe works on).
        balance: of the whole recipe, then.
    """

    dataset: str
    rows: int
    rows_then: int
    leave: int
    come_back: int
    changed: int
    samples: pl.DataFrame
    balance: tuple[Balance, ...]


@dataclass(frozen=True, kw_only=True)
class StepTrace:
    """One step's view of a row: its signals, and what became of the row there (`passed`, a fate, or `not reached`)."""

    step: str
    params: dict[str, Any]
    signals: dict[str, Any]
    outcome: str
    rule: str | None
    other: str | None


def tune(project: Project, name: str, changes: Mapping[str, Mapping[str, Any]], samples: int = 5) -> TuningResult:
    """Decide again with other thresholds, without writing anything.

    Args:
        changes: by step name, parameters with their proposed values.
        samples: rows to show of each side.

    Raises:
        NotFoundError: silver is not up to date with sources and recipe; no such step.
        SpecError: no such parameter, a wrong value, or one that would have to be measured.
    """
    dataset = project.dataset(name)
    columns = source_columns(project, dataset)
    now = compile_recipe(project, name, columns)
    inputs = read_inputs(project, dataset, now)
    if sealed(project, name)[0] != silver_plan(inputs, now):
        raise NotFoundError(f"silver/{name} does not match its sources and recipe", fix=f"lakehouse run {name} --to silver")
    steps = {step.name: at for at, step in enumerate(now.steps[: len(dataset.recipe)])}
    calls = list(dataset.recipe)
    for step, params in changes.items():
        if step not in steps:
            raise NotFoundError(f"{name} has no step `{step}`", fix=yamlfile.suggest(step, steps))
        call = calls[steps[step]]
        decides = OPERATORS.entry(call).info.get("decides", ())
        for param in params:
            if param not in decides:
                fix = yamlfile.suggest(param, decides) if decides else "this step has no threshold"
                raise SpecError(f"`{step}.{param}` is no threshold: changing it would measure every row again", fix=fix)
        calls[steps[step]] = Call.model_validate({call.name: {**call.params, **params}})
        OPERATORS.bind(calls[steps[step]])
    then = compile_recipe(project, name, columns, calls)
    live = live_rows(project, inputs)
    signals = tables_of(project, name)[1].read()
    decision = decide(then, signals, unfit_rows(project, dataset, live), tables_for(project, then, inputs.references))
    have = tables_of(project, name)[0].read(["_row_id", "_root", "_content"])
    wanted = decision.survivors.select("_row_id", "_root", "_content")
    changed = have.join(wanted, on="_row_id", how="inner").filter(pl.col("_content") != pl.col("_content_right")).height
    leave, back = have.join(wanted, on="_row_id", how="anti"), wanted.join(have, on="_row_id", how="anti")
    shown = pl.concat(
        [
            _sample("would leave", leave, decision.fates.lazy(), samples),
            _sample("would come back", back, tables_of(project, name)[2].scan(), samples),
        ]
    )
    return TuningResult(
        dataset=name,
        rows=have.height,
        rows_then=wanted.height,
        leave=leave.height,
        come_back=back.height,
        changed=changed,
        samples=_with_text(project, dataset, now, shown),
        balance=decision.balance,
    )


def _sample(side: str, rows: pl.DataFrame, fates: pl.LazyFrame, samples: int) -> pl.DataFrame:
    """Some of `rows`, spread evenly over them, with the fate in which they differ."""
    rows = rows.sort("_row_id").gather_every(max(1, rows.height // max(samples, 1))).head(samples)
    ends = fates.filter(pl.col("_row_id").is_in(rows["_row_id"].implode())).select("_row_id", "step", "rule", "evidence").collect()
    found = rows.join(ends, on="_row_id", how="left", maintain_order="left")
    return found.select(pl.lit(side).alias("side"), "_row_id", "_root", "step", "rule", "evidence")


def _with_text(project: Project, dataset: Dataset, recipe: Recipe, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the beginning of their text in the place of `_root`."""
    strings = [c for c, t in source_columns(project, dataset).items() if t == pl.String]
    worked_on: list[tuple[str, pl.Expr]] = []
    for step in recipe.steps:
        worked_on += [(path.root, joined(path)) for path in step.paths]
        worked_on += [(step.params["column"], pl.col(step.params["column"]))] if step.params.get("column") in strings else []
    if rows.is_empty() or not (worked_on or strings):
        return rows.drop("_root").with_columns(text=pl.lit(None, pl.String))
    column, text = worked_on[0] if worked_on else (strings[0], pl.col(strings[0]))
    seen = text.str.slice(0, _SEEN).str.replace_all(r"\s+", " ")
    items = [
        bronze_rows(project, source, [column], of=rows["_root"].unique()).select(pl.col("_row_id").alias("_root"), text=seen).collect()
        for source in dataset.sources
    ]
    return rows.join(pl.concat(items), on="_root", how="left", maintain_order="left").drop("_root")


def explain(project: Project, name: str, row_id: str) -> list[StepTrace]:
    """Every step of a recipe as one row met it, from the stored signals and fates.

    Raises:
        NotFoundError: the dataset was not made, or knows no such row.
    """
    dataset = project.dataset(name)
    recipe = compile_recipe(project, name, source_columns(project, dataset))
    _, signals_table, fates_table = tables_of(project, name)
    if not fates_table.exists():
        raise NotFoundError(f"{name} was not made yet", fix=f"lakehouse run {name}")
    mine = signals_table.scan().filter(pl.col("_row_id") == row_id).collect()
    fate = fates_table.scan().filter(pl.col("_row_id") == row_id).collect()
    if mine.is_empty() and fate.is_empty() and (variant := _VARIANT.search(row_id)):
        made_of = row_id[: variant.start()]
        by = next((each for each in recipe.variants if each.name == variant[1]), None)
        return [
            *explain(project, name, made_of),
            StepTrace(
                step=variant[1], params=by.identity() if by else {}, signals={}, outcome="made as a variant", rule=None, other=made_of
            ),
        ]
    if mine.is_empty() and fate.is_empty():
        raise NotFoundError(f"{name} knows no row `{row_id}`", fix="lakehouse row trace ROW shows where a row is")
    stage = mine["_stage"][0] if mine.height else 0
    values = mine.row(0, named=True) if mine.height else {}
    ended = fate.row(0, named=True) if fate.height else None
    out: list[StepTrace] = []
    if ended is not None and ended["step"] == "intake":
        out.append(
            StepTrace(
                step="intake", params={}, signals={"findings": ended["evidence"]}, outcome=ended["fate"], rule=ended["rule"], other=None
            )
        )
    over = bool(out)
    for step in recipe.steps:
        shown = {c.removeprefix(f"{step.name}__"): _shown(values.get(c)) for c in step.signals} if step.stage == stage else {}
        if over:
            out.append(StepTrace(step=step.name, params=dict(step.params), signals=shown, outcome="not reached", rule=None, other=None))
        elif ended is not None and ended["step"] == step.name:
            over = True
            out.append(
                StepTrace(
                    step=step.name,
                    params=dict(step.params),
                    signals=shown or _evidence(ended["evidence"]),
                    outcome=ended["fate"],
                    rule=ended["rule"],
                    other=ended["other"],
                )
            )
        else:
            out.append(StepTrace(step=step.name, params=dict(step.params), signals=shown, outcome="passed", rule=None, other=None))
    return out


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return f"{len(value)} bytes" if isinstance(value, bytes) else value


def _evidence(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {"evidence": text}
    return found if isinstance(found, dict) else {"evidence": found}
