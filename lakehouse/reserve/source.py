"""A declared source bound to its connector: the material that a collection or a reading in place works on."""

from __future__ import annotations

from collections.abc import Callable

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Remote, landed
from lakehouse.reserve.material import Feed, InPlace


def feed(project: Project, name: str) -> Feed | Remote:
    """The declared material of a source; what is elsewhere is not fetched yet.

    Raises:
        NotFoundError: no such source.
        SpecError: a mistake in the connector's parameters, with file and line.
    """
    source = project.source(name)
    document = project.sources[name].document
    params = CONNECTORS.bind(source.connector, document=document, loc=("connector",))
    entry = CONNECTORS.entry(source.connector, document=document, loc=("connector",))
    try:
        made: Feed | Remote = entry.function(**params)
    except SpecError as error:
        error.where = error.where or document.where(("connector", source.connector.name))
        raise
    if source.mode == "virtual" and not isinstance(made, InPlace):
        raise SpecError(
            f"what `{source.connector.name}` reads is kept nowhere to be read again",
            where=document.where(("mode",)),
            fix="take `mode: collected`; virtual are sources of `files`, `delta`, `delta_sharing` and `sql`",
        )
    return made


def material_of(project: Project, name: str, collected: Callable[[Feed], bool], *, progress: Progress = silent) -> Feed:
    """The material of a source, fetched where it is elsewhere.

    Args:
        collected: whether a collection has read the material.

    Raises:
        NotFoundError, SpecError: no such source, or wrongly declared. SourceError: it cannot be fetched.
    """
    made = feed(project, name)
    if project.source(name).mode == "virtual":
        assert isinstance(made, InPlace)
        try:
            return made.in_place(project, name)
        except SpecError as error:
            error.where = error.where or project.sources[name].document.where(("mode",))
            raise
    return landed(project, name, made, collected, progress) if isinstance(made, Remote) else made
