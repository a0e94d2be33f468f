"""How sensitive columns are: general, important, core; declared at the source, carried by lineage, lowered only by declaration.

The three levels have the form of GB/T 43697-2024 (一般, 重要, 核心); which data is of which level under that standard is for its owner to
say. A source's column has the declared level, at least that of its standard; with neither, `important` if `privacy`
is declared for it, else `general`. A column of a dataset is as sensitive as the most sensitive column it is made from
(`production/column_sensitivity.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import LEVELS, Level, standards, yamlfile

WORDS: dict[Level, str] = {"general": "一般", "important": "重要", "core": "核心"}


@dataclass(frozen=True)
class ColumnSensitivity:
    """The sensitivity of a column and why it is so."""

    level: Level
    because: str

    def as_json(self) -> dict[str, str]:
        """As the register keeps it."""
        return {"level": self.level, "because": self.because}


def highest(levels: Iterable[ColumnSensitivity]) -> ColumnSensitivity:
    """The most sensitive, the first of these; of none, `core`: what nobody knows anything of."""
    found = list(levels)
    return max(found, key=lambda each: LEVELS.index(each.level)) if found else ColumnSensitivity("core", "nothing is known of it")


def of_column(project: Project, source: str, column: str) -> ColumnSensitivity:
    """The sensitivity of a source's column."""
    spec = project.source(source)
    at = f"{source}.{column}"
    declarations: list[ColumnSensitivity] = []
    if (declared := spec.sensitivity.get(column, spec.sensitivity.get("*"))) is not None:
        declarations.append(ColumnSensitivity(declared, f"{at} is declared {declared}"))
    if (name := spec.standards.get(column)) is not None:
        field = standards.find(project.root, name)
        declarations.append(ColumnSensitivity(field.sensitivity, f"{at} is {name}, by its standard {field.sensitivity}"))
    if declarations:
        return highest(declarations)
    if classes := spec.privacy.get(column):
        return ColumnSensitivity("important", f"{at} may hold {', '.join(classes)}")
    return ColumnSensitivity("general", f"nothing is declared of {at}")


def levels_of_source(project: Project, source: str) -> dict[str, ColumnSensitivity]:
    """The sensitivity of a source's columns, those that are declared or known."""
    spec = project.source(source)
    table = project.table("bronze", source)
    stored = [c for c in table.schema() if c[0] != "_"] if spec.columns is None and table.exists() else []
    names = dict.fromkeys([*(spec.columns or ()), *stored, *spec.sensitivity, *spec.standards, *spec.privacy])
    return {column: of_column(project, source, column) for column in names if column != "*"}


def check_standards(project: Project, source: str) -> None:
    """Hold the columns of a source against their declared standard fields.

    Raises:
        SpecError: no such field or column, or they are of other types.
    """
    spec, document = project.source(source), project.sources[source].document
    known = standards.load(project.root)
    for column, name in spec.standards.items():
        where = document.where(("standards", column))
        if name not in known:
            raise SpecError(f"no field `{name}` in assets/standards", where=where, fix=yamlfile.suggest(name, known))
        if spec.columns is None:
            continue
        if column not in spec.columns:
            raise SpecError(f"no column `{column}`", where=where, fix=yamlfile.suggest(column, spec.columns))
        if (given := spec.columns[column].type) != (meant := known[name].field.type):
            what = f"column `{column}` is {given}, its standard `{name}` {meant}"
            raise SpecError(what, where=where, fix="change the type of the one or the other")
