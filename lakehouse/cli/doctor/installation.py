"""What is installed: Python, the packages of the core, the extras, and two caches that make commands fast."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from lakehouse.cli.doctor.condition import Condition
from lakehouse.core.extras import PACKAGE, install_command


def installation(needed: Mapping[str, Sequence[str]]) -> Iterator[Condition]:
    """The conditions of the installation; `needed` names by extra what needs it."""
    about = metadata.distribution(PACKAGE)
    wanted = SpecifierSet(about.metadata["Requires-Python"])
    version = platform.python_version()
    good = version in wanted
    fix = None if good else f"install Python {wanted} and set up again"
    yield Condition(part="Installation", name="python", state="ok" if good else "problem", detail=version, fix=fix, needed=True)
    yield Condition(part="Installation", name=PACKAGE, state="ok", detail=about.version, needed=True)
    requirements = [Requirement(line) for line in about.requires or ()]
    for requirement in requirements:
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement)
    for extra in about.metadata.get_all("Provides-Extra") or ():
        own = [r for r in requirements if r.marker and not r.marker.evaluate({"extra": ""}) and r.marker.evaluate({"extra": extra})]
        yield _extra(extra, own, needed.get(extra, ()))
    yield _bytecode()
    yield _kernels()


def _wrong(requirement: Requirement) -> str | None:
    """Why an installed package does not meet a requirement; None where it does.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    version = metadata.version(requirement.name)
    return None if requirement.specifier.contains(version, prereleases=True) else f"{version}, {requirement.specifier} is needed"


def _package(requirement: Requirement) -> Condition:
    name, fix = f"package {requirement.name}", f'pip install "{requirement.name}{requirement.specifier}"'
    try:
        wrong = _wrong(requirement)
    except metadata.PackageNotFoundError:
        return Condition(part="Installation", name=name, state="missing", detail="not installed", fix=fix, needed=True)
    if wrong:
        return Condition(part="Installation", name=name, state="problem", detail=wrong, fix=fix, needed=True)
    return Condition(part="Installation", name=name, state="ok", detail=metadata.version(requirement.name), needed=True)


def _extra(extra: str, requirements: Sequence[Requirement], users: Sequence[str]) -> Condition:
    name, fix = f"extra {extra}", install_command(extra)
    needed_by = f"; needed by {', '.join(users)}" if users else ""
    absent, wrong, versions = [], [], []
    for requirement in requirements:
        try:
            problem = _wrong(requirement)
        except metadata.PackageNotFoundError:
            absent.append(requirement.name)
            continue
        versions.append(f"{requirement.name} {metadata.version(requirement.name)}")
        wrong += [f"{requirement.name} {problem}"] if problem else []
    if absent:
        detail = f"without {', '.join(absent)}{needed_by}"
        return Condition(part="Installation", name=name, state="missing", detail=detail, fix=fix, needed=bool(users))
    if wrong:
        return Condition(part="Installation", name=name, state="problem", detail="; ".join(wrong) + needed_by, fix=fix, needed=bool(users))
    return Condition(part="Installation", name=name, state="ok", detail=", ".join(versions) + needed_by, needed=bool(users))


def _bytecode() -> Condition:
    if not sys.dont_write_bytecode:
        return Condition(part="Installation", name="bytecode", state="ok", detail="modules are compiled once")
    detail = "not kept: every command compiles its modules again, which takes seconds"
    return Condition(part="Installation", name="bytecode", state="problem", detail=detail, fix="unset PYTHONDONTWRITEBYTECODE")


def _kernels() -> Condition:
    """Whether numba may keep compiled kernels, where it looks itself: NUMBA_CACHE_DIR, next to the kernels, the user's cache."""
    spec = find_spec("lakehouse.core.text.kernels")
    beside = [Path(place) / "__pycache__" for place in (spec.submodule_search_locations or ())] if spec else []
    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [*beside, Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "numba"]
    for place in places:
        if writable(place):
            return Condition(part="Installation", name="numba cache", state="ok", detail=str(place))
    detail = f"not writable: {places[0]}; every run compiles its kernels again"
    return Condition(
        part="Installation", name="numba cache", state="problem", detail=detail, fix="set NUMBA_CACHE_DIR to a folder that can be written"
    )


def writable(folder: Path) -> bool:
    """Whether files can be written to a folder, or it can be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
