"""Command `source sites`: what sites have released, and letting them process."""

from __future__ import annotations

import sys

import click

from lakehouse.cli import terminal
from lakehouse.core.docs import page
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.reserve import sites


@click.command("sites")
@click.argument("names", nargs=-1)
@click.option("--run", "runs", is_flag=True, help="Let the sites run and release what sources here take from them.")
@terminal.json_option
def sites_command(names: tuple[str, ...], runs: bool, as_json: bool) -> None:
    """Show what sites have released, or let them process. What is not released stays where it is.

    Example: lakehouse source sites --run
    """
    project = Project.find()
    if not sites.declared(project):
        raise NotFoundError("no source takes anything from a site", fix=f"declare one with the connector `site`; see {page('sites.md')}")
    if not runs:
        found = [one for one in sites.standing(project) if not names or one.site in names]
        if as_json:
            terminal.dump(found)
            return
        rows = [
            (s.site, s.dataset, r.label, sum(f.rows for f in r.files), r.license, "released")
            if (r := s.released)
            else (s.site, s.dataset, None, None, None, s.problem or "nothing released")
            for s in found
        ]
        terminal.table("Sites", ["site", "dataset", "label", "rows", "licence", "state"], rows, right=["rows"])
        return
    with terminal.progress(quiet=as_json) as progress:
        progress("sites are processing", 0, None)
        done = sites.process(project, names)
    if as_json:
        terminal.dump(done)
    else:
        table_rows = [(d.site, d.dataset, d.outcome, d.label, d.problem) for d in done]
        terminal.table("Sites", ["site", "dataset", "outcome", "label", "why not"], table_rows)
    if any(d.outcome != "released" for d in done):
        sys.exit(1)
