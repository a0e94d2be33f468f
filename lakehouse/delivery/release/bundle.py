"""The bundle of a version: Parquet per split, manifest, card and checksums; the same bytes each time it is written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError
from lakehouse.core.hashing import content_id, file_digest, row_digest
from lakehouse.core.project import Project
from lakehouse.core.row_model import SPLITS
from lakehouse.core.versions import Version
from lakehouse.delivery.release import card, pictures, shards
from lakehouse.delivery.release.facts import facts_of
from lakehouse.delivery.release.shards import ROW_ID

SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Attributes:
        folder: its place.
        files: hex SHA-256 by path relative to the folder, without `SHA256SUMS` itself.
        rows: rows by split.
        bytes: size of all files together.
        digest: hex SHA-256 of `SHA256SUMS`: identity of the bundle's bytes.
    """

    dataset: str
    version: str
    label: str
    folder: Path
    files: dict[str, str]
    rows: dict[str, int]
    bytes: int
    digest: str


def write_bundle(project: Project, version: Version, *, check: Callable[[Path], None] = lambda folder: None) -> Bundle:
    """Write `releases/<dataset>/` for `version`; what stood there stays until the new bundle is whole.

    Args:
        check: looks at the new bundle before it is moved into place, and raises where it must not be.

    Raises:
        ReleaseError: gold is not what the register recorded, or a column cannot be released.
    """
    built = build(project, version)
    check(built.folder)
    return place(project, built)


def build(project: Project, version: Version) -> Bundle:
    """Write the bundle into the project's staging folder, ready to be placed. Memory: the ids of all rows and one row group."""
    folder = staging(project, version.dataset)
    data = folder / "data"
    data.mkdir(parents=True)
    gold = versions.rows(project, version)
    schema = gold.collect_schema()
    columns = _released_columns(schema, version)
    identity = shards.measured(gold, columns)
    _refuse_other_content(identity, version)

    files: list[dict[str, Any]] = []
    for split in _ordered(identity["_split"].unique()):
        files += shards.write_split(gold, split, identity.filter(pl.col("_split") == split), columns, data)
    released_schema = pl.Schema({**{name: schema[name] for name in columns}, ROW_ID: pl.String()})
    manifest = {
        **version.manifest,
        "version": version.version,
        "label": version.label,
        "evaluations": version.evaluations,
        "gates": version.gates,
        **({"graded": version.graded} if version.graded else {}),
        **({"downgraded": version.downgraded} if version.downgraded else {}),
        **({"erased": version.erased, "rows": version.held_rows} if version.erased else {}),
        "files": files,
    }
    text = json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    drawn = pictures.draw(manifest, folder / "images")
    facts = facts_of(folder, manifest, released_schema, _labels(project, version.dataset))
    (folder / "README.md").write_text(card.render(manifest, released_schema, drawn, facts), encoding="utf-8")
    sums = "".join(f"{sha}  {name}\n" for name, sha in _digested(folder).items())
    (folder / SUMS).write_text(sums, encoding="utf-8")
    return read_bundle(folder)


def place(project: Project, bundle: Bundle) -> Bundle:
    """Move a built bundle to `releases/<dataset>`, replacing the former one.

    Two renames: a kill between them leaves no bundle rather than half of one, and the next run writes it again.
    """
    target = project.release_folder(bundle.dataset)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = bundle.folder.with_name(f"{bundle.folder.name}-old")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        os.rename(target, aside)  # noqa: PTH104 - the syscall itself, which never copies
    os.rename(bundle.folder, target)  # noqa: PTH104
    shutil.rmtree(aside, ignore_errors=True)
    return read_bundle(target)


