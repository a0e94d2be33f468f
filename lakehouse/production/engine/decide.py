"""The deciding phase: verdicts, clusters, fates and the balance, from signals alone. No text is read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash as plh
from polars import selectors

from lakehouse.core.row_model import DECIDED
from lakehouse.core.text.kernels.near_duplicates import connected
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.operator import Change, Cut, Explode, Keep, Merge, Tables, Verdict, with_measured
from lakehouse.production.engine.recipe import Recipe, Step


@dataclass(frozen=True)
class RecipeOutcome:
    """The decisions of a recipe on all rows.

    Attributes:
        survivors: `_row_id`, `_content`, `_parent`, `_root`, `_cluster`, by `_row_id`. Where something is cut out of a row, that is part
            of its `_content`.
        cuts: by step, `_row_id` and `cut` of the survivors that it cuts.
        fates: FATES, one row per row that did not just pass.
        balance: the intake, then every step.
    """

    survivors: pl.DataFrame
    fates: pl.DataFrame
    balance: tuple[Balance, ...]
    cuts: dict[str, pl.DataFrame]


def decide(recipe: Recipe, signals: pl.DataFrame, unfit: pl.DataFrame, tables: Tables) -> RecipeOutcome:
    """Apply every step's verdict in order.

    Args:
        signals: the measured signals of all live rows that are fit, all stages.
        unfit: `_row_id`, `_content`, `_findings` of live rows that collection found unfit or screening keeps out; they are quarantined
            at the intake.
        tables: gold rows of the datasets that steps refer to.
    """
    stages = [_stage(signals, stage) for stage in range(recipe.stages)]
    rows = _Rows(stages[0], stages[0].select("_index", _cluster="_index"))
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
    balance = [_count("intake", "intake", len(rows) + unfit.height, 0, len(rows), intake)]
    for step in recipe.steps:
        entered = len(rows)
        left = [_broken(rows, step)]
        rows = rows.without(left[0])
        created = changed = 0
        if isinstance(step.plan, Change):
            changed = int(rows.take(f"{step.name}__changed").to_series().sum() or 0)
        elif isinstance(step.plan, Keep):
            left.append(_keep(rows, step, step.plan, tables))
            rows = rows.without(left[1])
        elif isinstance(step.plan, Merge):
            rows, merged = _merge(rows, step, step.plan)
            left.append(merged)
        elif isinstance(step.plan, Cut):
            rows, changed, gone = _cut(rows, step, step.plan)
            left.append(gone)
        else:
            parents, rows = rows, rows.children(stages[step.stage + 1])
            counted = rows.take("_parent").group_by("_parent").agg(pl.len().alias("n"))
            divided = parents.take(*DECIDED).join(counted, left_on="_row_id", right_on="_parent", how="left", maintain_order="left")
            several = divided.filter(pl.col("n") > 0)
            created = len(rows) - several.height
            left.append(_fate(divided.filter(pl.col("n").is_null()), "dropped", step, pl.lit("empty"), pl.lit(None, pl.String)))
            fates.append(_fate(several, "divided", step, pl.lit("into_rows"), pl.col("n").cast(pl.String)))
        gone = pl.concat(left)
        fates.append(gone)
        balance.append(_count(step.name, step.operator, entered, created, len(rows), gone, changed))
    survivors = rows.take("_row_id", "_content", "_parent", "_root").with_columns(rows.clusters())
    cuts = {step.name: rows.at[f"_cut_{step.name}"] for step in recipe.steps if isinstance(step.plan, Cut)}
    for cut in cuts.values():
        with_cut: pl.Expr = plh.concat_str(pl.concat_str("_content", pl.lit(":"), cut.bin.encode("hex"))).chash.sha2_256()
        survivors = survivors.with_columns(pl.when(cut.is_null()).then("_content").otherwise(with_cut).alias("_content"))
    named = {name: survivors.select("_row_id", cut.alias("cut")).filter(pl.col("cut").is_not_null()) for name, cut in cuts.items()}
    return RecipeOutcome(survivors, pl.concat(fates).sort("_row_id", "step"), tuple(balance), named)


def _stage(signals: pl.DataFrame, stage: int) -> pl.DataFrame:
    """The rows of a stage by `_row_id`, numbered: `_index`."""
    rows = signals.filter(pl.col("_stage") == stage) if signals["_stage"].n_unique() > 1 or stage else signals
    ordered = rows if rows["_row_id"].is_sorted() else rows.sort("_row_id")
    return ordered.rechunk().with_row_index("_index")


@dataclass(frozen=True)
class _Rows:
    """The rows that are still there: places in a stage, so that a step looks only at the columns it needs.

    Attributes:
        stage: all rows of the stage with all their signals, by `_index`.
        at: `_index`, and `_cluster`, the smallest `_index` of the rows linked with it.
    """

    stage: pl.DataFrame
    at: pl.DataFrame

    def __len__(self) -> int:
        return self.at.height

    def take(self, *columns: str) -> pl.DataFrame:
        """These columns of the rows that are there."""
        wanted = self.stage.select(columns)
        return wanted if len(self) == wanted.height else wanted.select(pl.all().gather(self.at["_index"]))

    def seen_by(self, step: Step) -> pl.DataFrame:
        """What a verdict sees: ids, `_index`, and the step's own signals under their short names."""
        renamed = {column: column.removeprefix(f"{step.name}__") for column in step.signals}
        return self.take(*DECIDED, "_index", *renamed).rename(renamed)

    def clusters(self) -> pl.Series:
        """The `_row_id` that names the cluster of each row."""
        return self.stage["_row_id"].gather(self.at["_cluster"]).alias("_cluster")

    def without(self, gone: pl.DataFrame) -> _Rows:
        """The others, given the fates of those that leave."""
        if gone.is_empty():
            return self
        left = self.take("_row_id")["_row_id"].is_in(gone["_row_id"].implode())
        return _Rows(self.stage, self.at.filter(~left))

    def children(self, stage: pl.DataFrame) -> _Rows:
        """The rows of the next stage whose parents are there. They stay in the cluster of their parent: near-duplicates that were only
        named stay together when they are cut."""
        parents = self.take("_row_id").with_columns(_inherited=self.at["_cluster"])
        found = stage.select("_index", "_parent").join(parents, left_on="_parent", right_on="_row_id", how="inner", maintain_order="left")
        return _Rows(stage, found.select("_index", _cluster=pl.col("_index").first().over("_inherited")))


