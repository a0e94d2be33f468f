"""Release a version: refuse or bundle, verify, DVC, git commit and tag, remote, Hub, register. Each step may be repeated.

A run killed anywhere is finished by running it again: every step first looks whether its effect is there. The register is
written last, so a version counts as released only when everything else holds.
"""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import HardGateError, NotFoundError, ReleaseError
from lakehouse.core.project import Project
from lakehouse.core.runs import failures
from lakehouse.core.runs.lock import locked
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.versions import Version
from lakehouse.delivery.release import bundle as bundles
from lakehouse.delivery.release import dvc, git, hub, policy, private_data
from lakehouse.delivery.release.bundle import Bundle
from lakehouse.governance import audit


@dataclass(frozen=True, kw_only=True)
class ReleaseResult:
    """Outcome of a release.

    Attributes:
        tag: git tag, `reviews@v1.3.0`.
        commit: the commit whose dvc.lock names the bundle now.
        remote: DVC remote the bytes went to, or None if none is configured.
        hub: what the push to the Hub did, or None if it was not asked for.
        license: the terms under which it is released.
        already: this version was released already and nothing had to be done.
        notes: what the user should know, a sentence each.
    """

    dataset: str
    version: str
    label: str
    tag: str
    bundle: Bundle
    commit: str
    remote: str | None
    hub: hub.Push | None
    already: bool
    license: str
    notes: tuple[str, ...] = ()


def release(
    project: Project, dataset: str, reference: str = "latest", *, push_hub: bool = False, progress: Progress = silent
) -> ReleaseResult:
    """Release the version that `reference` names (see `versions.find`).

    Raises:
        ReleaseError: the policy refuses it, its tag names other content, or git, DVC or the Hub refuse.
        NotFoundError: no such dataset or version.
        LockedError: another run holds the dataset.
    """
    with locked(project, f"dataset {dataset}"):
        _refuse_unmade(project, dataset)
        version = versions.find(project, dataset, reference)
        policy.refuse(project.dataset(dataset), version)
        return _publish(project, version, version.label, push_hub, progress, "release")


def _refuse_unmade(project: Project, dataset: str) -> None:
    """Refuse a dataset of which no version was made (NotFoundError), with the failure of its last run."""
    sources = project.dataset(dataset).sources
    if versions.current(project, dataset) is not None:
        return
    failed = failures.last(project, dataset, sources)
    if failed is None:
        raise NotFoundError(f"no version of {dataset} was made yet, so there is nothing to release", fix=f"lakehouse run {dataset}")
    mend = f"{failed.fix}; then: " if failed.fix else ""
    raise NotFoundError(
        f"no version of {dataset} was made, so there is nothing to release: its last run failed, since {failed.what}",
        fix=f"{mend}lakehouse run {dataset}",
    )


def rollback(project: Project, dataset: str, reference: str, *, push_hub: bool = False, progress: Progress = silent) -> ReleaseResult:
    """Make an older release the current one again: its bytes, dvc.lock and a `released` event. Its tag stays where it is.

    Args:
        reference: a label under which it was released, or the version's id.

    Raises:
        ReleaseError: it was never released, or today's terms (`release.forbid`, licences) rule it out.
    """
    with locked(project, f"dataset {dataset}"):
        version = versions.find(project, dataset, reference)
        if not version.released:
            known = [label for v in versions.versions(project, dataset) for label in v.released]
            raise ReleaseError(
                f"{dataset} {version.label} ({version.version}) was never released, so there is nothing to roll back to",
                fix=f"released: {', '.join(known) or 'none yet'}; to release it: lakehouse release {dataset} {reference}",
            )
        policy.refuse(project.dataset(dataset), version, new_gates=False)
        asked = reference.removeprefix("v")
        return _publish(project, version, asked if asked in version.released else version.released[-1], push_hub, progress, "rollback")