def staging(project: Project, dataset: str) -> Path:
    """A folder on the project's own disk where a bundle is built; what a killed run left there is removed."""
    folder = project.state / "bundles" / dataset
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def read_bundle(folder: Path) -> Bundle:
    """The bundle in `folder`, as its manifest and checksums describe it (see `verify_bundle`).

    Raises:
        ReleaseError: there is no manifest or no checksum list.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        sums = (folder / SUMS).read_text(encoding="utf-8")
        rows = shards.rows_by_split(manifest["files"])
        identity = str(manifest["dataset"]), str(manifest["version"]), str(manifest["label"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{folder} holds no bundle: {error}", fix="write it again: lakehouse release DATASET") from error
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    dataset, version, label = identity
    return Bundle(
        dataset=dataset,
        version=version,
        label=label,
        folder=folder,
        files=_parsed(sums),
        rows=rows,
        bytes=size,
        digest=file_digest(folder / SUMS),
    )


def verify_bundle(folder: Path) -> list[str]:
    """What is wrong with the bundle in `folder`; empty when all is well.

    Checks every file against `SHA256SUMS` (and that no other file is there), the identity and the row counts against the
    manifest, that a row id is in one split only, and the rows' values and splits against the content id of the version, or of what
    erasures have left of it.
    """
    try:
        bundle = read_bundle(folder)
    except ReleaseError as error:
        return [error.what]
    found = _digested(folder)
    problems = [f"{name} is missing" for name in bundle.files if name not in found]
    problems += [f"{name} is not in {SUMS}" for name in found if name not in bundle.files]
    problems += [f"{name} was changed: its SHA-256 differs" for name, sha in found.items() if bundle.files.get(name, sha) != sha]
    if problems:
        return problems
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if versions.version_id(str(manifest["plan_id"]), str(manifest["content_id"])) != manifest["version"]:
        problems.append("the manifest's version does not follow from its plan id and content id")
    if manifest.get("rows") is not None and {k: n for k, n in manifest["rows"].items() if n} != {k: n for k, n in bundle.rows.items() if n}:
        problems.append(f"the manifest counts {manifest['rows']} rows, its files {bundle.rows}")
    return problems + _verify_rows(folder, manifest)


def _verify_rows(folder: Path, manifest: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    digests: list[pl.DataFrame] = []
    for file in manifest["files"]:
        with pq.ParquetFile(folder / file["path"]) as parquet:
            groups = (pl.DataFrame(pl.from_arrow(parquet.read_row_group(number))) for number in range(parquet.num_row_groups))
            found = [_digests(rows, file["split"]) for rows in groups]
        digests += found
        if (height := sum(map(len, found))) != file["rows"]:
            problems.append(f"{file['path']} holds {height} rows, the manifest counts {file['rows']}")
    together = pl.concat(digests)
    if together[ROW_ID].n_unique() != together.height:
        problems.append("a row id is in the bundle more than once")
    held = (manifest.get("erased") or manifest)["content_id"]
    if content_id(together, ROW_ID, "digest") != held:
        problems.append("the rows are not those of the version: their content id differs")
    return problems


def _labels(project: Project, dataset: str) -> list[str]:
    """The columns that evaluations take as label."""
    given = (call.params.get("label") for call in project.dataset(dataset).pilot.evaluations)
    return [label for label in given if isinstance(label, str)]


def _released_columns(schema: pl.Schema, version: Version) -> list[str]:
    columns = [name for name in schema.names() if name in version.manifest["columns"]]
    missing = sorted(set(version.manifest["columns"]) - set(columns))
    if missing:
        raise ReleaseError(f"gold/{version.dataset} lacks column `{missing[0]}`, which the contract of {version.label} promises")
    if ROW_ID in columns:
        raise ReleaseError(
            f"the contract of {version.dataset} has a column `{ROW_ID}`, the name under which a bundle carries each row's identity",
            fix="rename the column in recipe and contract",
        )
    return columns


def _refuse_other_content(identity: pl.DataFrame, version: Version) -> None:
    if identity.is_empty():
        raise ReleaseError(
            f"version {version.label} of {version.dataset} has no rows",
            fix=f"see what dropped them: lakehouse version balance {version.dataset}",
        )
    found = content_id(identity, "_row_id", "_hash")
    if found != version.held_content:
        raise ReleaseError(
            f"gold/{version.dataset} at Delta version {version.gold_version} is not the content recorded for {version.label}: "
            f"content id {found[:12]}, recorded {version.held_content[:12]}",
            fix="make the dataset again: lakehouse run DATASET",
        )


def _digests(rows: pl.DataFrame, split: str) -> pl.DataFrame:
    """The row digests that gold stores: over the contract's columns, `_row_id` and `_split`, under these names."""
    gold = rows.rename({ROW_ID: "_row_id"}).with_columns(pl.lit(split).alias("_split"))
    return gold.select(pl.col("_row_id").alias(ROW_ID), row_digest(dict(gold.schema), gold.columns).alias("digest"))


def _ordered(splits: Iterable[str]) -> list[str]:
    """Train, validation and test first, in this order."""
    present = set(splits)
    return [*(split for split in SPLITS if split in present), *sorted(present - set(SPLITS))]


def _digested(folder: Path) -> dict[str, str]:
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: file_digest(folder / name) for name in paths if name != SUMS}


def _parsed(sums: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in sums.splitlines() if "  " in line)
    return {name: sha for sha, name in pairs}