def _broken(rows: _Rows, step: Step) -> pl.DataFrame:
    """The fates of rows that this step could not take."""
    if rows.stage["_failed"].null_count() == rows.stage.height:
        return _nobody(rows, step)
    ids = rows.take(*DECIDED)
    failed = pl.col("_failed").is_not_null() if isinstance(step.plan, Explode) else pl.col("_failed") == step.name
    # Past a 1:N step a row has no record of its own for a later failure: it leaves whole, here.
    elsewhere = pl.concat_str(pl.lit("in step "), "_failed", pl.lit(": "), "_error")
    evidence = pl.when(pl.col("_failed") == step.name).then("_error").otherwise(elsewhere)
    return _fate(ids.filter(failed.fill_null(False)), "quarantined", step, pl.lit("error"), evidence)


def _nobody(rows: _Rows, step: Step) -> pl.DataFrame:
    return _fate(rows.stage.head(0), "dropped", step, pl.lit(None, pl.String), pl.lit(None, pl.String))


def _keep(rows: _Rows, step: Step, plan: Keep, tables: Tables) -> pl.DataFrame:
    """The fates of rows that a step sends away."""
    if not plan.leaves:
        return _nobody(rows, step)
    # What is not a number compares as greater than all numbers: as a signal it is none.
    seen = rows.seen_by(step).with_columns(selectors.float().fill_nan(None)).with_columns(rows.clusters())
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
    gone = seen.with_columns(_rule=rule).filter(pl.col("_rule").is_not_null())
    evidence = pl.struct(shown).struct.json_encode() if shown else pl.lit(None, pl.String)
    other = pl.col("_other") if plan.other is not None else pl.lit(None, pl.String)
    sent = "quarantined" if plan.action == "quarantine" else "dropped"
    fate = pl.when(pl.col("_rule") == "no_signal").then(pl.lit("quarantined")).otherwise(pl.lit(sent))
    return _fate(gone, fate, step, pl.col("_rule"), evidence, other)


