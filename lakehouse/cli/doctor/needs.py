"""The extras that a factory's declarations need, as far as `lakehouse check` does not name them itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from lakehouse.core.project import Project

CONNECTORS = {"crawl": "crawl", "kafka": "kafka", "mqtt": "mqtt", "nats": "nats", "redis_stream": "redis"}
"""Extras by the connector that imports their packages when it fetches."""


def extras_needed(project: Project) -> dict[str, list[str]]:
    """By extra, what of the project needs it."""
    found: dict[str, list[str]] = {}
    for extra, user in _needed(project):
        found.setdefault(extra, []).append(user)
    return found


def _needed(project: Project) -> Iterator[tuple[str, str]]:
    for name, source in project.sources.items():
        connector = source.spec.connector
        if connector.name in CONNECTORS:
            yield CONNECTORS[connector.name], f"source {name}"
        if connector.name == "sql" and not _address(connector.params).startswith("sqlite"):
            yield "sql", f"source {name}"
    for name, dataset in project.datasets.items():
        for evaluation in dataset.spec.pilot.evaluations:
            if evaluation.params.get("task") == "sequence_labelling":
                yield "sequences", f"dataset {name}"
    settings = project.settings
    if settings.runner == "ray":
        yield "ray", "runner: ray"
    if settings.storage.locations and not settings.storage.replicas:
        yield "cold", "storage.locations"


def _address(params: Mapping[str, Any]) -> str:
    """The URL of a database; one that only the environment holds is read there."""
    url = str(params.get("url", ""))
    return os.environ.get(url[2:-1], "") if url.startswith("${") and url.endswith("}") else url
