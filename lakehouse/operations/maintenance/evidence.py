"""Evidence about a version from the lake, read once for all indicators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from lakehouse.core.project import Project
from lakehouse.core.spec import Dataset
from lakehouse.core.versions import Version, find, versions
from lakehouse.core.versions import rows as rows_of
from lakehouse.operations.history.rows_of_versions import collect
from lakehouse.operations.repair.tickets import tickets
from lakehouse.pilot.diagnose import findings_of
from lakehouse.pilot.predictions import predictions_of, scored_as
from lakehouse.pilot.scoring.classification import CLASSIFICATION
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.formats import documents, image, recording

_SAMPLE = 1000
_YEAR_HOURS = 365 * 24.0


@dataclass(frozen=True)
class SourceFreshness:
    """The time of a source's last collection, and the hours for which it is fresh: as declared, else a year."""

    at: datetime
    hours: float

    def fresh(self, at: datetime) -> bool:
        """Whether the last collection is fresh at a time."""
        return at - self.at <= timedelta(hours=self.hours)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence that indicators are counted from.

    Attributes:
        rows: the values of the version's rows, the contract's columns; `keys`, `roots`, `train` go with them row by row.
        keys: each row's digest, an order by chance that is the same on every machine.
        roots: the source row each row descends from.
        train: whether a row is of the train split.
        told: columns of what files say of themselves, such as when a picture was taken: a file that does not say lacks nothing.
        text: the column that an evaluation names, else the column with the longest texts; None where all texts are codes and names.
        label: the column that an evaluation names.
        findings: of the version's diagnosis without its summary; None where there was none. `labelled`: rows it looked at.
        contradictions: whether it looked for contradictions, which it can only while the version is current.
        sources: the version's sources that are in the lake.
        live: ids of the rows these hold today.
        scored: rows that the version is scored on, of `scored_set`: the pinned held-out set, else the test split.
        reported: rows of the version that open tickets of reports name.
        predictions: of the first seed on `scored_set`, by an evaluation that classifies.
    """

    version: Version
    at: datetime
    rows: pl.DataFrame
    keys: pl.Series
    roots: pl.Series
    train: pl.Series
    told: frozenset[str]
    text: str | None
    label: str | None
    findings: pl.DataFrame | None
    labelled: int
    contradictions: bool
    sources: dict[str, SourceFreshness]
    live: pl.Series
    scored: pl.DataFrame | None
    scored_keys: pl.Series
    scored_set: str
    predictions: pl.DataFrame | None
    reported: int


def sample(rows: pl.DataFrame, keys: pl.Series, most: int = _SAMPLE) -> pl.DataFrame:
    """So many rows at most, those with the least keys."""
    return rows[keys.arg_sort()[:most]]


def gather(project: Project, version: Version, at: datetime | None = None) -> Evidence:
    """Read the evidence. Memory: the rows of the version.

    Raises:
        StorageError: the version's rows were cleaned up.
    """
    dataset = project.dataset(version.dataset)
    gold = _gold(project, version)
    rows = gold.select([name for name in gold.columns if name in version.manifest["columns"]])
    text, label = _columns(dataset, rows)
    diagnosed = findings_of(project, version)
    live, sources = _sources(project, version)
    evaluation = _classification(version)
    result = version.evaluations[evaluation] if evaluation else {}
    held_out = result.get("held_out") or _pinned(project, dataset)
    if held_out:
        frozen = _gold(project, find(project, held_out["dataset"], held_out["version"]))
        scored_set, scored = "held_out", frozen
    else:
        scored_set, scored = "test", gold.filter(pl.col("_split") == "test")
    return Evidence(
        version=version,
        at=at or datetime.now(UTC),
        rows=rows,
        keys=gold["_hash"],
        roots=gold["_root"],
        train=gold["_split"] == "train",
        told=_told(project, version),
        text=text,
        label=label,
        findings=diagnosed[0] if diagnosed else None,
        labelled=int(diagnosed[1]["rows"]) if diagnosed else 0,
        contradictions=bool(diagnosed and diagnosed[1].get("contradictions")),
        sources=sources,
        live=live,
        scored=scored if scored.height else None,
        scored_keys=scored["_hash"],
        scored_set=scored_set,
        predictions=_predictions(project, str(result["key"]), scored_set) if evaluation and "key" in result else None,
        reported=_reported(project, version, gold),
    )


def _gold(project: Project, version: Version) -> pl.DataFrame:
    return collect(rows_of(project, version), f"version {version.label} of {version.dataset}").sort("_row_id")


def _columns(dataset: Dataset, rows: pl.DataFrame) -> tuple[str | None, str | None]:
    named = next((call.params for call in dataset.pilot.evaluations if call.params.get("label") in rows.columns), {})
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    if (given := named.get("input")) in texts:
        return str(given), str(named["label"])
    text = longest_text(dataset, rows.lazy())
    return (None if text is None or _are_codes(rows[text]) else text), named.get("label")


def _are_codes(texts: pl.Series) -> bool:
    """Whether no text has a blank or a letter outside ASCII, as digests, names of files and words of a list have none."""
    return bool(texts.drop_nulls().str.contains(r"^[A-Za-z0-9_.:/+=\-]*$").all())


def _told(project: Project, version: Version) -> frozenset[str]:
    """The columns that the reader of pictures, recordings or documents adds, of the version's sources; their text is no such column."""
    found: set[str] = set()
    for name in (str(given["source"]) for given in version.manifest.get("inputs") or []):
        table = bronze.table(project, name)
        known = set(table.schema().names()) if table.exists() else set()
        found |= {
            column for of in (image.COLUMNS, documents.COLUMNS, recording.AUDIO, recording.VIDEO) if known >= set(of) for column in of
        }
    return frozenset(found - {"text"})