def _merge(rows: _Rows, step: Step, plan: Merge) -> tuple[_Rows, pl.DataFrame]:
    """The rows that stay, in their new clusters, and the fates of those that merge."""
    none = pl.lit(None, pl.UInt32)
    named = {
        "_survivor": plan.survivor,
        "_named": none if plan.cluster is None else plan.cluster,
        "_evidence": pl.lit(None, pl.Float64) if plan.evidence is None else plan.evidence,
    }
    found = with_measured(rows.seen_by(step).lazy(), named).select(*DECIDED, "_index", *named).collect()
    found = found.with_columns(pl.coalesce("_survivor", "_index").cast(pl.UInt32).alias("_survivor"))
    links = found.select(pl.coalesce("_named", "_survivor").cast(pl.Int64)).to_series().to_numpy()
    own, before = (rows.at[column].cast(pl.Int64).to_numpy() for column in ("_index", "_cluster"))
    component = connected(np.concatenate([own, own]), np.concatenate([before, links]), rows.stage.height)
    at = rows.at.with_columns(_cluster=pl.Series(component[own], dtype=pl.UInt32))
    gone = found.filter(pl.col("_survivor") != pl.col("_index"))
    survivors = rows.stage["_row_id"].gather(gone["_survivor"])
    evidence = pl.col("_evidence").round(4).cast(pl.String)
    merged = _fate(gone.with_columns(_other=survivors), "merged", step, pl.lit("duplicate"), evidence, pl.col("_other"))
    return _Rows(rows.stage, at.filter(found["_survivor"] == found["_index"])), merged


def _cut(rows: _Rows, step: Step, plan: Cut) -> tuple[_Rows, int, pl.DataFrame]:
    """The rows that stay with what leaves them, how many are cut, and the fates of those of which too little is left."""
    found = rows.take(*DECIDED).hstack(plan.decide(rows.seen_by(step).select(*plan.signals)))
    rule = pl.coalesce(pl.when(expression).then(pl.lit(reason)) for reason, expression in plan.leaves.items())
    found = found.with_columns(_rule=rule)
    gone = found.filter(pl.col("_rule").is_not_null())
    evidence = pl.struct("left").struct.json_encode()
    at = rows.at.with_columns(found["cut"].alias(f"_cut_{step.name}")).filter(found["_rule"].is_null())
    return _Rows(rows.stage, at), int(at[f"_cut_{step.name}"].count()), _fate(gone, "dropped", step, pl.col("_rule"), evidence)


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
    return Balance(
        step=step,
        operator=operator,
        entered=entered,
        created=created,
        out=out,
        merged=merged,
        dropped=dropped,
        quarantined=quarantined,
        changed=changed,
        reasons=reasons,
    )


def totals(balance: Sequence[Balance]) -> Balance:
    """The whole recipe as one step."""
    reasons: dict[str, int] = {}
    for step in balance:
        for rule, n in step.reasons.items():
            reasons[f"{step.step}:{rule}"] = n
    return Balance(
        step="all",
        operator="recipe",
        entered=balance[0].entered,
        created=sum(b.created for b in balance),
        out=balance[-1].out,
        merged=sum(b.merged for b in balance),
        dropped=sum(b.dropped for b in balance),
        quarantined=sum(b.quarantined for b in balance),
        reasons=reasons,
    )
