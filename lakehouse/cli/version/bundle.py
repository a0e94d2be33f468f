"""Command `version bundle`: the released bundle written again."""

from __future__ import annotations

from functools import partial

import click

from lakehouse.cli import terminal
from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.delivery.release import policy, private_data
from lakehouse.delivery.release.bundle import verify_bundle, write_bundle


@click.command("bundle")
@click.argument("dataset")
@click.option("--version", "reference", default="released", show_default=True, help="Version id, label, or `released`.")
@terminal.json_option
def bundle_command(dataset: str, reference: str, as_json: bool) -> None:
    """Write `releases/DATASET` again from gold; this is what DVC's stage runs. A refused version is not written.

    Example: lakehouse version bundle reviews
    """
    project = Project.find()
    version = versions.find(project, dataset, reference)
    policy.refuse(project.dataset(dataset), version, new_gates=False)
    made = write_bundle(project, version, check=partial(private_data.refuse, project.dataset(dataset), version))
    problems = verify_bundle(made.folder)
    if problems:
        from lakehouse.core.errors import ReleaseError

        raise ReleaseError(f"the bundle does not verify: {'; '.join(problems)}", where=str(made.folder))
    if as_json:
        terminal.dump(made)
        return
    terminal.out.print(f"{made.folder}: {counted(sum(made.rows.values()), 'row')} of {dataset} {version.label}")
