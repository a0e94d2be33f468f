"""Proposals: thresholds of a recipe that would remove the rows of a ticket, with their predicted effect, from stored signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.engine.recipe import Step, compile_recipe, source_columns
from lakehouse.production.inspection.tune import tune
from lakehouse.production.silver import tables_of

_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_LIFT = 2.0
"""A threshold is proposed where the rows it takes out are so many times likelier to be of the ticket than others are."""


@dataclass(frozen=True)
class Proposal:
    """A threshold and its predicted effect.

    Attributes:
        step: the step that would change.
        param: its parameter.
        now: the present value.
        then: the proposed value.
        hit: rows of the ticket that would leave.
        leave: all rows that would leave, decided again over the whole recipe.
        come_back: all rows that would come back.
        precision: share of the leaving rows that are of the ticket.
        recall: share of the ticket's rows that would leave.
        lift: precision over the ticket's share of all rows.
    """

    step: str
    param: str
    now: float | None
    then: float
    hit: int
    leave: int
    come_back: int
    precision: float
    recall: float
    lift: float

    def as_json(self) -> dict[str, Any]:
        """The proposal as plain data."""
        return asdict(self)


def propose(project: Project, name: str, rows: Sequence[str], most: int = 3) -> list[Proposal]:
    """The thresholds that separate the rows of a ticket best from the others (by F1), at most one a parameter; none where none does.

    Raises:
        NotFoundError: silver does not match its sources and recipe.
    """
    recipe = compile_recipe(project, name, source_columns(project, project.dataset(name)))
    silver, signals, _ = tables_of(project, name)
    index = silver.scan().select("_row_id").collect()
    measured = signals.scan().collect().join(index, on="_row_id", how="semi")
    wanted = measured["_row_id"].is_in(pl.Series(rows, dtype=pl.String).implode())
    found = [each for step in recipe.steps for each in _of_step(step, measured, wanted)]
    best: dict[tuple[str, str], tuple[float, Step, str, float]] = {}
    for f1, step, param, then in found:
        if (step.name, param) not in best or f1 > best[step.name, param][0]:
            best[step.name, param] = (f1, step, param, then)
    chosen = sorted(best.values(), key=lambda each: -each[0])[:most]
    share = float(wanted.sum()) / max(measured.height, 1)
    out = []
    for _, step, param, then in chosen:
        after = tune(project, name, {step.name: {param: then}}, samples=0)
        hit = int((wanted & _leaving(step, measured, param, then)).sum())
        precision = hit / max(after.leave, 1)
        recall = hit / max(int(wanted.sum()), 1)
        proposal = Proposal(
            step=step.name,
            param=param,
            now=step.params.get(param),
            then=then,
            hit=hit,
            leave=after.leave,
            come_back=after.come_back,
            precision=round(precision, 4),
            recall=round(recall, 4),
            lift=round(precision / share, 2),
        )
        out.append(proposal)
    return out


def _of_step(step: Step, measured: pl.DataFrame, wanted: pl.Series) -> Iterator[tuple[float, Step, str, float]]:
    """Thresholds of a step that are worth a thought: F1, step, parameter, value."""
    if not isinstance(step.plan, Keep) or step.reads:
        return
    base = float(wanted.mean() or 0.0)  # type: ignore[arg-type]
    numeric = [s for s in step.signals if s in measured.columns and measured.schema[s].is_numeric()]
    limits = [p for p in OPERATORS.entries()[step.operator].info.get("decides", ()) if _is_limit(step, p)]
    for signal in numeric:
        values = measured.filter(wanted)[signal].drop_nulls()
        cuts = sorted({float(q) for at in _QUANTILES if (q := values.quantile(at)) is not None})
        for param in limits:
            for then in cuts:
                value = int(then) if measured.schema[signal].is_integer() else round(then, 6)
                leaving = _leaving(step, measured, param, value)
                n, hit = int(leaving.sum()), int((leaving & wanted).sum())
                if n and hit and hit / n >= _LIFT * base:
                    yield 2 * hit / (n + int(wanted.sum())), step, param, value


def _is_limit(step: Step, param: str) -> bool:
    value = step.params.get(param)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _leaving(step: Step, measured: pl.DataFrame, param: str, value: float) -> pl.Series:
    """Which rows the step would send away with another value of one parameter; none where it refuses the value."""
    entry = OPERATORS.entries()[step.operator]
    params = {name: v for name, v in step.params.items() if name in entry.params.model_fields}
    try:
        given = entry.params.model_validate({**params, param: value})
        plan = entry.function(**{name: getattr(given, name) for name in entry.params.model_fields})
    except (ValueError, FactoryError):  # pydantic's ValidationError is a ValueError
        return pl.repeat(False, measured.height, eager=True)
    seen = measured.rename({column: column.removeprefix(f"{step.name}__") for column in step.signals if column in measured.columns})
    verdicts = [expression for expression in plan.leaves.values() if isinstance(expression, pl.Expr)]
    return seen.select(pl.any_horizontal(*verdicts).fill_null(False)).to_series()
