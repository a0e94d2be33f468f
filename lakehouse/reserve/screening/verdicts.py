"""The schema of `system/screening_<source>`, and its verdicts for datasets: the rows that stay out, and whether the source may be read.

The table holds what detectors found in the live rows of bronze. Its newest commit records of which rows, under which declaration, and how
many rows each detector flags.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from lakehouse.core.errors import ScreeningError
from lakehouse.core.hashing import canonical, content_id, digest
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.spec import Source
from lakehouse.reserve.bronze import table as bronze

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "_row_id": pl.String,  # null: the finding speaks of a collection, not of a row
    "_content": pl.String,  # of the row as it was looked at
    "collection": pl.Int64,  # that brought the row
    "detector": pl.String,  # name of the detection
    "kind": pl.String,
    "column": pl.String,
    "start": pl.Int64,  # first character of what was found; null: it has no place, or it was found in another form of the text
    "end": pl.Int64,  # the character behind it
    "score": pl.Float64,
    "detail": pl.String,  # numbers and names behind the finding; nothing of the text
    "hash": pl.String,  # of what was found: HMAC-SHA256 with the lake's own salt, 32 hex digits
    "action": pl.String,  # quarantine or warn; null: below the threshold
}
FINDINGS = pl.Schema(_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """The rows that one detection flags.

    Attributes:
        name: the detector's name, `_2`, `_3` ... added where it repeats.
        identity: of its parameters and its code, thresholds left out: what its findings hold for.
        rows: rows flagged, and `rate`, their share of the live rows.
        kinds: flagged rows by kind; a finding about a collection counts the rows of that.
        max_rate: as declared.
        blocking: as declared.
    """

    name: str
    identity: str
    action: str
    rows: int
    rate: float
    kinds: dict[str, int] = field(default_factory=dict)
    max_rate: float = 0.0
    blocking: bool = False

    @property
    def passed(self) -> bool:
        """Whether no more rows are flagged than may be."""
        return self.rate <= self.max_rate


@dataclass(frozen=True)
class State:
    """The newest commit of a screening.

    Attributes:
        declared: digest of the declaration.
        content: content id of the rows that were looked at; `bronze`, the Delta version they are live in; `live`, their number.
    """

    declared: str
    content: str
    bronze: int
    live: int
    detections: tuple[DetectionResult, ...]

    def metadata(self) -> dict[str, str]:
        """The state as commit metadata."""
        return {"state": canonical(asdict(self))}


def table(project: Project, source: str) -> Table:
    """The findings of a source."""
    return project.table("system", f"screening_{source}")


def declared_key(source: Source) -> str:
    """Digest of what a source declares about screening."""
    return digest([detection.model_dump() for detection in source.screening])


def state(project: Project, source: str) -> State | None:
    """The newest screening; None if there was none."""
    stored = table(project, source)
    found = stored.metadata().get("factory.state") if stored.exists() else None
    if found is None:
        return None
    values: dict[str, Any] = json.loads(found)
    return State(**{**values, "detections": tuple(DetectionResult(**d) for d in values["detections"])})


def missing(project: Project, source: str) -> str | None:
    """Why the findings of a source do not speak of it as it is now; None where they do, or nothing is declared."""
    spec = project.source(source)
    if not spec.screening:
        return None
    found = state(project, source)
    if found is None:
        return f"source {source} was never screened"
    if found.declared != declared_key(spec):
        return f"source {source} was not screened as it declares now"
    if found.content != bronze.recorded_content(project, source)[0]:
        return f"source {source} was not screened since its rows changed"
    return None


def intake(project: Project, source: str) -> str | None:
    """Identity of the rows that screening keeps out of datasets; None where a source declares none.

    Raises:
        ScreeningError: it was not screened as it is now, or a blocking detector flags more of it than `max_rate`.
    """
    spec = project.source(source)
    if not spec.screening:
        return None
    if why := missing(project, source):
        raise ScreeningError(why, fix=f"lakehouse source screen {source}")
    found = state(project, source)
    assert found is not None
    for index, detected in enumerate(found.detections):
        if detected.blocking and not detected.passed:
            what = f"`{detected.name}` flags {detected.rate:.2%} of the rows of {source}; at most {detected.max_rate:.2%} are accepted"
            where = project.sources[source].document.where(("screening", index))
            raise ScreeningError(
                what, where=where, fix=f"lakehouse source screen {source} --rows 20, then mend the source or raise `max_rate`"
            )
    return kept_out(project, source)


def kept_out(project: Project, source: str) -> str:
    """Identity of the rows that the newest screening keeps out of datasets, with the reasons."""
    return content_id(quarantined(project, source).with_columns(pl.col("_findings").list.join(",")), "_row_id", "_findings")


def quarantined(project: Project, source: str) -> pl.DataFrame:
    """Rows that screening keeps out of datasets: `_row_id`, `_content`, `_findings` (`detector:kind`, sorted)."""
    if not project.source(source).screening or not table(project, source).exists():
        return pl.DataFrame(schema={"_row_id": pl.String, "_content": pl.String, "_findings": pl.List(pl.String)})
    flagged = table(project, source).scan().filter((pl.col("action") == "quarantine") & pl.col("_row_id").is_not_null())
    reason = pl.concat_str("detector", pl.lit(":"), "kind").unique().sort()
    return flagged.group_by("_row_id", "_content").agg(reason.alias("_findings")).sort("_row_id").collect()