def _publish(project: Project, version: Version, label: str, push_hub: bool, progress: Progress, action: str) -> ReleaseResult:
    dataset = version.dataset
    target = project.dataset(dataset).release
    assert target is not None
    if push_hub and target.hub is None:
        raise ReleaseError(
            f"{dataset} declares no `release.hub`", where=f"assets/datasets/{dataset}.yaml", fix="add `hub: organisation/name`"
        )
    repository = git.repository(project.root)
    dvc.require(project, repository)
    tag = dvc.tag_name(dataset, label)
    before = recorded(project, dataset, version.version, label)
    steps = 6 if push_hub else 5

    progress("bundle", 0, steps)
    bundled = _released_bundle(project, version, label, before)
    if bundled is not None and before is not None and not push_hub and _settled(project, repository, version, label, before):
        return ReleaseResult(
            dataset=dataset,
            version=version.version,
            label=label,
            tag=tag,
            bundle=bundled,
            commit=before["commit"],
            remote=before["remote"],
            hub=None,
            already=True,
            license=target.license,
        )
    if bundled is None:
        built = _obtain(project, version, label, before)
        try:
            private_data.refuse(project.dataset(dataset), version, built.folder)
        except HardGateError:
            shutil.rmtree(built.folder)
            raise
        git.check_tag(repository, tag, built.digest)  # before anything released is touched
        bundled = bundles.place(project, built)
    else:
        private_data.refuse(project.dataset(dataset), version, bundled.folder)
        git.check_tag(repository, tag, bundled.digest)

    progress("dvc commit", 1, steps)
    paths = dvc.commit(project, dataset)
    progress("git", 2, steps)
    commit = git.commit(repository, paths, f"Release {tag}")
    git.tag(repository, tag, commit, bundled.digest, f"{dataset} {label}, version {version.version}")
    progress("dvc push", 3, steps)
    remote = dvc.push(project, dataset)
    sent = None
    if push_hub and target.hub is not None:
        progress("hub", 4, steps)
        sent = hub.push(bundled, target.hub, label, private=target.private)
    already = _is_current(project, version, label) and before is not None and before["remote"] == remote and not (sent and sent.sent)
    if not already:
        rows = sum(bundled.rows.values())
        account, table = audit.account(), f"gold/{dataset}"
        entry = audit.record(project, principal=account, action=action, table=table, version=version.version, rows=rows, detail=tag)
        payload = {"audit": entry.as_json(), "label": label, "tag": tag, "bundle": bundled.digest, "commit": commit, "remote": remote}
        versions.record(project, dataset, version.version, "released", {**payload, "hub": asdict(sent) if sent else None})
    progress("released", steps, steps)
    uncommitted = git.changed(repository, _declarations(project, dataset))
    notes = []
    if uncommitted:
        listed = " ".join(shlex.quote(name) for name in uncommitted)
        notes.append(f"not committed to git, so that neither the tag nor a clone has it: git add {listed} && git commit -m 'Add {dataset}'")
    if remote is None:
        notes.append("no DVC remote is configured: the bytes are in this machine's cache only (dvc remote add -d NAME URL)")
    return ReleaseResult(
        dataset=dataset,
        version=version.version,
        label=label,
        tag=tag,
        bundle=bundled,
        commit=commit,
        remote=remote,
        hub=sent,
        already=already,
        license=target.license,
        notes=tuple(notes),
    )


def _settled(project: Project, repository: git.Repository, version: Version, label: str, before: dict[str, Any]) -> bool:
    """Whether a release left nothing to do, decided without DVC: it is the current one, tagged, committed, and went to a remote."""
    lock = project.root / "dvc.lock"
    return (
        before["remote"] is not None
        and _is_current(project, version, label)
        and git.tagged_content(repository, before["tag"]) == before["bundle"]
        and dvc.is_locked(project, version.dataset)
        and not git.changed(repository, [lock])
    )


def recorded(project: Project, dataset: str, version: str, label: str) -> dict[str, Any] | None:
    """The newest `released` event of a version under a label, or None."""
    found = [event for event in releases(project, dataset) if event["version"] == version and event["label"] == label]
    return found[-1] if found else None


def releases(project: Project, dataset: str) -> list[dict[str, Any]]:
    """All `released` events of a dataset, oldest first: version, label, tag, bundle, commit, remote, hub, at."""
    events = versions.events(project, dataset).filter(pl.col("event") == "released")
    return [{**json.loads(row["payload"]), "version": row["version"], "at": row["at"]} for row in events.iter_rows(named=True)]


def _is_current(project: Project, version: Version, label: str) -> bool:
    known = releases(project, version.dataset)
    current = versions.released(project, version.dataset)
    return current is not None and current.version == version.version and known[-1]["label"] == label


def _released_bundle(project: Project, version: Version, label: str, before: dict[str, Any] | None) -> Bundle | None:
    """The bundle in `releases/<dataset>` if it is whole and the one that was released under `label`; None to make it."""
    folder = project.release_folder(version.dataset)
    if before is None or not folder.exists() or bundles.verify_bundle(folder):
        return None
    found = bundles.read_bundle(folder)
    return found if found.digest == before["bundle"] else None


def _obtain(project: Project, version: Version, label: str, before: dict[str, Any] | None) -> Bundle:
    """The bundle in staging, verified: built from gold; for a release made before, byte for byte the content of its tag.

    Where gold gives other bytes than those released (evaluated again since, described again, another Parquet writer), the
    released bytes come from DVC's cache or remote, and so do those of an archived version.
    """
    if before is None or (label == version.label and not version.archived):
        built = bundles.build(project, version)
        if before is None or built.digest == before["bundle"]:
            return _verified(built)
        shutil.rmtree(built.folder)
    fetched = bundles.read_bundle(dvc.pull(project, version.dataset, label, bundles.staging(project, version.dataset)))
    if before is not None and fetched.digest != before["bundle"]:
        raise ReleaseError(f"the bundle of {before['tag']} is not the one that was released", fix="restore DVC's remote or its cache")
    return _verified(fetched)


def _verified(built: Bundle) -> Bundle:
    problems = bundles.verify_bundle(built.folder)
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ReleaseError(f"the bundle of {built.dataset} {built.label} does not verify:{listed}", where=str(built.folder))
    return built


def _declarations(project: Project, dataset: str) -> list[Path]:
    """The files that a version is made from: of the dataset, its contract, its sources, their standards, decisions and settings."""
    spec = project.dataset(dataset)
    declaration = [file for file in project.files("datasets") if file.stem == dataset]
    if not declaration:
        raise NotFoundError(f"no declaration of {dataset}")
    sources = [file for file in project.files("sources") if file.stem in spec.sources]
    standards = sorted((project.root / "assets" / "standards").glob("*.y*ml"))
    others = [project.root / "lakehouse.yaml", project.root / spec.decisions, *standards]
    contract = project.root / spec.contract.partition(":")[0]
    return [*declaration, contract, *sources, *(file for file in others if file.is_file())]
