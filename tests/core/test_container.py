"""The container files name commands, options, extras and variables that exist; the parts they start are tested without containers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

from lakehouse.cli.ui import ui_command

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "tools" / "container" / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "tools" / "container" / "Dockerfile").read_text(encoding="utf-8")


def test_the_command_of_the_image_and_of_dagster_exists() -> None:
    options = {name for parameter in ui_command.params for name in parameter.opts}
    for given in (re.findall(r'"(\w+|--\w+|[\d.]+)"', DOCKERFILE.partition("CMD")[2]), COMPOSE["services"]["dagster"]["command"]):
        assert given[0] == "ui"
        assert {word for word in given if word.startswith("--")} <= options


def test_the_extras_of_the_image_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (named,) = re.findall(r'"/src\[([\w,]+)\]"', DOCKERFILE)
    assert set(named.split(",")) <= set(extras)


def test_the_variables_of_dagster_are_those_that_a_project_reads() -> None:
    read = (ROOT / "lakehouse" / "core" / "project.py").read_text(encoding="utf-8")
    own = {name for name in COMPOSE["services"]["dagster"]["environment"] if not name.startswith(("AWS_", "MLFLOW_S3"))}
    assert own == {"LAKEHOUSE_LAKE", "MLFLOW_TRACKING_URI"}
    assert all(f'"{name}"' in read for name in own)


def test_only_this_machine_reaches_what_is_published() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