def longest_text(dataset: Dataset, rows: pl.LazyFrame) -> str | None:
    """The text that an evaluation of the dataset takes, else the column with the longest texts on average."""
    texts = [name for name, kind in rows.collect_schema().items() if kind == pl.String and name[0] != "_"]
    for call in dataset.pilot.evaluations:
        if call.params.get("input") in texts:
            return str(call.params["input"])
    if not texts:
        return None
    lengths = rows.select(pl.col(texts).str.len_chars().mean().fill_null(0.0)).collect().row(0, named=True)
    return max(texts, key=lambda name: (lengths[name], name))


def _sources(project: Project, version: Version) -> tuple[pl.Series, dict[str, SourceFreshness]]:
    """Ids of the rows that the version's sources hold today, and when these were collected last."""
    ids, known = [pl.Series("_row_id", [], dtype=pl.String)], {}
    recorded = project.table("system", "collections")
    when = recorded.scan().group_by("source").agg(pl.col("at").max()).collect() if recorded.exists() else None
    latest = dict(when.iter_rows()) if when is not None else {}
    for name in (str(given["source"]) for given in version.manifest.get("inputs") or []):
        table = bronze.table(project, name)
        if not table.exists():
            continue
        ids.append(bronze.live_index(project, name, version=table.version())["_row_id"])
        if name in latest:
            declared = project.sources[name].spec.fresh_within_hours if name in project.sources else None
            known[name] = SourceFreshness(latest[name], declared or _YEAR_HOURS)
    return pl.concat(ids), known


def _classification(version: Version) -> str | None:
    return next((name for name in version.evaluations if scored_as(version, name) is CLASSIFICATION), None)


def _pinned(project: Project, dataset: Dataset) -> dict[str, str] | None:
    """The pinned held-out set, where the version was not evaluated on one."""
    pinned = dataset.pilot.held_out
    if pinned is None:
        return None
    fits = [v for v in versions(project, pinned.dataset) if pinned.content is None or v.content_id.startswith(pinned.content)]
    return {"dataset": pinned.dataset, "version": fits[-1].version} if fits else None


def _predictions(project: Project, key: str, on: str) -> pl.DataFrame | None:
    rows = predictions_of(project, key).filter(pl.col("set") == on)
    return rows.filter(pl.col("seed") == rows["seed"].min()) if rows.height else None


def _reported(project: Project, version: Version, gold: pl.DataFrame) -> int:
    unresolved = [t for t in tickets(project, version.dataset) if t.kind == "report" and t.state in ("open", "waiting", "applied")]
    named = pl.Series([suspect.row for ticket in unresolved for suspect in ticket.rows], dtype=pl.String)
    return int(gold["_row_id"].is_in(named.implode()).sum())
