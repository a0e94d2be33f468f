"""A version's rows in Python: `lakehouse.load` gives a frame of Polars, `lakehouse.load_datasets` what the `datasets` library trains on.

They come from gold, through the door where there is a policy, or in a clone without a lake from the released bundle in `releases/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import AccessError, NotFoundError
from lakehouse.core.lake.parquet.files import arrow
from lakehouse.core.project import Project
from lakehouse.core.row_model import SPLITS
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.delivery.release.bundle import Bundle, read_bundle
from lakehouse.delivery.release.features import features, is_picture, listed_codes
from lakehouse.delivery.release.shards import ROW_ID
from lakehouse.operations.show.reader import reader

if TYPE_CHECKING:
    from datasets import DatasetDict

_NAMES = {"_row_id": ROW_ID, "_split": "split"}


@dataclass(frozen=True)
class _LoadedRows:
    """Rows of a version: the contract's columns in order, `_row_id` and `_split`; and the contract's columns as the manifest has them."""

    rows: pl.LazyFrame
    contract: dict[str, Any]


@overload
def load(
    dataset: str,
    version: str = "latest",
    *,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    root: str | Path | None = None,
    lazy: Literal[False] = False,
    principal: str | None = None,
    purpose: str | None = None,
) -> pl.DataFrame: ...


@overload
def load(
    dataset: str,
    version: str = "latest",
    *,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    root: str | Path | None = None,
    lazy: Literal[True],
    principal: str | None = None,
    purpose: str | None = None,
) -> pl.LazyFrame: ...


def load(
    dataset: str,
    version: str = "latest",
    *,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    root: str | Path | None = None,
    lazy: bool = False,
    principal: str | None = None,
    purpose: str | None = None,
) -> pl.DataFrame | pl.LazyFrame:
    """The rows of a version, by `row_id`: the contract's columns, `row_id` and `split`.

    Args:
        version: a label, an id, `latest` or `released`.
        split: only its rows.
        columns: only these, in this order.
        root: a folder in the factory; default: LAKEHOUSE_PROJECT or the working folder.
        lazy: a lazy frame, which reads what is asked of it, in the order of the files.
        principal: the reader; needed where `assets/access.yaml` exists.
        purpose: one of the purposes in that file.

    Raises:
        NotFoundError: no factory, dataset, version, split or column of that name.
        StorageError: the rows of the version are archived.
        AccessError: the policy does not allow it.
    """
    held = _held(dataset, version, split, columns, root, principal, purpose)
    rows = held.rows
    names = rows.collect_schema().names()
    if not lazy and "_row_id" in names:
        rows = rows.sort("_row_id")
    rows = rows.rename({name: shown for name, shown in _NAMES.items() if name in names and shown not in names})
    # A contract's own column wins over one of these names.
    rows = rows.select([name for name in rows.collect_schema() if name not in _NAMES] if columns is None else list(columns))
    return rows if lazy else rows.collect()


def load_datasets(
    dataset: str,
    version: str = "latest",
    *,
    split: str | None = None,
    columns: Sequence[str] | None = None,
    root: str | Path | None = None,
    principal: str | None = None,
    purpose: str | None = None,
) -> DatasetDict:
    """The rows of a version as the `datasets` library has them, a dataset a split, with the features of the release's card.

    A text column of which the contract lists the values is a `ClassLabel`; bytes that are pictures are an `Image`.

    Args and errors as of `load`.
    """
    from datasets import Dataset, DatasetDict, Features
    from datasets.table import table_cast

    held = _held(dataset, version, split, None if columns is None else [*columns, "split"], root, principal, purpose)
    rows = held.rows.collect()
    if "_split" not in rows.columns:
        raise AccessError(f"the role that may read gold/{dataset} shows no `_split`", fix="name it in the grant, or use lakehouse.load")
    rows = rows.sort("_row_id") if "_row_id" in rows.columns else rows
    own = rows.drop("_split", *(["_row_id"] if ROW_ID in rows.columns else [])).rename({"_row_id": ROW_ID}, strict=False)
    wanted = own if columns is None else own.select([name for name in columns if name != "split" or name in own.columns])
    pictures = {name for name, kind in wanted.schema.items() if kind == pl.Binary and wanted.select(is_picture(name)).item()}
    codes = {name: values for name, values in listed_codes(held.contract).items() if name in wanted.columns}
    # A mask of the policy may have put other texts in their place.
    codes = {name: values for name, values in codes.items() if wanted[name].drop_nulls().is_in(values).all()}
    kinds = Features._from_yaml_list(features(wanted.schema, codes, pictures))
    present = rows["_split"].unique().to_list()
    made = {}
    for name in [*(each for each in SPLITS if each in present), *sorted(set(present) - set(SPLITS))]:
        made[name] = Dataset(table_cast(arrow(wanted.filter(rows["_split"] == name)), kinds.arrow_schema))
    return DatasetDict(made)


def _held(
    dataset: str,
    reference: str,
    split: str | None,
    columns: Sequence[str] | None,
    root: str | Path | None,
    principal: str | None,
    purpose: str | None,
) -> _LoadedRows:
    start = Path(root) if root is not None else None
    project = _project(dataset, start)
    if project is None or dataset not in project.datasets or not versions.versions(project, dataset):
        if project is not None and dataset not in project.datasets and not _bundles(project.root / "releases", dataset):
            project.dataset(dataset)  # raises, with the nearest known name
        bundle = _bundle((project.root if project is not None else _clone(dataset, start)) / "releases", dataset, reference)
        manifest = json.loads((bundle.folder / "manifest.json").read_text(encoding="utf-8"))
        _refuse_split(split, bundle.rows, f"{dataset} {bundle.label}")
        files = [file for file in manifest["files"] if split in (None, file["split"])]
        parts = [pl.scan_parquet(bundle.folder / file["path"], glob=False).with_columns(_split=pl.lit(file["split"])) for file in files]
        rows = pl.concat(parts).rename({ROW_ID: "_row_id"})
        _refuse_columns(columns, rows, f"{dataset} {bundle.label}")
        return _LoadedRows(rows, manifest["columns"] or {})
    version = versions.find(project, dataset, reference)
    gold = versions.rows(project, version)
    own = [name for name in gold.collect_schema() if name in version.manifest["columns"]]
    places = list(_NAMES)
    _refuse_split(split, version.held_rows, f"{dataset} {version.label}")
    _refuse_columns(columns, gold.select(*own, *places), f"{dataset} {version.label}")
    who = reader(project, principal, purpose)
    if not who.governed:
        chosen = gold if split is None else gold.filter(pl.col("_split") == split)
        return _LoadedRows(chosen.select(*own, *places), version.manifest["columns"])
    named = {shown: name for name, shown in _NAMES.items() if shown not in own}
    asked = None if columns is None else list(dict.fromkeys(named.get(name, name) for name in columns))
    read = who.read(f"gold/{dataset}", columns=asked, equal={"_split": split} if split else None, version=version.version)
    shown = [name for name in read.rows.columns if name in own or name in places]
    return _LoadedRows(read.rows.select(shown).lazy(), version.manifest["columns"])


def _project(dataset: str, start: Path | None) -> Project | None:
    """The factory; None in a clone without declarations, where the released bundle is all there is (NotFoundError where neither is)."""
    try:
        return Project.find(start)
    except NotFoundError:
        _clone(dataset, start)
        return None


def _clone(dataset: str, start: Path | None) -> Path:
    """The folder at or above the start that has a bundle of the dataset in `releases/`.

    Raises:
        NotFoundError: there is none, so that neither a factory nor a released dataset is here.
    """
    begin = (start or Path(os.environ.get("LAKEHOUSE_PROJECT", "."))).resolve()
    for folder in (begin, *begin.parents):
        if _bundles(folder / "releases", dataset):
            return folder
    raise NotFoundError(
        f"no data factory at or above {begin}, and no bundle of {dataset} in `releases/`", fix="change into one; in a clone: dvc pull"
    )


def _bundles(releases: Path, dataset: str) -> list[Bundle]:
    """The bundles of a dataset in a folder, the current one first."""
    folders = [releases / dataset, *sorted(releases.glob(f"{dataset}-*"))]
    found = [read_bundle(folder) for folder in folders if (folder / "manifest.json").exists()]
    return [bundle for bundle in found if bundle.dataset == dataset]


def _bundle(releases: Path, dataset: str, reference: str) -> Bundle:
    """The released bundle here that a reference names: the current one, or one that `lakehouse pull --label` has brought.

    Raises:
        NotFoundError: there is none.
    """
    found = _bundles(releases, dataset)
    if not found:
        raise NotFoundError(
            f"{dataset} has no version here, neither in the lake nor as a bundle in releases/",
            fix=f"make one: lakehouse run {dataset}; in a clone bring the released one: lakehouse pull {dataset}",
        )
    label = reference.removeprefix("v")
    if reference in ("latest", "released"):
        return found[0]
    for bundle in found:
        if bundle.label == label or (len(reference) >= 4 and bundle.version.startswith(reference)):
            return bundle
    here = ", ".join(f"{bundle.label} ({bundle.version})" for bundle in found)
    raise NotFoundError(f"releases/ holds no `{reference}` of {dataset}", fix=f"lakehouse pull {dataset} --label {label}; here: {here}")


def _refuse_split(split: str | None, splits: dict[str, int], of: str) -> None:
    if split is not None and split not in splits:
        raise NotFoundError(f"{of} has no split `{split}`", fix=f"splits: {', '.join(splits)}")


def _refuse_columns(columns: Sequence[str] | None, rows: pl.LazyFrame, of: str) -> None:
    names = rows.collect_schema().names()
    known = [*(name for name in names if name not in _NAMES), *(shown for shown in _NAMES.values() if shown not in names)]
    for name in columns or ():
        if name not in known:
            raise NotFoundError(f"{of} has no column `{name}`", fix=suggest(name, known))
