"""The wheel, installed elsewhere, makes a factory that needs nothing of this repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .commands import called, environment, lakehouse, run

ROOT = Path(__file__).parents[2]


def install(python: Path, *what: str) -> None:
    """Install with uv, which is in the environment that runs the tests, else with pip."""
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        run(ROOT, str(uv), "pip", "install", "--quiet", "--python", str(python), *what)
    else:
        run(ROOT, str(python), "-m", "pip", "install", "--quiet", *what)


@pytest.mark.timeout(900)
def test_a_factory_made_with_the_installed_wheel_runs_and_its_graph_loads(tmp_path: Path) -> None:
    run(ROOT, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path / "dist"), ".")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(tmp_path, sys.executable, "-m", "venv", "venv")
    python = tmp_path / "venv" / "bin" / "python"
    install(python, "--constraint", "constraints.txt", str(wheel))

    where = run(tmp_path, str(python), "-c", "import lakehouse, assets; print(lakehouse.__file__, assets.__file__)")
    assert str(ROOT) not in where
    lakehouse(tmp_path, "init", "factory", python=str(python))
    folder = tmp_path / "factory"
    assert "all in order" in lakehouse(folder, "check", python=str(python))
    assert "holds" in lakehouse(folder, "run", "--to", "gold", python=str(python))
    bin_folder = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(python.with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"],
        cwd=folder,
        env=environment(PATH=bin_folder, DAGSTER_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location factory" in done.stdout + done.stderr


def test_the_ray_runner_without_ray_names_the_extra(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "ray"  # stands before the installed one, and is not there either
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('no ray')")
    called(tmp_path, "init", "factory")
    said = lakehouse(tmp_path / "factory", "run", "--to", "silver", code=1, LAKEHOUSE_RUNNER="ray", PYTHONPATH=str(hidden.parent))
    assert re.search(r"install the extra `ray`: pip install (-e )?'/.*\[ray\]'", said)
    assert "lakehouse-factory[ray]" not in said, "the package is on no registry"
