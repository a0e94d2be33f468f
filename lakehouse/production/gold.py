"""Make `gold/<dataset>`: validate silver against the contract, split what is valid, quarantine what is not, seal a version.

Everything is computed and checked before the first write: a broken contract, too many violations or the alarm leave gold as it was.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NondeterminismError
from lakehouse.core.hashing import content_id, row_digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import GOLD
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.versions import Version
from lakehouse.production import augment as augmentation
from lakehouse.production import split_leaks, splits
from lakehouse.production.augment import VariantRows
from lakehouse.production.engine import yields
from lakehouse.production.engine.balance import Balance, verify
from lakehouse.production.engine.balance import from_json as balance_of
from lakehouse.production.engine.difference import Difference, apply, difference
from lakehouse.production.engine.yields import LowYield
from lakehouse.production.gold_job import GoldJob, prepare
from lakehouse.production.manifest import change_of, environment_of, input_of
from lakehouse.production.split_leaks import SplitLeaks
from lakehouse.production.validation import check_rate, contract_balance, rows_by_rule, violating_rows, write_quarantine


@dataclass(frozen=True, kw_only=True)
class Gold:
    """The outcome of a run for `gold/<dataset>`.

    Attributes:
        version: the version that gold holds now.
        made: a version was sealed in this run.
        again: it had been made before, and another one since.
        splits: rows per split.
        violations: rows per broken rule.
        leaks: what more than one split holds.
        balance: from silver's rows to gold's: the contract, then each augmentation.
        low_yields: steps, the contract among them, that keep few of their rows.
    """

    dataset: str
    version: str
    label: str
    made: bool
    unchanged: bool
    again: bool = False
    rows: int
    splits: dict[str, int]
    quarantined: int
    violations: dict[str, int]
    leaks: SplitLeaks
    change: dict[str, Any]
    added: int
    changed: int
    removed: int
    delta_version: int
    balance: tuple[Balance, ...]
    low_yields: tuple[LowYield, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class _Held:
    """The rows that gold holds before the run.

    Attributes:
        version: Delta version; None where gold does not exist.
        rows: the columns of GOLD that gold has, of all rows.
        reusable: `_row_id`, `_content`, `_hash`, `_split`, `_learnt` of the rows whose values and contract are as they were.
    """

    version: int | None
    rows: pl.DataFrame | None
    reusable: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class _Validated:
    """The rows of silver, held against the contract.

    Attributes:
        entered: rows of silver.
        index: identity, lineage and place in silver of the rows that meet the contract, with the column that names their split.
        known: those of `_Held.reusable` whose content is the same.
        invalid: the rows that break the contract, with `_rules`.
    """

    entered: int
    index: pl.DataFrame
    known: pl.DataFrame
    invalid: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class _CheckedRows:
    """The rows that gold is to hold, and those that it is not to hold.

    Attributes:
        valid: GOLD_INDEX, by `_row_id`, with the places in silver, null for variants.
        invalid: rows and variants that break the contract, with `_rules`.
        balance: the contract, then each augmentation.
        variants: None where the dataset declares none.
    """

    valid: pl.DataFrame
    invalid: pl.DataFrame
    balance: tuple[Balance, ...]
    variants: VariantRows | None


def make_gold(project: Project, name: str, *, progress: Progress = silent) -> Gold:
    """Bring `gold/<name>` to the state that silver, contract and splits give now, and seal a version if anything differs.

    Raises:
        ContractError: silver has not the shape the contract promises.
        YieldError: a step keeps fewer of its rows than the dataset declares; gold stays as it was.
        ViolationRateError: too many rows break the contract; gold stays as it was, the rows are in quarantine.
        NondeterminismError: the same plan gave other content; gold stays as it was.
    """
    with run(project, f"dataset {name}", progress) as work:
        made = _make(project, name, work.progress)
        work.record("gold", name, made.added + made.changed)
        return made


def _make(project: Project, name: str, progress: Progress) -> Gold:
    job = prepare(project, name)
    if job.current is not None and job.is_made:
        return _describe(job, job.current)
    yields.refuse(project, name, yields.low_yields(job.dataset.yields, job.balance))
    progress("validating", 0, None)
    held = _held(job)
    validated = _validate(job, held)
    progress("splitting", 0, None)
    rows = _add_variants(job, held, validated, _split(job, validated), progress)
    write_quarantine(job.quarantine, rows.invalid, job.contract, job.plan_id)
    content = content_id(rows.valid, "_row_id", "_hash")
    yields.refuse(project, name, _low_yields(job, rows.balance))
    verify((*job.balance, *rows.balance), name, entered=job.balance[0].entered, survived=rows.valid.height)
    _alarm(project, name, job.plan_id, content)
    del validated  # so that gold is written in its room
    progress("writing gold", 0, None)
    change = _write(job, held, rows, content)
    return _seal(job, rows, content, change)


def _describe(job: GoldJob, current: Version) -> Gold:
    """The version that gold holds already; where only the metadata differs, it gets a new label and the new metadata."""
    manifest, label = current.manifest, current.label
    what: dict[str, Any] = {"part": None, "reasons": []}
    if manifest["metadata"] != job.metadata:
        label = versions.label_of(job.project, job.name, current.version, job.metadata, "patch")
        reasons = [f"{k} changed" for k in job.metadata if manifest["metadata"].get(k) != job.metadata[k]]
        what = {"part": "patch", "reasons": reasons}
        versions.record(job.project, job.name, current.version, "described", {"label": label, "metadata": job.metadata})
    rows, broken, violations = sum(manifest["rows"].values()), manifest["quarantined"], manifest["violations"]
    checked = tuple(balance_of(b) for b in manifest["balance"] if b["operator"] in ("contract", "augment"))
    if not checked:  # a version of a time when the balance ended with silver
        checked = (contract_balance(rows + broken, broken, violations),)
    return Gold(
        dataset=job.name,
        version=current.version,
        label=label,
        made=what["part"] is not None,
        unchanged=what["part"] is None,
        rows=rows,
        splits=manifest["rows"],
        quarantined=broken,
        violations=violations,
        leaks=split_leaks.of_manifest(manifest["leaks"]),
        change=what,
        added=0,
        changed=0,
        removed=0,
        delta_version=current.gold_version,
        balance=checked,
        low_yields=_low_yields(job, checked),
        seconds=time.perf_counter() - job.started,
    )


def _held(job: GoldJob) -> _Held:
    version = job.gold.version()
    rows = job.gold.read((c for c in job.gold.schema(version) if c in GOLD), version) if version is not None else None
    columns = ["_row_id", "_content", "_hash", "_split", "_learnt"]
    if rows is None or job.gold.metadata().get("factory.values") != job.keys["values"]:
        return _Held(version=version, rows=rows, reusable=pl.DataFrame(schema=dict.fromkeys(columns, pl.String())))
    return _Held(version=version, rows=rows, reusable=rows.select(columns))


def _validate(job: GoldJob, held: _Held) -> _Validated:
    """Hold the rows that gold does not hold yet against the contract.

    Raises:
        ViolationRateError: too many rows break the contract; they are in quarantine.
    """
    by = [column for column in job.dataset.splits.named if column in job.stored]
    index = job.silver.located(["_row_id", "_content", "_parent", "_root", "_cluster", *by])
    known = held.reusable.join(index.select("_row_id", "_content"), on=["_row_id", "_content"], how="semi").drop("_content")
    new = index.join(known, on="_row_id", how="anti", maintain_order="left")
    invalid = violating_rows(job.silver, job.contract, new, job.own)
    check_rate(job.dataset, index.height, invalid, lambda: write_quarantine(job.quarantine, invalid, job.contract, job.plan_id))
    valid = index.join(invalid.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
    return _Validated(entered=index.height, index=valid, known=known, invalid=invalid)


def _split(job: GoldJob, validated: _Validated) -> pl.DataFrame:
    """The rows that meet the contract with `_split`, `_group`, `_hash` and `_learnt`."""
    splits.require(validated.index, job.dataset.splits, job.name)
    group = splits.groups(validated.index, job.dataset.splits)
    index = validated.index.with_columns(splits.assign(validated.index, group, job.dataset.splits, job.name), _group=group)
    return _hashed(job.silver, index, validated.known, job.own, job.learnt)


def _add_variants(job: GoldJob, held: _Held, validated: _Validated, valid: pl.DataFrame, progress: Progress) -> _CheckedRows:
    """The rows of gold with the variants that the dataset declares."""
    checked = contract_balance(validated.entered, validated.invalid.height, rows_by_rule(validated.invalid))
    if not job.recipe.variants:
        return _CheckedRows(valid=valid, invalid=validated.invalid, balance=(checked,), variants=None)
    over = augmentation.GoldRows(
        silver=job.silver,
        valid=valid,
        own=job.own,
        learnt=job.learnt,
        table=job.gold,
        known=held.reusable,
        keys=json.loads(job.gold.metadata().get("factory.variants", "{}")) if held.version is not None else {},
    )
    variants = augmentation.augment(job.project, job.name, job.recipe.variants, over, job.contract, _variants_folder(job), progress)
    return _CheckedRows(
        valid=pl.concat([valid, variants.rows], how="diagonal").sort("_row_id"),
        invalid=pl.concat([validated.invalid, variants.invalid], how="diagonal_relaxed"),
        balance=(checked, *variants.balance),
        variants=variants,
    )


def _write(job: GoldJob, held: _Held, rows: _CheckedRows, content: str) -> Difference:
    """Write the rows that differ from those that gold holds, in one commit; nothing where none differs."""
    change = difference(
        job.gold,
        rows.valid.select("_row_id", "_hash", "_content", "_cluster", "_root", "_parent", "_learnt"),
        anew=_other_columns(job.gold, job.own),
        have=held.rows,
        version=held.version,
    )
    if not change.nothing:
        places = rows.valid.select(*GOLD, "_file", "_at")
        apply(
            job.gold,
            change,
            lambda wanted: _values(job, places.join(wanted, on="_row_id", how="semi", maintain_order="left"), rows.variants),
            pl.Schema({**GOLD, **{column: job.stored[column] for column in job.own}}),
            {**job.keys, "version": versions.version_id(job.plan_id, content), "plan_id": job.plan_id, "content_id": content},
        )
    if rows.variants is not None:
        shutil.rmtree(_variants_folder(job))
    return change


def _seal(job: GoldJob, rows: _CheckedRows, content: str, change: Difference) -> Gold:
    """Record the version with its manifest."""
    current, version = job.current, versions.version_id(job.plan_id, content)
    what = change_of(current, job.plan, job.contract, job.recipe)
    label = versions.label_of(job.project, job.name, version, job.metadata, what["part"])
    if current is not None and current.version == version:
        # Gold was changed, restored or compacted by someone else: the same version is sealed again at gold's present Delta version.
        what, label = {"part": None, "reasons": ["gold was not as this run's predecessor left it"]}, current.label
    delta_version = job.gold.version()
    assert delta_version is not None
    made = Gold(
        dataset=job.name,
        version=version,
        label=label,
        made=True,
        unchanged=False,
        again=current is not None
        and current.version != version
        and version in {v.version for v in versions.versions(job.project, job.name)},
        rows=rows.valid.height,
        splits=dict(rows.valid.group_by("_split").len().sort("_split").iter_rows()),
        quarantined=rows.invalid.height,
        violations=rows.balance[0].reasons,
        leaks=split_leaks.leaks(rows.valid, rows.valid["_group"], job.learns_from, job.gold, near_known=_names_near_duplicates(job)),
        change=what,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        delta_version=delta_version,
        balance=rows.balance,
        low_yields=_low_yields(job, rows.balance),
        seconds=time.perf_counter() - job.started,
    )
    versions.record(job.project, job.name, version, "made", _manifest(job, made, content))
    return made


def _names_near_duplicates(job: GoldJob) -> bool:
    return any(step.operator in ("dedup_minhash", "dedup_simhash") for step in job.recipe.steps)


def _low_yields(job: GoldJob, checked: Sequence[Balance]) -> tuple[LowYield, ...]:
    return yields.low_yields(job.dataset.yields, (*job.balance, *checked))


def _manifest(job: GoldJob, made: Gold, content: str) -> dict[str, Any]:
    current, contract = job.current, job.contract
    return {
        "dataset": job.name,
        "version": made.version,
        "label": made.label,
        "plan_id": job.plan_id,
        "content_id": content,
        "parents": [] if current is None else [current.version] if current.version != made.version else current.manifest["parents"],
        "rows": made.splits,
        "columns": contract.columns,
        "inputs": [input_of(job.project, source, job.inputs) for source in job.dataset.sources],
        "references": job.inputs.references,
        "contract": {"reference": contract.reference, "hash": contract.hash, "description": contract.description},
        "recipe": job.recipe.identity(),
        "engine": job.plan["engine"],
        "splits": job.dataset.splits.identity(),
        **{key: job.plan[key] for key in ("augment",) if key in job.plan},
        "balance": [b.as_json() for b in (*job.balance, *made.balance)],
        **({"low_yields": [each.as_json() for each in made.low_yields]} if made.low_yields else {}),
        "quarantined": made.quarantined,
        "violations": made.violations,
        "privacy": {c: sorted(p) for c, p in job.recipe.privacy.items() if c in job.own},
        "lineage": {c: sorted(job.recipe.lineage.get(c, ())) for c in job.own},
        "leaks": made.leaks.as_json(),
        "gold": {"delta_version": made.delta_version, "added": made.added, "changed": made.changed, "removed": made.removed},
        "change": made.change,
        "environment": environment_of(job.project),
        "metadata": job.metadata,
    }


def _hashed(silver: Table, index: pl.DataFrame, known: pl.DataFrame, own: list[str], learnt: list[str]) -> pl.DataFrame:
    """`index` with `_hash`, over own columns, `_row_id` and `_split`, and `_learnt`, by `_row_id`.

    Values are read only of rows that gold does not hold in this split.
    """
    same = index.join(known, on=["_row_id", "_split"], how="left", maintain_order="left")
    missing = same.filter(pl.col("_hash").is_null()).drop("_hash", "_learnt")
    parts = [same.filter(pl.col("_hash").is_not_null())]
    schema = silver.schema()
    text = row_digest({**schema, "_split": pl.String()}, [*own, "_row_id", "_split"])
    for chunk in silver.pick(own, missing.select("_row_id", "_split", "_file", "_at")):
        digests = chunk.select("_row_id", _hash=text, _learnt=row_digest(dict(schema), learnt) if learnt else pl.lit(""))
        parts.append(missing.join(digests, on="_row_id", how="inner", maintain_order="left").select(parts[0].columns))
    return pl.concat(parts).sort("_row_id")


def _values(job: GoldJob, places: pl.DataFrame, variants: VariantRows | None) -> Iterator[pl.DataFrame]:
    """Own columns of the rows at `places` beside the index columns, in chunks; a variant has no place in silver."""
    yield from job.silver.pick(job.own, places.filter(pl.col("_file").is_not_null()))
    if variants is not None:
        yield from variants.values(job.own, places.filter(pl.col("_file").is_null()).drop("_file", "_at"))


def _variants_folder(job: GoldJob) -> Path:
    """Where the values of new variants are staged."""
    return job.project.state / "staging" / f"{job.name}-variants"


def _alarm(project: Project, name: str, plan_id: str, content: str) -> None:
    """Refuse other content of a plan that gave content before (NondeterminismError)."""
    for version in versions.versions(project, name):
        if version.plan_id == plan_id and version.content_id != content:
            raise NondeterminismError(
                f"{name}: the plan {plan_id[:12]} gave content {version.content_id[:12]} before and gives {content[:12]} now",
                fix="an operator or a library is not deterministic: compare `environment` in the manifests, then pin or mend it",
            )


def _other_columns(gold: Table, own: Sequence[str]) -> bool:
    return gold.exists() and [c for c in gold.schema().names() if c not in GOLD] != list(own)
