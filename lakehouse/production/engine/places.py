"""Paths in a recipe: a step that names `messages[].content` is bound to the texts there.

The operator sees a column of texts under the name of the path. What it makes of them is put back into the column that the path leads
into (`1:1`), or measured on the texts of a row joined by newlines (`1:0`, `N:1`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.core.registry import Entry
from lakehouse.core.text import at_path
from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.paths import TextPath, read_path
from lakehouse.production.engine.columns import COLUMN_PARAMETERS, Held, made_by, paths_into
from lakehouse.production.engine.operator import Change, Keep, Merge, Plan, with_measured

VERSION = "paths 1"
"""Part of the code of every step that names a path: raised when the same path gives other texts or another value."""


def paths_of(params: Mapping[str, Any], held: Mapping[str, Held], columns: Collection[str] | None, where: str) -> dict[str, TextPath]:
    """The paths that the parameters of a step name, by their text. What is the name of a column is no path.

    Args:
        columns: the names of all columns; None where they are not known yet.

    Raises:
        SpecError: a path that leads nowhere or to no text, with those that do.
    """
    named = {*held, *(columns or ())}
    found: dict[str, TextPath] = {}
    for parameter in COLUMN_PARAMETERS:
        given = params.get(parameter)
        for text in [given] if isinstance(given, str) else given or ():
            path = None if text in named else read_path(text, named) or (read_path(text, None) if columns is None else None)
            if path is None:
                continue
            column = held.get(path.root)
            if column is None and columns is not None:
                what = f"`{text}`: the type of column `{path.root}` is not known before a row is read"
                raise SpecError(what, where=where, fix="give `return_dtype` in the operator that makes it")
            if column is not None and not column.json and path not in (into := paths_into(path.root, column)):
                what = f"`{text}` leads to no text: column `{path.root}` is {column}"
                fix = (
                    f"paths to texts: {', '.join(f'`{each}`' for each in into)}" if into else "there is no text inside; name another column"
                )
                raise SpecError(what, where=where, fix=fix)
            found[text] = path
    return found


def joined(path: TextPath) -> pl.Expr:
    """The texts at a path as one text a row."""
    return compiled(pl.col(path.root), lambda values: at_path.joined(values, path.parts), pl.String)


def bound(entry: Entry, plan: Plan, paths: Mapping[str, TextPath], held: Mapping[str, Held], where: str) -> Plan:
    """The plan of a step over the columns that its paths lead into.

    Raises:
        SpecError: the step takes no path.
    """
    seen = {**held, **dict.fromkeys(paths, Held(pl.String()))}
    if isinstance(plan, Keep | Merge):
        return replace(plan, signals=_measured(plan.signals, paths, seen))
    named = f"`{entry.name}` takes no path"
    fix = "name a column of texts; a step of your own can write the texts at the path to one"
    if not isinstance(plan, Change):
        raise SpecError(f"{named}: it works on whole columns", where=where, fix=fix)
    path = next(iter(paths))
    if list(plan.columns) != [path] or set(plan.columns[path].meta.root_names()) != {path}:
        raise SpecError(f"{named}: it makes more of a row than the text it names", where=where, fix=fix)
    kinds = made_by(plan.columns, seen)
    if path in kinds and kinds[path].dtype != pl.String:
        raise SpecError(f"{named}: it makes {kinds[path]} of a text", where=where, fix=fix)
    return _changed(plan, path, paths[path], held)


def with_texts(rows: pl.DataFrame, paths: Iterable[TextPath], dataset: str) -> pl.DataFrame:
    """Gold rows of `dataset` with the texts at the paths as columns of their own, for steps that compare with them.

    Raises:
        RecipeError: its rows have nothing at such a path.
    """
    for path in paths:
        try:
            rows = rows.with_columns(joined(path).alias(str(path)))
        except (ValueError, pl.exceptions.PolarsError) as error:
            raise RecipeError(f"dataset {dataset} has no texts at `{path}`", fix="its column has to be of the same type") from error
    return rows


def _changed(plan: Change, name: str, path: TextPath, held: Mapping[str, Held]) -> Change:
    expression = plan.columns[name]

    def rewrite(texts: pl.Series) -> pl.Series:
        return pl.DataFrame({name: texts}).select(expression.alias(name)).to_series()

    dtype = held[path.root].dtype if path.root in held else pl.String()
    made = compiled(pl.col(path.root), lambda values: at_path.rewritten(values, path.parts, rewrite), dtype)
    return Change({path.root: made}, {path.root: plan.clears.get(name, frozenset())})


def _measured(signals: Mapping[str, pl.Expr], paths: Mapping[str, TextPath], seen: Mapping[str, Held]) -> dict[str, pl.Expr]:
    """The signals, those that read a path as fields of one struct, so that a row's texts are joined once for all of them."""
    reading = {name: e for name, e in signals.items() if not paths.keys().isdisjoint(e.meta.root_names())}
    if not reading:
        return dict(signals)
    roots = {root for e in reading.values() for root in e.meta.root_names()}
    columns = sorted({paths[root].root if root in paths else root for root in roots})
    types = made_by(reading, seen)
    texts = {name: joined(path) for name, path in paths.items() if name in roots}

    def measure(rows: pl.Series) -> pl.Series:
        frame = rows.struct.unnest().lazy().with_columns(**texts)
        return with_measured(frame, reading).select(*reading).collect().to_struct(rows.name)

    dtype = pl.Struct({name: types[name].dtype if name in types else pl.Null() for name in reading})
    found = compiled(pl.struct(columns), measure, dtype)
    return {name: found.struct.field(name) if name in reading else e for name, e in signals.items()}
