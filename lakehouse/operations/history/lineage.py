"""Lineage of a version's columns and rows, also as OpenLineage run events (openlineage.io, specification 2-0-2).

A version is two runs: `gold/<dataset>` made it from its sources, `pilot/<dataset>` judged it. The register knows when a run was done and
not when it began, so both its events carry that time. Tables are named as the specification names files: `file` and the path, or
`s3://bucket` and the path in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from lakehouse import __version__
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.operations.history.trace import Trace, trace

_SPEC = "https://openlineage.io/spec"
_FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "ownership": "1-0-1/OwnershipDatasetFacet",
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "dataQualityMetrics": "1-0-1/DataQualityMetricsDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
}
PRODUCER = f"urn:lakehouse-factory:{__version__}"


@dataclass(frozen=True)
class ColumnOrigin:
    """The origin of a column of a version.

    Attributes:
        made_from: columns of sources, `bronze/SOURCE.COLUMN`.
        steps: steps of the recipe that name it.
    """

    column: str
    type: str
    made_from: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class RowOrigin:
    """The origin of a row: its trace, and the columns of the dataset's version that holds it."""

    trace: Trace
    columns: tuple[ColumnOrigin, ...]


def columns(project: Project, version: Version) -> tuple[ColumnOrigin, ...]:
    """The origin of each column of a version, by the manifest and the shape of bronze as it was read."""
    manifest = version.manifest
    shapes = {given["source"]: _shape(project, given) for given in manifest["inputs"]}
    found = []
    for column, about in manifest["columns"].items():
        roots = (manifest.get("lineage") or {}).get(column, [column])
        made_from = tuple(f"bronze/{source}.{root}" for root in roots for source, shape in shapes.items() if root in shape)
        steps = tuple(step["step"] for step in manifest["recipe"] if _names(step["params"], column))
        found.append(ColumnOrigin(column, about["type"], made_from, steps))
    return tuple(found)


def row(project: Project, version: Version, row_id: str) -> RowOrigin:
    """The origin of a row of a version.

    Raises:
        NotFoundError: the version does not hold it.
    """
    if versions.index(project, version).filter(pl.col("_row_id") == row_id).select("_row_id").collect().is_empty():
        what = f"{version.dataset} {version.label} ({version.version}) does not hold row `{row_id}`"
        raise NotFoundError(what, fix=f"what became of it: lakehouse row trace {row_id}")
    return RowOrigin(trace(project, row_id), columns(project, version))


def _names(params: Mapping[str, Any], column: str) -> bool:
    """Whether parameters of a step name a column."""
    return any(column == value or (isinstance(value, list) and column in value) for value in params.values())


def _shape(project: Project, given: Mapping[str, Any]) -> dict[str, str]:
    """Own columns of a source as they were when it was read; none where its table is gone."""
    table = project.table("bronze", given["source"])
    if not table.exists():
        return {}
    return {name: str(dtype) for name, dtype in table.schema(given["delta_version"]).items() if name[0] != "_"}


def events(project: Project, version: Version) -> list[dict[str, Any]]:
    """The run events of a version: START and COMPLETE of its making, and of its judging where its gates were looked at."""
    manifest = version.manifest
    made_at = manifest["made_at"]
    inputs = [_dataset(project, f"bronze/{i['source']}", _source_facets(project, i)) for i in manifest["inputs"]]
    rows = sum(manifest["rows"].values())
    gold = _dataset(project, f"gold/{version.dataset}", _gold_facets(project, version))
    output = {**gold, "outputFacets": {"outputStatistics": _facet("outputStatistics", rowCount=rows)}}
    found = _run(project, "gold", version, made_at, inputs, [output])
    if version.gates is not None:
        judged = _judged_at(project, version) or made_at
        asserted = {"dataQualityAssertions": _facet("dataQualityAssertions", assertions=_assertions(version))}
        found += _run(project, "pilot", version, judged, [{**gold, "inputFacets": asserted}], [])
    return found


