"""Release: `release/<dataset>`, partitioned by version; rolling back is releasing an older key."""

from collections.abc import Iterator

import dagster as dg

from assets.common import key, log_progress, owners, partitions, picture, plain_failures, version_of
from lakehouse.core import versions
from lakehouse.core.errors import ReleaseError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
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
    upstream = key("pilot" if dataset.pilot.evaluations else "gold", name)

    @dg.asset(
        key=asset_key,
        deps=[upstream],
        partitions_def=partitions(dataset),
        group_name="release",
        description=f"Released bundles of {name}: Parquet, manifest, card, checksums; DVC, git tag, Hub.",
        owners=owners(dataset.owner),
        kinds={"dvc", "huggingface"},
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
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(done.bundle.rows.values()),
                "version": done.version,
                "label": done.label,
                "grade": version.grade or "not graded",
                "tag": done.tag,
                "commit": done.commit,
                "remote": done.remote or "none configured",
                "hub": str(done.hub) if done.hub else "not asked for",
                "already": done.already,
                "folder": dg.MetadataValue.path(str(project.release_folder(name))),
                "card": dg.MetadataValue.path(str(project.release_folder(name) / "README.md")),
                "where the rows went": picture(balance_picture(version.manifest["balance"], f"{name} {done.label}"), "material balance"),
            },
            check_results=[
                dg.AssetCheckResult(check_name="gates_passed", passed=True),
                dg.AssetCheckResult(
                    check_name="bundle_verifies", passed=not problems, metadata={"problems": "\n".join(problems) or "none"}
                ),
            ],
        )

    return released
