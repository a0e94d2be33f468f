"""The deciding phase: verdicts, clusters, fates and the balance, from signals alone. No text is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lakehouse.production.balance import Balance
from lakehouse.production.kernels.components import connected
from lakehouse.production.operator import Change, Explode, Keep, Merge, Tables, Verdict, with_measured
from lakehouse.production.recipe import Recipe, Step

FATES = pl.Schema(
    [
        ("_row_id", pl.String),
        ("_content", pl.String),
        ("fate", pl.String),  # dropped, merged, quarantined, divided
        ("step", pl.String),
        ("rule", pl.String),
        ("evidence", pl.String),  # JSON of the signals, a similarity, or an error
        ("other", pl.String),  # the row merged into, or the row that speaks against this one
    ]
)
_IDS = ("_row_id", "_content", "_parent", "_root", "_cluster", "_failed", "_error")


@dataclass(frozen=True)
class Decision:
    """What a recipe decided.

    Attributes:
        survivors: `_row_id`, `_content`, `_parent`, `_root`, `_cluster`, by `_row_id`.
        fates: FATES, one row per row that did not just pass.
        balance: the intake, then every step.
    """

    survivors: pl.DataFrame
    fates: pl.DataFrame
    balance: tuple[Balance, ...]


def decide(recipe: Recipe, signals: pl.DataFrame, unfit: pl.DataFrame, tables: Tables) -> Decision:
    """Apply every step's verdict in order.

    Args:
        signals: the measured signals of all live rows that are fit, all stages.
        unfit: `_row_id`, `_content`, `_findings` of live rows that collection found unfit; they are quarantined at the intake.
        tables: gold rows of the datasets that steps refer to.
    """
    stages = [
        signals.filter(pl.col("_stage") == stage).sort("_row_id").with_columns(_cluster="_row_id").rechunk()
        for stage in range(recipe.stages)
    ]
    rows = stages[0]
    intake = unfit.select(
        "_row_id",
        "_content",
        fate=pl.lit("quarantined"),
        step=pl.lit("intake"),
        rule=pl.col("_findings").list.first(),
        evidence=pl.col("_findings").list.join(", "),
        other=pl.lit(None, pl.String),
    )
    fates = [intake]
    balance = [_count("intake", "intake", rows.height + unfit.height, 0, rows.height, intake)]
    for step in recipe.steps:
        entered = rows.height
        failed = pl.col("_failed").is_not_null() if isinstance(step.plan, Explode) else pl.col("_failed") == step.name
        broken = rows.filter(failed.fill_null(False))
        # Past a 1:N step a row has no record of its own under which a later failure could stand: it leaves whole, here.
        elsewhere = pl.concat_str(pl.lit("in step "), "_failed", pl.lit(": "), "_error")
        evidence = pl.when(pl.col("_failed") == step.name).then("_error").otherwise(elsewhere)
        left = [_fate(broken, "quarantined", step, pl.lit("error"), evidence)]
        if broken.height:
            rows = rows.join(broken.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
        created = changed = 0
        if isinstance(step.plan, Change):
            changed = int(rows[f"{step.name}__changed"].sum() or 0)
        elif isinstance(step.plan, Keep):
            rows, gone = _keep(rows, step, step.plan, tables)
            left.append(gone)
        elif isinstance(step.plan, Merge):
            rows, gone = _merge(rows, step, step.plan)
            left.append(gone)
        else:
            # Children stay in the cluster of their parent: near-duplicates that were only named stay together when they are cut.
            inherited = rows.select(pl.col("_row_id").alias("_parent"), pl.col("_cluster").alias("_inherited"))
            parents, children = rows, stages[step.stage + 1].join(inherited, on="_parent", how="inner", maintain_order="left")
            rows = children.with_columns(_cluster="_inherited").drop("_inherited")
            counted = rows.group_by("_parent").agg(pl.len().alias("n"))
            parents = parents.join(counted, left_on="_row_id", right_on="_parent", how="left", maintain_order="left")
            empty, several = parents.filter(pl.col("n").is_null()), parents.filter(pl.col("n") > 0)
            created = rows.height - several.height
            left.append(_fate(empty, "dropped", step, pl.lit("empty"), pl.lit(None, pl.String)))
            fates.append(_fate(several, "divided", step, pl.lit("into_rows"), pl.col("n").cast(pl.String)))
        gone = pl.concat(left)
        fates.append(gone)
        balance.append(_count(step.name, step.operator, entered, created, rows.height, gone, changed))
    survivors = rows.select("_row_id", "_content", "_parent", "_root", "_cluster").sort("_row_id")
    return Decision(survivors, pl.concat(fates).sort("_row_id", "step"), tuple(balance))


def _of_step(rows: pl.DataFrame, step: Step) -> pl.DataFrame:
    """The rows a verdict sees: ids, and the step's own signals under their short names."""
    prefix = f"{step.name}__"
    return rows.select(*_IDS, **{column.removeprefix(prefix): pl.col(column) for column in step.signals})


