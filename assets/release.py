"""Release: `release/<dataset>`, partitioned by version; rolling back is releasing an older key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from assets.common import key, log_progress, owners, partition_key, partitions, picture, plain_failures, version_of
from assets.page import Content, Page
from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version
from lakehouse.delivery.release import policy
from lakehouse.delivery.release.bundle import verify_bundle
from lakehouse.delivery.release.release import release
from lakehouse.production.pictures import balance_picture


class Target(dg.Config):
    """What a release run may be told."""

    push_hub: bool = False


def build(project: Project, dataset: Dataset) -> dg.AssetsDefinition:
    """The release asset of a dataset, with the checks gates_passed and bundle_verifies."""
    name = dataset.dataset
    asset_key = key("release", name)
    upstream = key("pilot" if dataset.pilot.judges else "gold", name)

    @dg.asset(
        key=asset_key,
        deps=[upstream],
        partitions_def=partitions(dataset),
        group_name="release",
        description=f"Released bundles of {name}: Parquet, manifest, card, checksums; DVC, git tag, Hub.",
        owners=owners(dataset.owner),
        kinds={"dvc", "huggingface"},
        metadata={"dagster/uri": str(project.release_folder(name))},
        tags={"factory/workshop": "release"},
        check_specs=[
            dg.AssetCheckSpec("gates_passed", asset=asset_key, blocking=True, description="Read again from the register of versions."),
            dg.AssetCheckSpec(
                "bundle_verifies", asset=asset_key, blocking=True, description="Checksums, row counts and content of the bundle."
            ),
        ],
    )
    def released(context: dg.AssetExecutionContext, config: Target) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        with plain_failures():
            version = versions.find(project, name, version_of(context.partition_key))
            refusals = policy.reasons(dataset, version)
            if refusals:
                yield dg.AssetCheckResult(check_name="gates_passed", passed=False, metadata={"refused": "\n".join(refusals)})
                raise ReleaseError(f"{name} {version.label} is refused: {'; '.join(refusals)}", fix="make a version that passes")
            done = release(project, name, version.version, push_hub=config.push_hub, progress=log_progress(context))
        problems = verify_bundle(project.release_folder(name))
        if problems:
            yield dg.AssetCheckResult(check_name="bundle_verifies", passed=False, metadata={"problems": "\n".join(problems)})
            raise ReleaseError(f"the bundle of {name} {version.label} is damaged: {problems[0]}", fix="release it again")
        (page,) = pages(project, dataset, version.version)
        yield page.result(already=done.already, hub=_hub(asdict(done.hub)) if done.hub else None)

    return released


def pages(project: Project, dataset: Dataset, of: str | None = None) -> list[Page]:
    """A page for each version that was released, or for the one named, in the order of their releases."""
    name = dataset.dataset
    events = versions.events(project, name).filter(pl.col("event") == "released")
    last = {version: (at, json.loads(payload)) for version, at, payload in events.select("version", "at", "payload").iter_rows()}
    return [
        Page(
            key=key("release", name),
            at=last[version.version][0],
            partition=partition_key(version.label, version.version),
            content=partial(_content, project, version, last[version.version][1]),
        )
        for version in sorted((v for v in versions.versions(project, name) if v.version in last), key=lambda v: last[v.version][0])
        if of in (None, version.version)
    ]


def _content(project: Project, version: Version, released: Mapping[str, Any]) -> Content:
    """A release writes its event last: the gates had passed and the bundle was verified."""
    name = version.dataset
    current = versions.released(project, name)
    here = project.release_folder(name)
    folder = {"folder": dg.MetadataValue.path(str(here)), "card": dg.MetadataValue.path(str(here / "README.md"))}
    return Content(
        data_version=str(released["bundle"]),
        metadata={
            "dagster/row_count": sum(version.held_rows.values()),
            "version": version.version,
            "label": released["label"],
            "grade": version.grade or "not graded",
            "tag": released["tag"],
            "commit": released["commit"],
            "remote": released["remote"] or "none configured",
            "hub": _hub(released["hub"]) if released["hub"] else "not asked for",
            **(folder if current is not None and current.version == version.version else {}),
            **picture("where the rows went", balance_picture(version.manifest["balance"], f"{name} {version.label}")),
        },
        checks=[dg.AssetCheckResult(check_name=check, passed=True) for check in ("gates_passed", "bundle_verifies")],
    )


def _hub(push: Mapping[str, Any]) -> str:
    return f"{push['repo']} {push['tag']}" + (f", not sent: {push['reason']}" if push["reason"] else "")
