"""The addresses at which a person finds the pages of Dagster and MLflow, for links between them."""

from __future__ import annotations

import os
import re

from lakehouse.core.project import Project

DAGSTER_PORT = 3000
MLFLOW_PORT = 5000
"""Ports of `lakehouse ui` unless it is given others: links that were recorded before lead there again."""
DAGSTER = "LAKEHOUSE_DAGSTER_UI"
MLFLOW = "LAKEHOUSE_MLFLOW_UI"
"""Environment variables with other addresses, such as those of servers that a team shares."""


def dagster() -> str:
    """Address of Dagster's pages, without a slash at the end."""
    return os.environ.get(DAGSTER, f"http://127.0.0.1:{DAGSTER_PORT}").rstrip("/")


def mlflow(project: Project) -> str:
    """Address of MLflow's pages, without a slash at the end: that of the tracking server, where the store is one."""
    if has_server(project):
        return re.sub(r"(?<=://)[^/@]*@", "", project.tracking_uri).rstrip("/")  # a link carries no password
    return os.environ.get(MLFLOW, f"http://127.0.0.1:{MLFLOW_PORT}").rstrip("/")


def mlflow_page(project: Project, path: str) -> str:
    """Address of one of MLflow's pages, `path` below its address.

    MLflow shows trained models, and not traces of language models, if the address or the browser's memory says so; an experiment's tag
    does not count.
    """
    return f"{mlflow(project)}{path}?workflowType=machine_learning"


def has_server(project: Project) -> bool:
    """Whether the tracking store is a server, which has pages of its own; else it is a database."""
    return project.tracking_uri.startswith(("http://", "https://"))
