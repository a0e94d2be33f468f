"""Commands to begin with: init, ui."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from lakehouse.cli import show


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), default=None, help="Your own CSV, JSON lines or Parquet file (.gz, .zst too).")
@click.option("--name", default=None, help="Name of the first dataset; default: that of the file.")
@click.option("--label", default=None, help="The column that holds the label, if there is one; a pilot evaluation is declared for it.")
@click.option("--text", default=None, help="The column that holds the text; default: the text column with the longest values.")
def init_command(folder: Path, data: Path | None, name: str | None, label: str | None, text: str | None) -> None:
    """Make a new factory: workspace, git, DVC, and a first source, dataset and contract written from your file or a sample.

    Example: lakehouse init my-factory --data tickets.csv --label topic
    """
    from lakehouse.authoring.scaffold import scaffold

    made = scaffold(folder, data=data, name=name, text=text, label=label)
    show.out.print(f"[bold]{made.root}[/] is a data factory now:")
    for file in made.files:
        show.out.print(f"  {file}")
    for note in made.notes:
        show.out.print(f"  [yellow]note[/] {note}")
    show.out.print(f"\nNext: cd {folder}\n      lakehouse check && lakehouse run && lakehouse release {made.dataset}")


@click.command("ui")
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option("--host", default="127.0.0.1", show_default=True)
def ui_command(port: int, host: str) -> None:
    """Open the Dagster UI of this factory; stop it with Ctrl-C. Runs are kept in .dagster/ unless DAGSTER_HOME says otherwise.

    Example: lakehouse ui --port 3001
    """
    from lakehouse.core.project import Project

    project = Project.find()
    home = Path(os.environ.get("DAGSTER_HOME", project.root / ".dagster"))
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "LAKEHOUSE_PROJECT": str(project.root), "DAGSTER_DISABLE_TELEMETRY": "1"}
    show.out.print(f"Dagster at http://{host}:{port} (runs in {home}); MLflow: mlflow ui --backend-store-uri {project.tracking_uri}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    raise click.exceptions.Exit(subprocess.run(command, cwd=project.root, env=environment, check=False).returncode)
