"""Volumes of a version in the terms of a demand, counted once a version."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import polars as pl

from lakehouse.core import versions
from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import digest
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset, Demand
from lakehouse.core.text.language import detected
from lakehouse.operations.maintenance.evidence import longest_text
from lakehouse.reserve.discovery.texts import tokens

JOURNAL = Journal("volumes", pl.Schema(dict.fromkeys(("dataset", "version", "key", "payload"), pl.String())))


@dataclass(frozen=True)
class Volumes:
    """The volumes of a version.

    Attributes:
        rows: of gold, of all splits, variants included.
        tokens: of the text column: words, each Han character and kana as one.
        classes: rows by value, by column. languages: rows by ISO 639-1 code. Both only of what was asked for.
    """

    rows: int = 0
    tokens: int = 0
    classes: dict[str, dict[str, int]] | None = None
    languages: dict[str, int] | None = None


def volumes(project: Project, dataset: Dataset, demand: Demand, version: versions.Version) -> Volumes:
    """Count what a version holds. The text is read a data file at a time, and once a version.

    Raises:
        SpecError: the demand names a column that the version does not have.
    """
    columns = sorted(demand.classes)
    asks = {"classes": columns, "languages": bool(demand.languages), "tokens": demand.tokens is not None}
    key = digest([version.content_id, asks])[:32]
    known = JOURNAL.read(project, (pl.col("dataset") == dataset.dataset) & (pl.col("key") == key))
    if known.height:
        return Volumes(**json.loads(known["payload"][0]))
    found = _counted(project, dataset, demand, version)
    JOURNAL.append(project, dataset=dataset.dataset, version=version.version, key=key, payload=asdict(found))
    return found


def _counted(project: Project, dataset: Dataset, demand: Demand, version: versions.Version) -> Volumes:
    gold = versions.rows(project, version)
    schema = gold.collect_schema()
    for column in demand.classes:
        if column not in schema:
            have = ", ".join(c for c in schema if c[0] != "_")
            where = project.datasets[dataset.dataset].document.where(("demand", "classes", column))
            raise SpecError(f"{dataset.dataset} has no column `{column}`, of which the demand speaks", where=where, fix=f"columns: {have}")
    classes = {
        column: dict(gold.group_by(pl.col(column).cast(pl.String).fill_null("(none)")).len().sort(column).collect().iter_rows())
        for column in sorted(demand.classes)
    }
    rows = int(gold.select(pl.len()).collect().item())
    text = longest_text(dataset, gold) if demand.tokens is not None or demand.languages else None
    languages: dict[str, int] = {}
    number = 0
    if text is not None:
        for part in gold.select(text).collect_batches(chunk_size=50_000):
            number += tokens(part[text])
            if demand.languages:
                codes = part.select(detected(text).struct.field("code").fill_null("(none)"))["code"]
                for code, n in codes.value_counts().iter_rows():
                    languages[code] = languages.get(code, 0) + n
    return Volumes(rows, number, classes, dict(sorted(languages.items())))
