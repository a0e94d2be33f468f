"""Command `ui`: the pages of Dagster and MLflow of this factory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from lakehouse.cli import terminal
from lakehouse.core.addresses import DAGSTER, DAGSTER_PORT, MLFLOW, MLFLOW_PORT

_PORT = click.IntRange(1, 65535)


@click.command("ui")
@click.option("--port", type=_PORT, default=DAGSTER_PORT, show_default=True, help="Port of Dagster's pages.")
@click.option("--mlflow-port", type=_PORT, default=MLFLOW_PORT, show_default=True, help="Port of MLflow's pages.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that both listen on.")
def ui_command(port: int, mlflow_port: int, host: str) -> None:
    """Open the pages of Dagster and MLflow; Ctrl-C ends both.

    Dagster shows what the command line made, too. Its runs are kept in .dagster/ unless DAGSTER_HOME is set. Where the tracking store is a
    server, MLflow's pages are that server's.

    Example: lakehouse ui --port 3001 --mlflow-port 5001
    """
    from lakehouse.core import addresses
    from lakehouse.core.project import Project
    from lakehouse.core.runs.servers import require_free, servers
    from lakehouse.operations.check import check
    from lakehouse.pilot.tracking import pages

    project = Project.find()
    server = addresses.has_server(project)
    require_free(host, port, "Dagster", "--port")
    if not server:
        if mlflow_port == port:
            raise click.UsageError("Dagster and MLflow need a port each: --port and --mlflow-port are the same")
        require_free(host, mlflow_port, "MLflow", "--mlflow-port")
    home = Path(os.environ.get("DAGSTER_HOME", project.root / ".dagster")).resolve()
    _instance(home)
    name = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    at = {DAGSTER: f"http://{name}:{port}"} | ({} if server else {MLFLOW: f"http://{name}:{mlflow_port}"})
    shown = {**at, **{key: os.environ[key] for key in at if key in os.environ}}  # what a proxy or another machine calls them
    os.environ.update(shown | {"DAGSTER_HOME": str(home), "LAKEHOUSE_PROJECT": str(project.root)})
    for problem in check(project):
        click.secho(f"error: {problem}", fg="red", err=True)
    terminal.err.print(f"starting Dagster{'' if server else ' and MLflow'} ...")
    with servers(project.root) as running:
        if not server:
            running.start("MLflow", pages.command(host, mlflow_port), pages.environment(project))
        running.start("report", [sys.executable, "-m", "assets.report"])
        running.finish("report")
        running.start("Dagster", _dagster(host, port))
        if not server:
            running.answer("MLflow", f"{at[MLFLOW]}/health")
        running.answer("Dagster", f"{at[DAGSTER]}/server_info")
        terminal.out.print(f"Dagster  {addresses.dagster()}  (runs in {home})", soft_wrap=True)
        theirs = "  (the tracking server, which stays)" if server else ""
        terminal.out.print(f"MLflow   {addresses.mlflow_page(project, '/#/experiments')}{theirs}", soft_wrap=True)
        terminal.out.print(f"Ctrl-C ends {'Dagster' if server else 'both'}.")
        running.wait()


def _dagster(host: str, port: int) -> list[str]:
    # `dg dev`, which the warning asks for, is of a package that the factory has no other use for, and runs the same servers.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    return [sys.executable, *quiet, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port), "--log-level", "warning"]


def _instance(home: Path) -> None:
    """The folder of a Dagster instance, which tells nobody of its use and asks for no subscription; one that has settings keeps them."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n", encoding="utf-8")
