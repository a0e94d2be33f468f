"""Differences between two versions of a dataset: rows and reasons, plan, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.hashing import row_digest
from lakehouse.core.project import Project
from lakehouse.core.spec.contract import loosened
from lakehouse.core.versions import Version
from lakehouse.operations.history import rows_of_versions
from lakehouse.reserve.bronze import table as bronze


@dataclass(frozen=True)
class Score:
    """One metric of both versions; None where a version lacks it."""

    evaluation: str
    on: str
    metric: str
    a: float | None
    b: float | None

    @property
    def difference(self) -> float | None:
        """b - a, or None if one is missing."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, kw_only=True)
class Diff:
    """From version `a` to version `b`.

    Attributes:
        added: rows that only `b` holds.
        removed: rows that only `a` holds.
        changed: rows of both whose values differ, in the columns that both have.
        moved: rows of both whose split differs, whether or not their values do.
        same: rows of both with equal values and split.
        removed_because: rows by reason, `step: rule`, most frequent first.
        added_because: rows by the reason for which `a` did not hold them.
        rows: one line a row and kind of change: `row_id`, `change`, `from_split`, `to_split`, `reason`, `other` (the row it
            was merged into), by `row_id`.
        plan: what changed in inputs, contract, recipe and splits, a sentence each.
        scores: metrics that either has.
    """

    dataset: str
    a: Version
    b: Version
    added: int
    removed: int
    changed: int
    moved: int
    same: int
    removed_because: dict[str, int]
    added_because: dict[str, int]
    rows: pl.DataFrame
    plan: tuple[str, ...]
    scores: tuple[Score, ...]


def diff(project: Project, dataset: str, a: str, b: str) -> Diff:
    """Compare two versions, named as `versions.find` takes them.

    Memory: row ids, digests and splits of both; values only of rows whose digest differs.

    Raises:
        NotFoundError: no such version.
        StorageError: a version's files were cleaned up.
    """
    old, new = versions.find(project, dataset, a), versions.find(project, dataset, b)
    index = _index(project, old).join(_index(project, new), on="_row_id", how="full", coalesce=True, suffix="_b")
    both = pl.col("_hash").is_not_null() & pl.col("_hash_b").is_not_null()
    removed = index.filter(pl.col("_hash_b").is_null())
    added = index.filter(pl.col("_hash").is_null())
    differing = index.filter(both & (pl.col("_hash") != pl.col("_hash_b")))
    moved = differing.filter(pl.col("_split") != pl.col("_split_b"))
    changed = differing.join(_equal_values(project, old, new, differing), on="_row_id", how="anti")
    removed, added = _explained(project, removed, new), _explained(project, added, old)
    parts = {"added": added, "removed": removed, "changed": changed, "moved": moved}
    return Diff(
        dataset=dataset,
        a=old,
        b=new,
        added=added.height,
        removed=removed.height,
        changed=changed.height,
        moved=moved.height,
        same=index.height - added.height - removed.height - pl.concat([changed.select("_row_id"), moved.select("_row_id")]).n_unique(),
        removed_because=_counts(removed),
        added_because=_counts(added),
        rows=pl.concat([_listed(rows, change) for change, rows in parts.items()]).sort("row_id", "change"),
        plan=tuple(_plan(old.manifest, new.manifest)),
        scores=tuple(_scores(old, new)),
    )


def _index(project: Project, version: Version) -> pl.DataFrame:
    rows = versions.index(project, version).select("_row_id", "_hash", "_split")
    return rows_of_versions.collect(rows, f"version {version.label} of {version.dataset}")


def _equal_values(project: Project, a: Version, b: Version, rows: pl.DataFrame) -> pl.DataFrame:
    """`_row_id` of those `rows` whose values agree in the columns that both versions have (gold's digest covers the split too)."""
    if rows.is_empty():
        return rows.select("_row_id")
    shared = sorted(set(a.manifest["columns"]) & set(b.manifest["columns"]))
    values = []
    for version in (a, b):
        gold = versions.rows(project, version).select("_row_id", *shared)
        wanted = gold.join(rows.lazy().select("_row_id"), on="_row_id", how="semi")
        digest = row_digest(dict(wanted.collect_schema()), shared).alias("_values")
        values.append(rows_of_versions.collect(wanted.select("_row_id", digest), f"version {version.label} of {version.dataset}"))
    return values[0].join(values[1], on=["_row_id", "_values"], how="inner").select("_row_id")


def _explained(project: Project, rows: pl.DataFrame, absent_from: Version) -> pl.DataFrame:
    """`rows` with `reason` and `other`: why the version `absent_from` does not hold them."""
    wanted = rows.lazy().select("_row_id")
    what = f"the fates of version {absent_from.label} of {absent_from.dataset}"
    # A row leaves once, so it has one fate besides `divided`, which counts its children.
    fates = rows_of_versions.fates(project, absent_from).filter(pl.col("fate") != "divided").join(wanted, on="_row_id", how="semi")
    reason = pl.concat_str(pl.col("step"), pl.lit(": "), pl.col("rule").fill_null(pl.col("fate")))
    recipe = rows_of_versions.collect(fates.select("_row_id", reason.alias("reason"), "other"), what).unique(
        "_row_id", keep="last", maintain_order=True
    )
    broken = rows_of_versions.quarantine(project, absent_from).join(wanted, on="_row_id", how="semi")
    rules = pl.concat_str(pl.lit("contract: "), pl.col("_rules").list.join(", ")).alias("reason")
    contract = rows_of_versions.collect(broken.select("_row_id", rules, pl.lit(None, pl.String).alias("other")), what)
    known = pl.concat([recipe, contract]).unique("_row_id", keep="first", maintain_order=True)
    explained = rows.join(known, on="_row_id", how="left")
    live = _live(project, absent_from)
    parent = rows_of_versions.PARENT.is_in(live.implode()) | pl.col("_row_id").is_in(live.implode())
    variant = pl.concat_str(pl.lit("augmentation "), rows_of_versions.AUGMENTATION, pl.lit(": not made"))
    rest = (
        pl.when(rows_of_versions.AUGMENTATION.is_not_null())
        .then(variant)
        .when(parent)
        .then(pl.lit("its parent is cut into other rows"))
        .otherwise(pl.lit("source: not collected at that time"))
    )
    return explained.with_columns(pl.col("reason").fill_null(rest))


