"""Answers of models to requests about a row, found by the requests that the row makes now and by the variants made from it."""

from __future__ import annotations

import polars as pl
import polars_hash as plh

from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.operations.erasure import history
from lakehouse.operations.erasure.affected_tables import tables
from lakehouse.operations.erasure.removal import Removal, root
from lakehouse.production.augment import seeds
from lakehouse.production.engine.operator import SEED, Ask
from lakehouse.production.engine.recipe import Variants, compile_recipe, source_columns


def to_answers(project: Project, ids: list[str], names: dict[str, str]) -> Removal | None:
    """The removal from `system/answers`; None where no dataset asks a model and none ever did."""
    if not project.table("system", "answers").exists():
        return None
    also = {"_request": frozenset(_requests(project, ids)), "text": frozenset(_variants(project, ids))}
    return Removal(names, also=also)


def _requests(project: Project, ids: list[str]) -> set[str]:
    """Digests of the requests that silver's rows of `ids` make by the present declarations."""
    found: set[str] = set()
    for name, declared in project.datasets.items():
        silver = project.table("silver", name)
        if not silver.exists():
            continue
        try:
            variants = compile_recipe(project, name, source_columns(project, declared.spec)).variants
        except FactoryError:
            continue  # a declaration that cannot be read makes no requests; its variants are found by their content
        asking = [each for each in variants if any(isinstance(plan, Ask) for *_, plan in each.steps)]
        if not asking:
            continue
        rows = silver.scan().filter(root("_row_id").is_in(pl.Series(ids, dtype=pl.String).implode())).collect()
        for each in asking:
            for copy in range(each.declared.copies):
                found |= _asked(each, rows, copy)
    return found


def _asked(each: Variants, rows: pl.DataFrame, copy: int) -> set[str]:
    """Digests of the requests of one augmentation, up to its first step that asks: what later ones ask depends on answers."""
    rows = rows.with_columns(_row_id=pl.concat_str("_row_id", pl.lit(f"#{each.name}.{copy}")))
    rows = rows.with_columns(seeds(pl.col("_row_id"), each.declared.seed).alias(SEED))
    for *_, plan in each.steps:
        if isinstance(plan, Ask):
            requests = rows.select(request=plan.requests).drop_nulls()
            return set(requests.select(plh.concat_str(pl.col("request")).chash.sha2_256()).to_series())
        rows = rows.with_columns(**plan.columns)
    return set()


def _variants(project: Project, ids: list[str]) -> set[str]:
    """Texts of the variants that gold and its quarantine have, or ever had, of `ids`."""
    found: set[str] = set()
    wanted = pl.Series(ids, dtype=pl.String).implode()
    for name, table in tables(project):
        if not name.startswith("gold/"):
            continue
        files = table.store()
        for file in history.data_files(files):
            with files.open_input_file(file) as handle:
                rows = pl.read_parquet(handle.read())
            mine = rows.filter(root("_row_id").is_in(wanted) & pl.col("_row_id").str.contains("#"))
            for column, dtype in mine.schema.items():
                if dtype == pl.String and not column.startswith("_"):
                    found |= set(mine[column].drop_nulls())
    return found
