"""Rows whose duplicates had other labels: what de-duplication kept by chance, read from the fates of the rows merged into it."""

from __future__ import annotations

from typing import Any

import polars as pl

from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.values import live_rows

NO_CONTRADICTIONS = pl.DataFrame(
    schema={
        "_row_id": pl.String,
        "given": pl.String,
        "suggested": pl.String,
        "share": pl.Float64,
        "labels": pl.List(pl.Struct({"label": pl.String, "rows": pl.UInt32})),
        "merged": pl.List(pl.String),
    }
)


def contradictions(project: Project, dataset: Dataset, gold: pl.DataFrame, label: str, as_text: pl.Expr | None = None) -> pl.DataFrame:
    """The gold rows into which rows with other labels were merged and whose own label is not that of most, the least certain first.

    Args:
        gold: `_row_id`, `_root` and text `label` of labelled rows. Rows that were divided, and variants, are left out: only a whole item
            has the label that its source gave it.
        as_text: how `label` was made text, where that is more than a cast.

    Returns:
        `_row_id`, `given`, `suggested` (the label of more than half of all; null: none is), `share` (of the given label), `labels` (each
        with its number, most first), `merged` (ids of rows under another label, at most ten).
    """
    fates = project.table("silver", f"{dataset.dataset}_fates")
    if not fates.exists() or "_root" not in gold.columns:
        return NO_CONTRADICTIONS
    merged = fates.scan().filter(pl.col("fate") == "merged").select("_row_id", survivor="other").collect()
    chain = _survivors(merged)
    as_text = pl.col(label).cast(pl.String) if as_text is None else as_text
    labels = [
        live_rows(project, source, [label]).select("_row_id", as_text).collect()
        for source in dataset.sources
        if label in bronze.table(project, source).schema()
    ]
    if chain.is_empty() or not labels:
        return NO_CONTRADICTIONS
    given = pl.concat(labels).filter(pl.col(label).is_not_null())
    whole = gold.filter(pl.col("_row_id") == pl.col("_root")).select(survivor="_row_id", given=pl.col(label))
    of = chain.join(given.select("_row_id", other_label=pl.col(label)), on="_row_id").join(whole, on="survivor")
    own = whole.select("survivor", _row_id="survivor", other_label="given", given="given")
    of = pl.concat([of.select("survivor", "_row_id", "other_label", "given"), own])
    counted = of.group_by("survivor", "given", label=pl.col("other_label")).agg(pl.len().cast(pl.UInt32).alias("rows"))
    counted = counted.sort("survivor", "rows", "label", descending=[False, True, False])
    by_row = counted.group_by("survivor", "given", maintain_order=True).agg(
        pl.struct("label", "rows").alias("labels"),
        pl.col("label").first().alias("most"),
        pl.col("rows").first().alias("highest"),
        pl.col("rows").sum().alias("all"),
        pl.col("rows").filter(pl.col("label") == pl.col("given")).sum().alias("own"),
    )
    others = (
        of.filter(pl.col("other_label") != pl.col("given"))
        .sort("_row_id")
        .group_by("survivor")
        .agg(pl.col("_row_id").head(10).alias("merged"))
    )
    found = by_row.filter(pl.col("labels").list.len() > 1).join(others, on="survivor", how="left")
    majority = pl.when(pl.col("highest") * 2 > pl.col("all")).then("most")
    found = found.select(
        pl.col("survivor").alias("_row_id"),
        "given",
        majority.alias("suggested"),
        (pl.col("own") / pl.col("all")).alias("share"),
        "labels",
        pl.col("merged").fill_null([]),
    )
    unsettled = pl.col("suggested").is_null() | (pl.col("suggested") != pl.col("given"))
    return found.filter(unsettled).sort("share", "_row_id").select(NO_CONTRADICTIONS.columns)


def _survivors(merged: pl.DataFrame) -> pl.DataFrame:
    """Each merged row with the row that stands for it in the end: a survivor of one step may be merged by a later one."""
    chain = merged
    while True:
        further = chain.join(merged.rename({"_row_id": "survivor", "survivor": "next"}), on="survivor", how="left")
        if further["next"].null_count() == further.height:
            return chain
        chain = further.select("_row_id", survivor=pl.coalesce("next", "survivor"))


def contradiction_findings(m: Material[Any], as_text: pl.Expr | None = None) -> Findings:
    """Rows whose duplicates have other labels, where they are looked for.

    Args:
        as_text: makes labels text that is equal where labels are, however these are written; None where a cast does.
    """
    found = NO_CONTRADICTIONS
    if m.with_contradictions:
        rows = m.rows if as_text is None else m.rows.with_columns(as_text)
        found = contradictions(m.project, m.project.dataset(m.version.dataset), rows, m.label, as_text)
    plain = m.out_of_fold.plain
    evidence = [
        {
            "given": plain(row["given"]),
            "suggested": None if row["suggested"] is None else plain(row["suggested"]),
            "labels": {each["label"]: each["rows"] for each in row["labels"]},
            "merged": row["merged"],
        }
        for row in found.iter_rows(named=True)
    ]
    return Findings(findings_frame("contradiction", found["_row_id"].to_list(), found["share"].to_list(), evidence))
