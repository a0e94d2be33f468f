"""The inputs of a dataset: the state of its sources and of the datasets it refers to, and the rows that may enter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.production.engine.recipe import Recipe
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.screening import verdicts

VERSION = 1
"""Of the engine (measuring, deciding, splits, variants), part of every plan: raised by hand when the same recipe makes other rows."""


@dataclass(frozen=True)
class Inputs:
    """What a dataset is made from, at this moment.

    Attributes:
        content: content id per source.
        rows: live rows per source.
        versions: Delta version of bronze per source.
        references: content id per dataset that the recipe refers to.
        screened: identity of the rows that screening keeps out, per source that declares screening.
    """

    content: dict[str, str]
    rows: dict[str, int]
    versions: dict[str, int | None]
    references: dict[str, str]
    screened: dict[str, str] = field(default_factory=dict)

    def identity(self) -> dict[str, Any]:
        """What of it a plan is made of."""
        return {
            "engine": VERSION,
            "inputs": self.content,
            "references": self.references,
            **({"screened": self.screened} if self.screened else {}),
        }


def read_inputs(project: Project, dataset: Dataset, recipe: Recipe) -> Inputs:
    """The present state of sources and referenced datasets.

    Raises:
        NotFoundError: a source was not collected, or a referenced dataset has no version.
        ScreeningError: a source was not screened as it declares, or a blocking detector refuses it.
        LockedError: an erasure of rows of a source was interrupted.
    """
    for source in dataset.sources:
        bronze.refuse_half_erased(project, source)
    recorded = {source: bronze.recorded_content(project, source) for source in dataset.sources}
    references = {}
    for other in recipe.references:
        found = versions.current(project, other)
        if found is None:
            raise NotFoundError(f"{dataset.dataset} refers to {other}, which has no version yet", fix=f"lakehouse run {other}")
        references[other] = found.content_id
    return Inputs(
        {source: content for source, (content, _, _) in recorded.items()},
        {source: rows for source, (_, rows, _) in recorded.items()},
        {source: version for source, (_, _, version) in recorded.items()},
        references,
        {source: kept_out for source in dataset.sources if (kept_out := verdicts.intake(project, source)) is not None},
    )


def live_rows(project: Project, inputs: Inputs) -> pl.DataFrame:
    """`_row_id`, `_content`, `_collection`, `_bytes` and `_source` of the live rows of all sources, as of the versions of `inputs`."""
    versions = inputs.versions.items()
    return pl.concat([bronze.live_index(project, s, version=version).with_columns(_source=pl.lit(s)) for s, version in versions])


def unfit_rows(project: Project, dataset: Dataset, live: pl.DataFrame) -> pl.DataFrame:
    """Live rows that collection found unfit or screening keeps out: `_row_id`, `_content`, `_findings`, in this order."""
    found = [
        bronze.table(project, source)
        .scan()
        .filter(pl.col("_findings").list.len() > 0)
        .select("_row_id", "_collection", "_content", "_findings")
        .collect()
        for source in dataset.sources
    ]
    unfit = pl.concat(found).join(live, on=["_row_id", "_collection"], how="semi").drop("_collection")
    if not (sources := [source for source in dataset.sources if project.source(source).screening]):
        return unfit
    flagged = pl.concat([verdicts.quarantined(project, source) for source in sources])
    both = pl.concat([unfit, flagged.join(live, on=["_row_id", "_content"], how="semi")])
    return both.group_by("_row_id", "_content", maintain_order=True).agg(pl.col("_findings").list.explode(empty_as_null=False))
