"""Material that is not a file here: an address, a database, a Delta table. It is declared for a moment, to be looked at."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lakehouse.authoring.naming import name_of
from lakehouse.authoring.source_file import reading_options, relative
from lakehouse.authoring.yaml_file import rendered, write
from lakehouse.core.errors import SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.discovery.discover import Discovery, discover, discover_source
from lakehouse.reserve.discovery.looked_at import is_packed
from lakehouse.reserve.transport.databases import Database
from lakehouse.reserve.transport.web import Web

_DATABASE = re.compile(r"^(sqlite|postgresql|postgres|mysql|mariadb)(\+\w+)?:")
_LOOKED_AT = "first_contact_of_the_material"
"""Name of the source while the material is looked at."""


@dataclass(frozen=True)
class RemoteMaterial:
    """How material elsewhere is reached: its connector with options, a name for it, and what it is called."""

    connector: dict[str, dict[str, Any]]
    name: str
    called: str


def is_elsewhere(material: str) -> bool:
    """Whether a text names an address, a database or a Delta table, not a file or a folder of files."""
    if _DATABASE.match(material) or material.startswith(("http://", "https://")):
        return True
    path = Path(material).expanduser()
    return (path / "_delta_log").is_dir() or _is_sqlite(path)


def _is_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(16) == b"SQLite format 3\0"


def connected(project: Project, material: str, table: str | None) -> RemoteMaterial:
    """The connector of material elsewhere.

    Raises:
        SpecError: the database has several tables and none was named, or no key by which its rows can be ordered.
    """
    path = Path(material).expanduser()
    if _DATABASE.match(material) or _is_sqlite(path):
        if _is_sqlite(path):
            material = f"sqlite:///{relative(project.root, path)}"
        url = re.sub(r"^postgres(ql)?:", "postgresql+psycopg:", re.sub(r"^(mysql|mariadb):", "mysql+pymysql:", material))
        found = Database(url, 10.0).tables(project)
        if table is None and len(found) != 1:
            raise SpecError(f"the database has {len(found)} tables", fix=f"--table {'|'.join(sorted(found)) or 'NAME'}")
        table = table or next(iter(found))
        if table not in found:
            raise SpecError(f"the database has no table `{table}`", fix=f"tables: {', '.join(sorted(found))}")
        order = found[table]
        return RemoteMaterial({"sql": {"url": url, "table": table, "order": order}}, name_of(table), f"Table {table}")
    if material.startswith(("http://", "https://")):
        path = Path(unquote(urlsplit(material).path) or "page")
        return RemoteMaterial({"http": {"files": [{"url": material}]}}, name_of(path.name), path.name)
    return RemoteMaterial({"delta": {"url": relative(project.root, path)}}, name_of(path.name), f"Delta table {path.name}")


def discovered(project: Project, at: RemoteMaterial) -> Discovery:
    """What the material holds; of an address, how its file is to be read is put into the connector.

    Raises:
        SourceError: it cannot be fetched or read.
    """
    if "http" in at.connector:
        return _fetched(at)
    spec = {"source": _LOOKED_AT, "description": at.called, "owner": "team:data", "license": "proprietary", "connector": at.connector}
    file = project.root / "assets" / "sources" / f"{_LOOKED_AT}.yaml"
    write(file, rendered(spec, "source", {}))
    try:
        found = discover_source(Project.open(project.root), _LOOKED_AT)
        return replace(found, path=at.called, notes=())
    except SourceError as error:
        named = error.what.replace(f"source {_LOOKED_AT}", at.called)
        raise SourceError(named, where=error.where, fix=error.fix) from error
    finally:
        file.unlink()


def _fetched(at: RemoteMaterial) -> Discovery:
    """A look at the file at an address, fetched for it."""
    address = at.connector["http"]["files"][0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / at.called
        with Web(declared=frozenset([address["url"]])) as web, web.stream(address["url"]) as answer, file.open("wb") as out:
            for block in answer.iter_bytes():
                out.write(block)
        if is_packed(file):
            raise SourceError(
                f"{at.called} is an archive, and files at an address are not unpacked", fix="fetch it, and add the file that you have"
            )
        found = discover(file)
        if found.described is not None:
            address |= reading_options(found.described, at.called)
    return replace(found, path=at.called)
