"""Command `release`: a version delivered."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted, size
from lakehouse.delivery.release.hub import Push
from lakehouse.delivery.release.release import ReleaseResult, release


@click.command("release")
@click.argument("datasets", nargs=-1, required=True)
@click.option("--version", "reference", default="latest", show_default=True, help="Version id, label, or `latest`.")
@click.option("--hub", is_flag=True, help="Also push to `release.hub`; without HF_TOKEN only shows what would be sent.")
@terminal.json_option
def release_command(datasets: tuple[str, ...], reference: str, hub: bool, as_json: bool) -> None:
    """Release a version: bundle, DVC, git commit and tag, DVC remote, and the Hub if asked.

    A version whose gates failed is refused, and the others are released. Releasing
    what is released does nothing.

    Example: lakehouse release reviews --hub
    """
    project = Project.find()
    for name in datasets:
        project.dataset(name)
    done, refused = [], list[FactoryError]()
    for name in datasets:
        try:
            with terminal.progress(quiet=as_json) as report:
                done.append(release(project, name, reference, push_hub=hub, progress=report))
        except FactoryError as error:
            if len(datasets) == 1:
                raise
            refused.append(error)
            terminal.complain(error)
            continue
        if not as_json:
            show_release(done[-1])
    if as_json:
        terminal.dump(done)
    elif refused:
        terminal.out.print(f"\n{len(done)} of {len(datasets)} released: {', '.join(d.dataset for d in done) or 'none'}")
    elif not all(d.already for d in done):
        last = done[-1]
        terminal.out.print(f"\nNext: lakehouse pull {last.dataset} --label {last.label}   or, in a clone: dvc pull")
    if refused:
        raise click.exceptions.Exit(refused[0].exit_code)


def show_release(done: ReleaseResult) -> None:
    """Print what a release delivered."""
    if done.already:
        terminal.out.print(f"[bold]{done.dataset}[/] {done.label} ({done.version}) is released already: nothing to do")
    else:
        what = f"{counted(sum(done.bundle.rows.values()), 'row')}, {size(done.bundle.bytes)}"
        terminal.out.print(f"[bold]{done.dataset}[/] {done.label} ({done.version}) released: {what}")
        terminal.out.print(f"  folder {done.bundle.folder}", soft_wrap=True)
        own = " (terms of your own: name them by `release.license`)" if done.license == "other" else ""
        terminal.out.print(f"  licence {escape(done.license)}{own}")
        terminal.out.print(f"  git tag {done.tag}, DVC remote {done.remote or 'none'}")
    if done.hub:
        terminal.out.print(f"  hub {done.hub.repo}, tag {done.hub.tag}: {_pushed(done.hub)}")
    for note in done.notes:
        terminal.out.print(f"  [yellow]note[/] {escape(note)}", soft_wrap=True)


def _pushed(push: Push) -> str:
    what = f"{counted(len(push.files), 'file')}, {size(push.bytes)}"
    return f"pushed, {what}" if push.sent else f"not sent ({what}): {push.reason}"
