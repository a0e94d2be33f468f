"""What a factory reaches: its lake, MLflow's store, git, DVC's remote, the Hub's token, a Ray cluster. Each try ends within seconds."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lakehouse.cli.doctor.condition import Condition
from lakehouse.cli.doctor.installation import writable
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project

SECONDS = 3.0
"""Patience with each service, the one that a person at a terminal has."""
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433, "ray": 10001}


def services(project: Project) -> Iterator[Condition]:
    """The conditions of what the settings name."""
    yield _lake(project)
    yield _tracking(project)
    yield _git(project)
    yield _remote(project)
    yield _token()
    if project.settings.runner == "ray":
        yield _ray(project.settings.ray_address)


def _lake(project: Project) -> Condition:
    lake = project.lake
    if "://" not in lake:
        if writable(Path(lake)):
            return Condition(part="Services", name="lake", state="ok", detail=lake, needed=True)
        fix = "check its owner, or `lake` in lakehouse.yaml"
        return Condition(part="Services", name="lake", state="problem", detail=f"cannot be written: {lake}", fix=fix, needed=True)
    import obstore

    from lakehouse.core.lake.store import object_store, storage_error

    probe = ".lakehouse-doctor"
    patient = {"max_retries": "0", "connect_timeout": f"{SECONDS:.0f}s", "timeout": f"{2 * SECONDS:.0f}s"}
    try:
        store = object_store(lake, {**project.settings.storage_options, **patient})
        obstore.put(store, probe, b"")
        obstore.delete(store, probe)
    except Exception as error:  # obstore's errors have no common class
        problem = storage_error(error, lake)
        return Condition(part="Services", name="lake", state="problem", detail=f"{lake}: {problem.what}", fix=problem.fix, needed=True)
    return Condition(part="Services", name="lake", state="ok", detail=lake, needed=True)


def _tracking(project: Project) -> Condition:
    uri, shown = project.tracking_uri, _PASSWORD.sub("", project.tracking_uri)
    needed = any(dataset.spec.pilot.evaluations for dataset in project.datasets.values())
    fix = "check the server, or MLFLOW_TRACKING_URI and `tracking_uri` in lakehouse.yaml"
    parts = urlsplit(uri)
    scheme = parts.scheme.split("+")[0]
    why = None
    if scheme in ("sqlite", "file", ""):
        path = Path(uri.partition("://")[2].removeprefix("/") if scheme == "sqlite" else parts.path)
        why = None if writable(path.parent if path.suffix else path) else "cannot be written"
    elif scheme in ("http", "https"):
        why = _health(uri)
    elif scheme in _PORTS:
        why = _closed(parts.hostname or "", parts.port or _PORTS[scheme])
    else:
        shown += " (not tried)"
    if why:
        return Condition(part="Services", name="mlflow", state="problem", detail=f"{shown}: {why}", fix=fix, needed=needed)
    return Condition(part="Services", name="mlflow", state="ok", detail=shown, needed=needed)


def _health(uri: str) -> str | None:
    """Why an MLflow server is of no use; None where it answers."""
    import httpx

    try:
        answer = httpx.get(f"{uri.rstrip('/')}/health", timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no answer ({type(error).__name__})"
    return f"answers {answer.status_code}" if answer.status_code >= 400 else None


def _closed(host: str, port: int) -> str | None:
    """Why no connection to a port can be made; None where one can."""
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError as error:
        return f"no connection ({error.strerror or type(error).__name__})"
    return None


def _git(project: Project) -> Condition:
    from lakehouse.delivery.release import git

    try:
        found = git.repository(project.root)
    except FactoryError as error:
        return Condition(part="Services", name="git", state="missing", detail="no repository: nothing can be released", fix=error.fix)
    return Condition(part="Services", name="git", state="ok", detail=str(found.root))


def _remote(project: Project) -> Condition:
    from lakehouse.delivery.release import dvc, git

    add = "dvc remote add -d storage PLACE"
    try:
        dvc.require(project, git.repository(project.root))
        name = dvc.remote(project)
    except FactoryError as error:
        return Condition(part="Services", name="dvc", state="missing", detail=error.what, fix=error.fix or "dvc init")
    if name is None:
        return Condition(part="Services", name="dvc", state="missing", detail="no remote: releases stay on this machine", fix=add)
    return Condition(part="Services", name="dvc", state="ok", detail=f"remote {name}")


def _token() -> Condition:
    from huggingface_hub import get_token

    if get_token():
        where = "HF_TOKEN" if os.environ.get("HF_TOKEN") else "stored by `hf auth login`"
        return Condition(part="Services", name="hub token", state="ok", detail=where)
    fix = "set HF_TOKEN or run `hf auth login`"
    return Condition(part="Services", name="hub token", state="missing", detail="`release --hub` sends nothing without it", fix=fix)


def _ray(address: str) -> Condition:
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    if address in ("local", "auto"):
        detail = "started for each run" if address == "local" else "the cluster of this machine (not tried)"
        return Condition(part="Services", name="ray", state="ok", detail=detail, needed=True)
    why = _closed(parts.hostname or "", parts.port or _PORTS["ray"])
    if why:
        fix = "start it (ray start --head), correct `ray_address`, or use `runner: processes`"
        return Condition(part="Services", name="ray", state="problem", detail=f"{address}: {why}", fix=fix, needed=True)
    return Condition(part="Services", name="ray", state="ok", detail=address, needed=True)
