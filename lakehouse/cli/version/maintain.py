"""Command `version maintain`: the dataset's rules of use and worth applied to its versions."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.core.project import Project
from lakehouse.operations.maintenance.policy import maintain, plan


@click.command("maintain")
@click.argument("datasets", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@terminal.json_option
def maintain_command(datasets: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Retire, downgrade and archive versions as `maintenance` in the dataset's file declares, with the reasons.

    It applies the rules to all versions; `version retire`, `downgrade` and `archive`
    do one of them to one version by hand.

    Example: lakehouse version maintain reviews --dry-run
    """
    project = Project.find()
    for name in datasets:
        project.dataset(name)
    done = {}
    for name in datasets:
        with terminal.progress(quiet=as_json) as report:
            done[name] = plan(project, name) if dry_run else maintain(project, name, progress=report)
    if as_json:
        terminal.dump({"dry_run": dry_run, "datasets": done})
        return
    for name, steps in done.items():
        title = f"{'Would be done' if dry_run else 'Done'} about the versions of {name}"
        terminal.table(title, ["label", "version", "action", "why"], [(s.label, s.version, s.action, s.why) for s in steps])
