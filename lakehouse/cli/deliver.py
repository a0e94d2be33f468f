"""Commands that deliver: release, bundle, rollback, pull."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.delivery.release import dvc, policy
from lakehouse.delivery.release.bundle import read_bundle, verify_bundle, write_bundle
from lakehouse.delivery.release.hub import Push
from lakehouse.delivery.release.release import Released, release, rollback


@click.command("release")
@click.argument("datasets", nargs=-1, required=True)
@click.option("--version", "reference", default="latest", show_default=True, help="Version id, label, or `latest`.")
@click.option("--hub", is_flag=True, help="Also push to `release.hub`; without HF_TOKEN only shows what would be sent.")
@show.json_option
def release_command(datasets: tuple[str, ...], reference: str, hub: bool, as_json: bool) -> None:
    """Release a version: bundle, DVC, git commit and tag, DVC remote, and the Hub if asked.

    A version whose gates failed is refused. Releasing what is released does nothing.

    Example: lakehouse release reviews --hub
    """
    project = Project.find()
    for name in datasets:
        project.dataset(name)
    done = []
    for name in datasets:
        with show.progress(quiet=as_json) as report:
            done.append(release(project, name, reference, push_hub=hub, progress=report))
        if not as_json:
            _print(done[-1])
    if as_json:
        show.dump(done)
    elif not all(d.already for d in done):
        last = done[-1]
        show.out.print(f"\nNext: lakehouse pull {last.dataset} --label {last.label}   or, in a clone: dvc pull")


def _print(done: Released) -> None:
    if done.already:
        show.out.print(f"[bold]{done.dataset}[/] {done.label} ({done.version}) is released already: nothing to do")
    else:
        size = done.bundle.bytes / 1e6
        show.out.print(
            f"[bold]{done.dataset}[/] {done.label} ({done.version}) released: {sum(done.bundle.rows.values()):,} rows, {size:.1f} MB"
        )
        show.out.print(f"  folder {done.bundle.folder}")
        show.out.print(f"  git tag {done.tag}, DVC remote {done.remote or 'none'}")
    if done.hub:
        show.out.print(f"  hub {done.hub.repo}, tag {done.hub.tag}: {_pushed(done.hub)}")
    for note in done.notes:
        show.out.print(f"  [yellow]note[/] {note}")


def _pushed(push: Push) -> str:
    what = f"{len(push.files)} files, {push.bytes / 1e6:.1f} MB"
    return f"pushed, {what}" if push.sent else f"not sent ({what}): {push.reason}"


@click.command("bundle")
@click.argument("dataset")
@click.option("--version", "reference", default="released", show_default=True, help="Version id, label, or `released`.")
def bundle_command(dataset: str, reference: str) -> None:
    """Write `releases/DATASET` again from gold; this is what DVC's stage runs. A refused version is not written.

    Example: lakehouse bundle reviews
    """
    project = Project.find()
    version = versions.find(project, dataset, reference)
    policy.refuse(project.dataset(dataset), version, new_gates=False)
    made = write_bundle(project, version)
    problems = verify_bundle(made.folder)
    if problems:
        from lakehouse.core.errors import ReleaseError

        raise ReleaseError(f"the bundle does not verify: {'; '.join(problems)}", where=str(made.folder))
    show.out.print(f"{made.folder}: {sum(made.rows.values()):,} rows of {dataset} {version.label}")


@click.command("rollback")
@click.argument("dataset")
@click.argument("reference")
@click.option("--hub", is_flag=True, help="Also push to `release.hub`.")
@show.json_option
def rollback_command(dataset: str, reference: str, hub: bool, as_json: bool) -> None:
    """Make an older release the current one again; its bytes come back, its tag stays.

    Example: lakehouse rollback reviews 1.0.0
    """
    project = Project.find()
    project.dataset(dataset)
    with show.progress(quiet=as_json) as report:
        done = rollback(project, dataset, reference, push_hub=hub, progress=report)
    if as_json:
        show.dump(done)
    else:
        _print(done)


@click.command("pull")
@click.argument("dataset")
@click.option("--label", default=None, help="An older release, such as 1.0.0.")
@click.option("--to", type=click.Path(path_type=Path), default=None, help="Folder to put it into; default: releases/DATASET.")
@show.json_option
def pull_command(dataset: str, label: str | None, to: Path | None, as_json: bool) -> None:
    """Bring a released bundle here from the DVC remote, and verify it.

    Example: lakehouse pull reviews --label 1.0.0 --to /tmp/reviews
    """
    from lakehouse.core.errors import ReleaseError

    project = Project.find()
    project.dataset(dataset)
    folder = dvc.pull(project, dataset, label.removeprefix("v") if label else None, to)
    problems = verify_bundle(folder)
    if problems:
        raise ReleaseError(
            f"what was pulled does not verify: {'; '.join(problems)}", where=str(folder), fix="pull again; else the remote is damaged"
        )
    retired = _retired(project, dataset, folder)
    if as_json:
        show.dump({"folder": str(folder), "retired": retired})
    else:
        if retired:
            show.out.print(f"[yellow]warning[/] this release was retired: {escape(retired)}", soft_wrap=True)
        show.out.print(f"{folder}: pulled and verified")
        show.out.print(f'Next: python -c "import datasets; print(datasets.load_dataset({str(folder)!r}))"')


def _retired(project: Project, dataset: str, folder: Path) -> str | None:
    """Why the version of a bundle was retired, as far as this lake's register knows it."""
    held = read_bundle(folder).version
    return next((v.retirement for v in versions.versions(project, dataset) if v.version == held), None)
