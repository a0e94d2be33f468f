"""Command `recipe import`: a recipe of Data-Juicer, or a preset, as a dataset file."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import terminal
from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--preset", default=None, help="A recipe that a paper describes: c4, chinese-web, fineweb, gopher, redpajama.")
@click.option("--name", default=None, help="Name of the dataset; default: that of the recipe.")
@click.option("--source", default=None, help="The source it is made from; not needed where only one is declared.")
@click.option("--column", default=None, help="The text column; default: the recipe's `text_keys`, else text.")
@click.option(
    "--words", type=click.Path(path_type=Path), default=None, help="File of sensitive words, one a line, for presets that ask for it."
)
@click.option("--strict", is_flag=True, help="Refuse a recipe of which an operator or parameter has no counterpart.")
@click.option("--dry-run", is_flag=True, help="Show the files, write nothing.")
@terminal.json_option
def import_command(
    file: Path | None,
    preset: str | None,
    name: str | None,
    source: str | None,
    column: str | None,
    words: Path | None,
    strict: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Turn a Data-Juicer recipe (a YAML file with `process:`), or a preset, into a dataset file and a contract.

    Parts without a counterpart are listed, and are comments in the file.

    Example: lakehouse recipe import redpajama-refine.yaml --name web --source web_raw
    """
    from lakehouse.authoring.recipes.data_juicer import read_recipe
    from lakehouse.authoring.recipes.draft import path_in, write
    from lakehouse.authoring.recipes.presets import read_preset

    if (file is None) == (preset is None):
        raise click.UsageError("give the file of a recipe, or --preset NAME")
    if file is not None and words is not None:
        raise click.UsageError("--words is for presets")
    project = Project.find()
    if file is not None:
        draft = read_recipe(file, column)
    else:
        listed = None if words is None else path_in(project, words)
        draft = read_preset(str(preset), column or "text", listed)
    if strict and draft.losses:
        loss_lines = "\n  ".join(str(loss) for loss in draft.losses)
        raise SpecError(
            f"{len(draft.losses)} parts of the recipe have no counterpart:\n  {loss_lines}", fix="remove them, or leave --strict away"
        )
    made = write(project, draft, name=name, source=source, dry_run=dry_run)
    if as_json:
        terminal.dump(
            {
                "dataset": made.dataset,
                "source": made.source,
                "written": not dry_run,
                "files": dict(made.files),
                "steps": list(made.steps),
                "losses": [{"what": loss.what, "why": loss.why, "where": loss.where} for loss in made.losses],
                "settings": dict(made.settings),
            }
        )
        return
    if dry_run:
        for path, text in made.files.items():
            click.echo(f"--- {path}\n{text}")
    for loss in made.losses:
        click.secho(f"warning: left out: {loss}", fg="yellow", err=True)
    if made.settings:
        click.secho(f"note: settings without counterpart: {', '.join(made.settings)}", err=True)
    counted = f"{len(made.steps)} steps, {len(made.losses)} parts left out"
    click.echo(f"{'would write' if dry_run else 'written'}: {', '.join(made.files)} ({counted})")
    if not dry_run:
        click.echo(f"Next: lakehouse check && lakehouse run {made.dataset} --to gold")
