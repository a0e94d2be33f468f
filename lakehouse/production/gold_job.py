"""One dataset as a run makes its gold: declarations, inputs, identity and tables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.hashing import canonical, digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.spec.contract import Contract
from lakehouse.core.storage.keys import ready
from lakehouse.core.versions import Version
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.inputs import Inputs, read_inputs
from lakehouse.production.learnt_columns import Learnt, learnt_columns
from lakehouse.production.manifest import metadata_of, plan_of
from lakehouse.production.silver import sealed, silver_plan, tables_of


@dataclass(frozen=True, kw_only=True)
class GoldJob:
    """One dataset as a run makes it: its declarations, its identity and its tables.

    Attributes:
        plan_id: digest of `plan`, the plan id of the version.
        balance: of silver.
        current: the newest version, if there is one.
    """

    project: Project
    name: str
    dataset: Dataset
    contract: Contract
    recipe: Recipe
    inputs: Inputs
    plan: dict[str, Any]
    plan_id: str
    silver: Table
    gold: Table
    quarantine: Table
    balance: tuple[Balance, ...]
    current: Version | None
    metadata: dict[str, Any]
    started: float

    @cached_property
    def stored(self) -> pl.Schema:
        """The schema of silver."""
        return self.silver.schema()

    @cached_property
    def own(self) -> list[str]:
        """The columns of the contract that silver has; the contract itself names those that silver lacks."""
        return [column for column in self.contract.columns if column in self.stored]

    @cached_property
    def learns_from(self) -> Learnt:
        """The columns that a model learns from, in which equal rows in two splits are a leak."""
        return learnt_columns(self.project, self.dataset, self.contract, self.recipe, self.own, self.stored)

    @property
    def learnt(self) -> list[str]:
        """Their names."""
        return list(self.learns_from.columns)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Gold's metadata by which the next run knows the values and the variants that it can keep."""
        return {
            "values": digest([self.silver.metadata().get("factory.values"), self.contract.hash, self.own, self.learnt]),
            "variants": canonical({variants.name: variants.key for variants in self.recipe.variants}),
        }

    @property
    def is_made(self) -> bool:
        """Whether gold holds the version of this plan already."""
        current = self.current
        return (
            current is not None and current.plan_id == self.plan_id and self.gold.exists() and self.gold.version() == current.gold_version
        )


def gold_tables(project: Project, name: str) -> tuple[Table, Table]:
    """The gold and quarantine tables of a dataset."""
    return project.table("gold", name), project.table("gold", f"{name}_quarantine")


def prepare(project: Project, name: str) -> GoldJob:
    """Read declarations, inputs and registers.

    Raises:
        NotFoundError: silver is not up to date.
    """
    started = time.perf_counter()
    dataset = project.dataset(name)
    ready(project, project.classes_of(name))
    contract = project.contract(dataset)
    recipe = compile_recipe(project, name, source_columns(project, dataset))
    inputs = read_inputs(project, dataset, recipe)
    plan = plan_of(inputs, recipe, contract, dataset)
    silver = tables_of(project, name)[0]
    sealed_plan, balance = sealed(project, name)
    if not silver.exists() or sealed_plan != silver_plan(inputs, recipe):
        raise NotFoundError(f"silver/{name} does not match its sources and recipe", fix=f"lakehouse run {name} --to silver")
    gold, quarantine = gold_tables(project, name)
    return GoldJob(
        project=project,
        name=name,
        dataset=dataset,
        contract=contract,
        recipe=recipe,
        inputs=inputs,
        plan=plan,
        plan_id=digest(plan),
        silver=silver,
        gold=gold,
        quarantine=quarantine,
        balance=balance,
        current=versions.current(project, name),
        metadata=metadata_of(project, dataset, contract, recipe),
        started=started,
    )
