"""Which columns a model learns from: those in which equal rows of two splits are a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.spec.contract import Contract
from lakehouse.production.engine.recipe import Recipe


@dataclass(frozen=True)
class Learnt:
    """The columns that a model learns from.

    Attributes:
        columns: in the order of gold.
        as_table: they are features beside each other, whose values may repeat by nature; else a text, a picture or a recording, of which
            equal ones are copies.
    """

    columns: tuple[str, ...]
    as_table: bool


def learnt_columns(project: Project, dataset: Dataset, contract: Contract, recipe: Recipe, own: Sequence[str], stored: pl.Schema) -> Learnt:
    """The columns that the declared evaluations take as `input` or `features`.

    Without any: the text that the recipe or the augmentation works on. Without that: all columns but keys, which tell any two rows apart.

    Args:
        own: columns of gold; `stored`: their types.
    """
    calls = [call.params for call in dataset.pilot.evaluations]
    inputs = {name for params in calls if isinstance(name := params.get("input"), str)}
    features = {name for params in calls for name in params.get("features") or ()}
    named = tuple(column for column in own if column in inputs | features)
    if named:
        return Learnt(named, as_table=not inputs & set(named))
    texts = [column for column in own if stored[column] == pl.String]
    worked_on: list[str] = []
    for step in recipe.steps:
        worked_on += [path.root for path in step.paths if path.root in own]
        worked_on += [column for column in [step.params.get("column")] if column in texts]
    worked_on += [c for each in dataset.augment for step in each.steps for c in [step.params.get("column")] if c in texts]
    if worked_on:
        return Learnt((worked_on[0],), as_table=False)
    keys = {column for source in dataset.sources for column in _key(project, source)}
    keys |= {name for name, column in contract.columns.items() if column["unique"]}
    return Learnt(tuple(column for column in own if column not in keys), as_table=True)


def _key(project: Project, source: str) -> Sequence[str]:
    key = project.source(source).key
    return () if isinstance(key, str) else key
