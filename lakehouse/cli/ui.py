"""Command `ui`: Dagster's pages of this factory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from lakehouse.cli import terminal


@click.command("ui")
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option("--host", default="127.0.0.1", show_default=True)
def ui_command(port: int, host: str) -> None:
    """Open the Dagster UI of this factory; stop it with Ctrl-C. Runs are kept in .dagster/ unless DAGSTER_HOME is set.

    Example: lakehouse ui --port 3001
    """
    from lakehouse.core.project import Project

    project = Project.find()
    home = Path(os.environ.get("DAGSTER_HOME", project.root / ".dagster"))
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "LAKEHOUSE_PROJECT": str(project.root), "DAGSTER_DISABLE_TELEMETRY": "1"}
    terminal.out.print(f"Dagster at http://{host}:{port} (runs in {home}); MLflow: mlflow ui --backend-store-uri {project.tracking_uri}")
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    raise click.exceptions.Exit(subprocess.run(command, cwd=project.root, env=environment, check=False).returncode)
