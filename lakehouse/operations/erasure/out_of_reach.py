"""Places that an erasure cannot reach, by name: published releases, trained models, the origin, files under version control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import FactoryError
from lakehouse.core.labels import decisions
from lakehouse.core.project import Project
from lakehouse.core.storage.packs import locations
from lakehouse.core.versions import Version
from lakehouse.delivery.release.release import releases
from lakehouse.operations.erasure.removal import root
from lakehouse.operations.history.rows_of_versions import collect, known_datasets


@dataclass(frozen=True)
class OutOfReach:
    """Something that may still hold the rows.

    Attributes:
        kind: release, mlflow, origin, decisions, location.
        where: its places.
        do: what a person can do about it.
    """

    kind: str
    what: str
    where: tuple[str, ...]
    do: str


@dataclass(frozen=True)
class HoldingVersion:
    """A version that holds rows which go; `released` are its labels that left the house."""

    dataset: str
    version: str
    label: str
    rows: int
    released: tuple[str, ...]


def holding(project: Project, ids: Sequence[str]) -> list[tuple[Version, HoldingVersion]]:
    """The versions of all datasets that hold rows stemming from `ids`, archived or not."""
    wanted = pl.Series(list(ids), dtype=pl.String).implode()
    found = []
    for dataset in known_datasets(project):
        for version in versions.versions(project, dataset):
            match = root("_row_id").is_in(wanted) | pl.col("_root").is_in(wanted)
            try:
                count = collect(versions.index(project, version).filter(match).select(pl.len()), f"version {version.label}").item()
            except FactoryError:
                continue  # its files were cleaned up
            if count:
                found.append((version, HoldingVersion(dataset, version.version, version.label, int(count), version.released)))
    return found


def outside(project: Project, source: str, ids: Sequence[str], held: Sequence[tuple[Version, HoldingVersion]]) -> list[OutOfReach]:
    """All that may still hold rows `ids` of a source once the lake does not."""
    found = [_origin(project, source)]
    for version, _ in held:
        if version.released:
            found.append(_release(project, version))
        runs = sorted({str(result["run_id"]) for result in version.evaluations.values() if result.get("run_id")})
        if runs:
            what = f"models trained and pages made on {version.dataset} {version.label}"
            do = "delete the runs in MLflow, then `mlflow gc`; train anew on a version made after the erasure"
            found.append(
                OutOfReach("mlflow", what, (f"tracking store {_plain(project.tracking_uri)}", *(f"run {run}" for run in runs)), do)
            )
    found += _decided(project, ids)
    for place in locations(project):
        if "://" not in place.at and not Path(place.at).is_dir():
            found.append(
                OutOfReach(
                    "location",
                    "a location of cold packs that is not there",
                    (place.at,),
                    "when it is back: lakehouse storage scrub --repair",
                )
            )
    return found


def _origin(project: Project, source: str) -> OutOfReach:
    call = project.source(source).connector
    at = next((str(call.params[name]) for name in ("path", "url", "urls", "uri", "table", "repo") if name in call.params), "")
    what = f"the origin of {source}, which its connector only reads"
    return OutOfReach("origin", what, (f"{call.name} {at}".strip(),), "erase it there as well; until then each collection leaves it out")


def _release(project: Project, version: Version) -> OutOfReach:
    places: list[str] = [f"releases/{version.dataset} and git's history"]
    for event in releases(project, version.dataset):
        if event["version"] == version.version:
            if event.get("remote"):
                places.append(f"DVC remote {event['remote']}")
            hub: Mapping[str, Any] | None = event.get("hub")
            if hub:
                places.append(f"Hub {hub['repo']} at {hub['endpoint']}, tag {hub['tag']}")
    places.append("this machine's DVC cache")
    places.append("sites and readers that have pulled it: who they are is not known here")
    tags = ", ".join(f"{version.dataset}@v{label}" for label in version.released)
    do = f'lakehouse version retire {version.dataset} {version.label} --why "rows were erased"'
    return OutOfReach("release", tags, tuple(dict.fromkeys(places)), do)


def _decided(project: Project, ids: Sequence[str]) -> list[OutOfReach]:
    wanted, found = set(ids), []
    for declared in project.datasets.values():
        file = declared.spec.decisions
        try:
            named = sum(decision.row.partition("#")[0] in wanted for decision in decisions.read(project.root / file))
        except FactoryError:
            continue
        if named:
            found.append(
                OutOfReach("decisions", f"{named} decisions about these rows", (file,), "delete these lines, in git's history too")
            )
    return found


def _plain(uri: str) -> str:
    """An address without the user and password that it may hold."""
    head, _, tail = uri.partition("://")
    return f"{head}://{tail.rpartition('@')[2]}" if tail else uri
