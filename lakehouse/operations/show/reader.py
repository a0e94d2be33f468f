"""Tables as they may be read here: through the door where the project has a policy, else as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from lakehouse.core.errors import AccessError, NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.governance.access import policy
from lakehouse.governance.access.door import Comparison, Pick, open_table, reading


@dataclass(frozen=True)
class Read:
    """Rows with the version that they are of; `left_out`: columns that are too sensitive for the reader."""

    rows: pl.DataFrame
    version: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableReader:
    """A principal with a purpose, who reads tables of a project; both are None where the project has no policy."""

    project: Project
    principal: str | None = None
    purpose: str | None = None

    @property
    def governed(self) -> bool:
        """Whether a policy decides."""
        return self.principal is not None

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        equal: Mapping[str, str | list[str]] | None = None,
        version: str | None = None,
        pick: Pick | None = None,
    ) -> Read:
        """Some rows of a table.

        Args:
            columns: those that are wanted; all that may be seen without it.
            equal: only rows with this value, or one of these, in these columns.
            pick: chooses among what is left.

        Raises:
            AccessError: the policy does not allow it.
            NotFoundError: no such table, version or column.
        """
        if self.principal is not None and self.purpose is not None:
            where: list[Comparison] = [(name, "in" if isinstance(value, list) else "==", value) for name, value in (equal or {}).items()]  # type: ignore[misc]
            done = reading(self.project, table, self.principal, self.purpose, columns=columns, where=where, version=version, pick=pick)
            return Read(done.rows, done.version, done.left_out)
        opened = open_table(self.project, table, version)
        wanted = list(columns) if columns is not None else [name for name in opened.schema if name[0] != "_"]
        for name in (*wanted, *(equal or {})):
            if name not in opened.schema:
                raise NotFoundError(f"{table} has no column `{name}`", fix=suggest(name, opened.schema))
        rows = opened.rows
        for name, value in (equal or {}).items():
            rows = rows.filter(pl.col(name).is_in(value) if isinstance(value, list) else pl.col(name) == value)
        return Read((pick(rows) if pick is not None else rows).select(wanted).collect(), opened.version)


def reader(project: Project, principal: str | None, purpose: str | None) -> TableReader:
    """The reader of a project; a policy needs a principal and a purpose.

    Raises:
        AccessError: there is a policy, and they are not given.
    """
    found = policy.load(project)
    if found is None:
        return TableReader(project)
    if principal is None or purpose is None:
        missing = " and ".join(word for word, given in (("who reads", principal), ("what for", purpose)) if given is None)
        raise AccessError(
            f"{policy.FILE} decides who may read here: say {missing}",
            fix=f"--as WHO --for PURPOSE (in Python principal=, purpose=); purposes: {', '.join(found.purposes)}",
        )
    return TableReader(project, principal, purpose)