def _run(
    project: Project, job: str, version: Version, at: str, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    name = f"{job}/{version.dataset}"
    common = {
        "eventTime": at,
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{project.lake}/{name}/{version.version}/{at}"))},
        "job": {"namespace": f"lakehouse/{project.root.name}", "name": name},
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    plain = [[{key: each[key] for key in ("namespace", "name")} for each in part] for part in (inputs, outputs)]
    begun = {"eventType": "START", **common, "inputs": plain[0], "outputs": plain[1]}
    return [begun, {"eventType": "COMPLETE", **common, "inputs": inputs, "outputs": outputs}]


def _dataset(project: Project, table: str, facets: dict[str, Any]) -> dict[str, Any]:
    namespace, name = _place(project, table)
    return {"namespace": namespace, "name": name, "facets": facets}


def _place(project: Project, table: str) -> tuple[str, str]:
    if "://" not in project.lake:
        return "file", f"{project.lake}/{table}"
    url = urlsplit(project.lake)
    return f"{url.scheme}://{url.netloc}", f"{url.path}/{table}".lstrip("/")


def _facet(name: str, **values: Any) -> dict[str, Any]:
    url = _FACETS[name]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{url}.json#/$defs/{url.partition('/')[2]}", **values}


def _fields(shape: Mapping[str, str], words: Mapping[str, str | None] | None = None) -> list[dict[str, str]]:
    described = {name: text for name, text in (words or {}).items() if text}
    return [{"name": name, "type": kind, **({"description": described[name]} if name in described else {})} for name, kind in shape.items()]


def _source_facets(project: Project, given: Mapping[str, Any]) -> dict[str, Any]:
    facets = {
        "schema": _facet("schema", fields=_fields(_shape(project, given))),
        "version": _facet("version", datasetVersion=str(given["delta_version"])),
    }
    if given.get("description"):
        facets["documentation"] = _facet("documentation", description=given["description"])
    return facets


def _gold_facets(project: Project, version: Version) -> dict[str, Any]:
    manifest = version.manifest
    about = manifest["columns"]
    fields: dict[str, Any] = {}
    for origin in columns(project, version):
        made_from = [place.rpartition(".") for place in origin.made_from]
        places = [(*_place(project, table), field) for table, _, field in made_from]
        how = [{"type": "DIRECT", "description": ", ".join(origin.steps) or "as collected"}]
        fields[origin.column] = {
            "inputFields": [{"namespace": space, "name": name, "field": field, "transformations": how} for space, name, field in places]
        }
    metadata = manifest["metadata"]
    nulls = versions.rows(project, version).select(pl.col(list(about)).null_count()).collect().row(0, named=True)
    rows = sum(manifest["rows"].values())
    metrics = {column: {"nullCount": n, "count": rows - n} for column, n in nulls.items()}
    described = {name: each["description"] for name, each in about.items()}
    return {
        "schema": _facet("schema", fields=_fields({name: each["type"] for name, each in about.items()}, described)),
        "version": _facet("version", datasetVersion=version.version),
        "documentation": _facet("documentation", description=metadata["description"]),
        "ownership": _facet("ownership", owners=[{"name": metadata["owner"]}]),
        "columnLineage": _facet("columnLineage", fields=fields),
        "dataQualityMetrics": _facet("dataQualityMetrics", rowCount=rows, columnMetrics=metrics),
    }


def _assertions(version: Version) -> list[dict[str, Any]]:
    """Every check of the contract, which all rows keep, and the verdict of every gate."""
    kept = [(column, check) for column, about in version.manifest["columns"].items() for check in about["checks"]]
    found: list[dict[str, Any]] = [{"assertion": check, "success": True, "column": column} for column, check in kept]
    verdicts = (version.gates or {}).get("verdicts") or []
    return found + [{"assertion": str(each.get("gate") or each.get("metric")), "success": bool(each.get("passed"))} for each in verdicts]


def _judged_at(project: Project, version: Version) -> str | None:
    of_version = (pl.col("version") == version.version) & (pl.col("event") == "gated")
    times = versions.events(project, version.dataset).filter(of_version)["at"]
    return times[-1].isoformat() if len(times) else None