def _keep(rows: pl.DataFrame, step: Step, plan: Keep, tables: Tables) -> tuple[pl.DataFrame, pl.DataFrame]:
    seen = _of_step(rows, step)
    shown = [c for c in seen.columns if not c.startswith("_") and seen.schema[c] != pl.Binary]
    seen = seen.with_columns(**{name: _resolved(match, tables) for name, match in plan.matches.items()})
    verdicts = {reason: _resolved(verdict, tables) for reason, verdict in plan.leaves.items()}
    seen = seen.with_columns(**{f"_leaves_{reason}": verdict for reason, verdict in verdicts.items()})
    if plan.other is not None:
        seen = seen.with_columns(_other=_resolved(plan.other, tables))
    rule = pl.coalesce(
        pl.when(pl.col("_failed").is_null()).then(expression)
        for expression in (
            *(pl.when(pl.col(f"_leaves_{reason}")).then(pl.lit(reason)) for reason in verdicts),
            pl.when(pl.any_horizontal(pl.col(f"_leaves_{reason}").is_null() for reason in verdicts)).then(pl.lit("no_signal")),
        )
    )
    seen = seen.with_columns(_rule=rule)
    gone = seen.filter(pl.col("_rule").is_not_null())
    evidence = pl.struct(shown).struct.json_encode() if shown else pl.lit(None, pl.String)
    other = pl.col("_other") if plan.other is not None else pl.lit(None, pl.String)
    fate = (
        pl.when(pl.col("_rule") == "no_signal")
        .then(pl.lit("quarantined"))
        .otherwise(pl.lit("quarantined" if plan.action == "quarantine" else "dropped"))
    )
    return rows.filter(seen["_rule"].is_null()), _fate(gone, fate, step, pl.col("_rule"), evidence, other)


def _merge(rows: pl.DataFrame, step: Step, plan: Merge) -> tuple[pl.DataFrame, pl.DataFrame]:
    none = pl.lit(None, pl.String)
    named = {
        "_survivor": plan.survivor,
        "_named": none if plan.cluster is None else plan.cluster,
        "_evidence": none if plan.evidence is None else plan.evidence,
    }
    found = with_measured(_of_step(rows, step).lazy(), named).collect()
    found = found.with_columns(
        pl.coalesce("_survivor", "_row_id").alias("_survivor"),
        _evidence=pl.col("_evidence").round(4).cast(pl.String) if plan.evidence is not None else none,
    )
    stays = found["_survivor"] == found["_row_id"]
    kept = rows.with_columns(_linked(rows, found)).filter(stays)
    gone = found.filter(~stays)
    return kept, _fate(gone, "merged", step, pl.lit("duplicate"), pl.col("_evidence"), pl.col("_survivor"))


def _linked(rows: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    """`_cluster` of each row once a step has named clusters and survivors: rows linked by it, or before it, share one id.

    A cluster is named by its first member in the order of `rows`, whether or not that member stays.
    """
    names = found.select(named=pl.coalesce("_named", "_survivor"), before=rows["_cluster"])
    at = pl.col("at").cast(pl.Int64)
    edges = names.with_row_index("at").select(own=at, before=at.first().over("before"), named=at.first().over("named"))
    own = edges["own"].to_numpy()
    links = np.concatenate([edges["before"].to_numpy(), edges["named"].to_numpy()])
    component = connected(np.concatenate([own, own]), links, rows.height)
    return names["before"].gather(component).alias("_cluster")


def _resolved(verdict: Verdict, tables: Tables) -> pl.Expr:
    return verdict if isinstance(verdict, pl.Expr) else verdict(tables)


def _fate(
    rows: pl.DataFrame, fate: str | pl.Expr, step: Step, rule: pl.Expr, evidence: pl.Expr, other: pl.Expr | None = None
) -> pl.DataFrame:
    return rows.select(
        "_row_id",
        "_content",
        fate=pl.lit(fate) if isinstance(fate, str) else fate,
        step=pl.lit(step.name),
        rule=rule,
        evidence=evidence,
        other=pl.lit(None, pl.String) if other is None else other,
    )


def _count(step: str, operator: str, entered: int, created: int, out: int, gone: pl.DataFrame, changed: int = 0) -> Balance:
    by_fate = dict(gone.group_by("fate").len().iter_rows())
    reasons = dict(gone.group_by("rule").len().sort("rule").iter_rows())
    merged, dropped, quarantined = (int(by_fate.get(fate, 0)) for fate in ("merged", "dropped", "quarantined"))
    return Balance(step, operator, entered, created, out, merged, dropped, quarantined, changed, reasons)


def totals(balance: Sequence[Balance]) -> Balance:
    """The whole recipe as one step."""
    reasons: dict[str, int] = {}
    for step in balance:
        for rule, n in step.reasons.items():
            reasons[f"{step.step}:{rule}"] = n
    return Balance(
        "all",
        "recipe",
        balance[0].entered,
        sum(b.created for b in balance),
        balance[-1].out,
        sum(b.merged for b in balance),
        sum(b.dropped for b in balance),
        sum(b.quarantined for b in balance),
        reasons=reasons,
    )