def _live(project: Project, version: Version) -> pl.Series:
    """Row ids that the version's sources held when it was made."""
    ids = [pl.Series("_row_id", [], dtype=pl.String)]
    for given in version.manifest.get("inputs") or []:
        table = bronze.table(project, str(given["source"]))
        if table.exists() and given.get("delta_version") is not None:
            rows = table.scan(int(given["delta_version"])).select("_row_id", "_collection", "_deleted")
            found = rows_of_versions.collect(rows, f"source {given['source']} as version {version.label} read it").sort(
                "_row_id", "_collection"
            )
            ids.append(found.unique("_row_id", keep="last", maintain_order=True).filter(~pl.col("_deleted"))["_row_id"])
    return pl.concat(ids)


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("reason").len().sort(["len", "reason"], descending=[True, False]).iter_rows())


def _listed(rows: pl.DataFrame, change: str) -> pl.DataFrame:
    none = pl.lit(None, pl.String)
    return rows.select(
        pl.col("_row_id").alias("row_id"),
        pl.lit(change).alias("change"),
        pl.col("_split").alias("from_split"),
        pl.col("_split_b").alias("to_split"),
        (pl.col("reason") if "reason" in rows.columns else none).alias("reason"),
        (pl.col("other") if "other" in rows.columns else none).alias("other"),
    )


def _plan(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return [
        *_inputs(a, b),
        *_contract(a, b),
        *_recipe(a, b),
        *_augment(a, b),
        *_settings(a.get("splits") or {}, b.get("splits") or {}, "splits"),
    ]


def _inputs(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    old, new = ({i["source"]: i for i in manifest.get("inputs") or []} for manifest in (a, b))
    found = [f"source `{name}` is gone" for name in old if name not in new] + [f"source `{name}` is new" for name in new if name not in old]
    for name in (name for name in old if name in new):
        if old[name].get("content_id") != new[name].get("content_id"):
            found.append(f"source `{name}` changed: {old[name].get('rows')} rows before, {new[name].get('rows')} now")
        if old[name].get("license") != new[name].get("license"):
            found.append(f"source `{name}` changed its licence from {old[name].get('license')} to {new[name].get('license')}")
    return found


def _contract(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    if (a.get("contract") or {}).get("hash") == (b.get("contract") or {}).get("hash"):
        return []
    old, new = a.get("columns") or {}, b.get("columns") or {}
    found = [f"contract: {reason}" for reason in loosened(old, new)]
    found += [f"contract: column `{name}` is new" for name in new if name not in old]
    shared = [
        (name, check) for name in new if name in old for check in new[name].get("checks", []) if check not in old[name].get("checks", [])
    ]
    return [*found, *(f"contract: column `{name}` now promises {check}" for name, check in shared)] or ["contract: its code changed"]


def _recipe(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    old, new = ({str(s.get("step", n)): s for n, s in enumerate(manifest.get("recipe") or [])} for manifest in (a, b))
    found = [f"recipe: step {name} ({step.get('operator')}) is gone" for name, step in old.items() if name not in new]
    found += [f"recipe: step {name} ({step.get('operator')}) is new" for name, step in new.items() if name not in old]
    for name in (name for name in new if name in old):
        before, after = old[name], new[name]
        if before.get("operator") != after.get("operator"):
            found.append(f"recipe: step {name} was {before.get('operator')}, now {after.get('operator')}")
            continue
        found += _settings(before.get("params") or {}, after.get("params") or {}, f"recipe: step {name} ({after.get('operator')})")
        if before.get("code") != after.get("code"):
            found.append(f"recipe: step {name} ({after.get('operator')}) has other code")
    if not found and [*old] != [*new]:
        found.append(f"recipe: the order is now {', '.join(new)}")
    return found


def _augment(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    old, new = ({str(each["name"]): each for each in manifest.get("augment") or []} for manifest in (a, b))
    found = [f"augmentation {name} is gone" for name in old if name not in new] + [
        f"augmentation {name} is new" for name in new if name not in old
    ]
    for name in (name for name in new if name in old):
        found += _settings(old[name], new[name], f"augmentation {name}")
    return found


def _settings(a: Mapping[str, Any], b: Mapping[str, Any], what: str) -> list[str]:
    names = [*a, *(name for name in b if name not in a)]
    return [f"{what}: {name} was {a.get(name)}, now {b.get(name)}" for name in names if a.get(name) != b.get(name)]


def _scores(a: Version, b: Version) -> list[Score]:
    old, new = _numbers(a), _numbers(b)
    return [Score(*key, old.get(key), new.get(key)) for key in sorted({*old, *new})]


def _numbers(version: Version) -> dict[tuple[str, str, str], float]:
    return {
        (name, on, metric): float(value["mean"] if isinstance(value, Mapping) else value)
        for name, result in version.evaluations.items()
        for on, metrics in (result.get("metrics") or {}).items()
        if isinstance(metrics, Mapping)
        for metric, value in metrics.items()
        if isinstance(value, int | float) or (isinstance(value, Mapping) and isinstance(value.get("mean"), int | float))
    }
