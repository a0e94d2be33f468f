"""What the columns hold that a step reads: their types, and which texts are JSON. A step for texts takes no other column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.core.registry import Entry
from lakehouse.core.row_model import SIGNALS
from lakehouse.core.spec import Dataset
from lakehouse.core.spec.column_type import with_json, written
from lakehouse.core.text.paths import TextPath, text_paths
from lakehouse.production.engine.operator import SEED
from lakehouse.reserve.bronze import table as bronze

COLUMN_PARAMETERS = ("column", "columns", "label")
"""Parameters that name columns; each takes texts only, unless an operator says `any_type` of it at registration."""


@dataclass(frozen=True)
class Held:
    """What a column holds.

    Attributes:
        json: its texts are JSON.
        declared: its type where JSON text stands inside of lists and structs, that text as `Object`; None where there is none.
    """

    dtype: pl.DataType
    json: bool = False
    declared: pl.DataType | None = None

    @property
    def inside(self) -> pl.DataType:
        """The type by which paths lead into it."""
        return self.declared if self.declared is not None else self.dtype

    def __str__(self) -> str:
        return "JSON text" if self.json else written(self.dtype)

    @property
    def text(self) -> bool:
        """Whether a step for texts may work on it. A column without a type has no value yet."""
        return isinstance(self.dtype, pl.String | pl.Categorical | pl.Enum | pl.Null) and not self.json


def held_columns(project: Project, dataset: Dataset, columns: Mapping[str, pl.DataType] | None) -> dict[str, Held]:
    """What the own columns of a dataset's sources hold: `columns` with their types, or what all sources declare alike.

    A column is JSON that a source declares so, or that bronze noted as such because its source declares no columns.
    """
    sources = [project.source(name) for name in dataset.sources if name in project.sources]
    declared = [source.columns for source in sources if source.columns is not None]
    json = {name for given in declared for name, column in given.items() if column.type.strip() == "json"}
    inside = {name: with_json(column.type) for given in declared for name, column in given.items() if "json" in column.type}
    if columns is None:
        types: dict[str, set[pl.DataType]] = {}
        for given in declared if len(declared) == len(dataset.sources) else ():
            for name, column in given.items():
                types.setdefault(name, set()).add(column.dtype)
        return {name: Held(found.pop(), name in json, inside.get(name)) for name, found in types.items() if len(found) == 1}
    for source in sources:
        table = bronze.table(project, source.source)
        if source.columns is None and table.exists():
            stored = bronze.stored_columns(project, source.source, table.version())
            json |= {name for name, kind in (stored.kinds if stored else {}).items() if kind == "json"}
    return {name: Held(dtype, name in json, inside.get(name)) for name, dtype in columns.items()}


def made_by(expressions: Mapping[str, pl.Expr], held: Mapping[str, Held]) -> dict[str, Held]:
    """What `expressions` over columns make, as far as Polars can tell without a row."""
    schema = {**SIGNALS, SEED: pl.UInt64(), **{name: column.dtype for name, column in held.items()}}
    found: dict[str, Held] = {}
    for name, expression in expressions.items():
        try:
            found[name] = Held(pl.LazyFrame(schema=schema).select(expression.alias(name)).collect_schema()[name])
        except Exception:  # any failure of any user's operator; the run meets it again, over no rows, and reports it with its step
            continue
    return found


def check_texts(entry: Entry, params: Mapping[str, Any], held: Mapping[str, Held], where: str) -> None:
    """Refuse a step for texts on a column that is none. A user's own operator takes what it takes.

    Raises:
        SpecError: naming step, column, its type and the way out.
    """
    if not entry.ours:
        return
    any_type = entry.info.get("any_type", ())
    for parameter in COLUMN_PARAMETERS:
        given = params.get(parameter) if parameter not in any_type else None
        for column in [given] if isinstance(given, str) else given or ():
            if column in held and not held[column].text:
                raise SpecError(
                    f"`{entry.name}` works on texts, and column `{column}` is {held[column]}", where=where, fix=_way_out(column, held)
                )


def paths_into(name: str, column: Held) -> list[TextPath]:
    """The known paths from a column to texts inside of it; those into JSON text are not known before a row is read."""
    return text_paths(name, column.inside)


def _way_out(column: str, held: Mapping[str, Held]) -> str:
    texts = [f"`{name}`" for name, found in held.items() if found.text and name != column]
    into = [f"`{path}`" for path in paths_into(column, held[column])]
    if held[column].json:
        into = [f"such as `{column}.title` or `{column}[].text`"]
    inside = f"name a path inside it ({', '.join(into)}), or " if into else "name "
    return f"{inside}another column ({', '.join(texts) or 'there is none of texts'})"
