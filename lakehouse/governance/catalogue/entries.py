"""Entries of the catalogue: sources, datasets, versions, standard fields and columns, from declarations and the register alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import WORDS, ColumnSensitivity, highest, levels_of_source
from lakehouse.core.spec import Dataset, Level, Source, standards
from lakehouse.core.versions import Version
from lakehouse.production.column_sensitivity import levels_of_dataset

FACETS = ("kind", "owner", "licence", "language", "task", "category", "sensitivity", "grade", "released")


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """Something that can be found.

    Attributes:
        kind: source, dataset, version, standard or column.
        title: what it is in one line.
        text: all other words it is found by.
        facets: values by name, of FACETS.
        see: the command that shows more.
    """

    kind: str
    name: str
    title: str
    text: str
    facets: Mapping[str, tuple[str, ...]]
    see: str


def entries(project: Project) -> list[CatalogueEntry]:
    """Everything in the catalogue of a project, in the order of kinds."""
    fields = standards.load(project.root)
    found = [entry for name in project.sources for entry in _source(project, name, fields)]
    for name in project.datasets:
        found += _dataset(project, name, fields)
    found += [_standard(defined) for defined in fields.values()]
    order = ("dataset", "source", "version", "standard", "column")
    return sorted(found, key=lambda entry: order.index(entry.kind))


def _facets(kind: str, **given: str | tuple[str, ...] | None) -> dict[str, tuple[str, ...]]:
    values = {name: value if isinstance(value, tuple) else (value,) for name, value in given.items() if value}
    return {"kind": (kind,), **values}


def _level(level: Level) -> str:
    return f"{level} {WORDS[level]}"


def _source(project: Project, name: str, fields: Mapping[str, standards.FieldDefinition]) -> Iterator[CatalogueEntry]:
    spec: Source = project.source(name)
    levels = levels_of_source(project, name)
    held = [fields[field].field for field in spec.standards.values() if field in fields]
    facets = _facets(
        "source",
        owner=spec.owner,
        licence=spec.license,
        sensitivity=_level(highest(levels.values()).level),
        category=tuple(dict.fromkeys(field.category for field in held if field.category)),
    )
    words = [spec.connector.name, *levels, *(kind for kinds in spec.privacy.values() for kind in kinds)]
    yield CatalogueEntry(
        kind="source", name=name, title=spec.description, text=" ".join(words), facets=facets, see=f"lakehouse source screen {name}"
    )
    for column, level in levels.items():
        given = spec.standards.get(column)
        field = fields[given].field if given and given in fields else None
        title = f"{field.meaning} {field.meaning_zh}" if field else f"Column of {name}."
        yield _column(f"bronze/{name}.{column}", title, spec.owner, level, field, f"{(spec.columns or {}).get(column, '')}", name)


def _dataset(project: Project, name: str, fields: Mapping[str, standards.FieldDefinition]) -> Iterator[CatalogueEntry]:
    spec: Dataset = project.dataset(name)
    columns = project.contract(spec).columns
    levels = levels_of_dataset(project, name)
    known = versions.versions(project, name)
    current = known[-1] if known else None
    release = spec.release
    own = _facets(
        "dataset",
        owner=spec.owner,
        licence=release.license if release else None,
        language=tuple(release.language) if release else (),
        task=tuple(release.tasks) if release else (),
        sensitivity=_level(highest(levels.values()).level),
        grade=current.grade if current else None,
        released="yes" if any(v.released_at for v in known) else "no",
    )
    words = [*spec.sources, *columns, *(str(about["description"] or "") for about in columns.values()), *(c.name for c in spec.recipe)]
    yield CatalogueEntry(
        kind="dataset", name=name, title=spec.description, text=" ".join(words), facets=own, see=f"lakehouse version list {name}"
    )
    for version in known:
        yield _version(version, own)
    for column, about in columns.items():
        given = (about.get("standard") or {}).get("name")
        field = fields[given].field if given and given in fields else None
        words = [about["type"], *about["checks"], name]
        yield _column(f"gold/{name}.{column}", about["description"] or f"Column of {name}.", spec.owner, levels[column], field, *words)


def _version(version: Version, own: Mapping[str, tuple[str, ...]]) -> CatalogueEntry:
    rows = sum(version.manifest["rows"].values())
    reasons = "; ".join(version.manifest["change"]["reasons"])
    facets = {
        **{name: values for name, values in own.items() if name in ("owner", "licence", "language", "task")},
        **_facets("version", grade=version.grade, released="yes" if version.released_at else "no"),
    }
    if levels := (version.manifest.get("metadata") or {}).get("sensitivity"):
        facets["sensitivity"] = (_level(highest(ColumnSensitivity(each["level"], "") for each in levels.values()).level),)
    retired = f"; retired: {version.retirement}" if version.retired else ""
    title = f"{rows:,} rows; {reasons}{retired}"
    see = f"lakehouse govern read gold/{version.dataset} --version {version.label}"
    return CatalogueEntry(
        kind="version",
        name=f"{version.dataset} {version.label}",
        title=title,
        text=f"{version.version} {' '.join(version.labels)}",
        facets=facets,
        see=see,
    )


def _standard(defined: standards.FieldDefinition) -> CatalogueEntry:
    field = defined.field
    facets = _facets("standard", owner=defined.owner, sensitivity=_level(field.sensitivity), category=field.category)
    codes = [word for code, meaning in (field.codes or {}).items() for word in (code, meaning)]
    words = " ".join([defined.standard, field.type, field.unit or "", *codes, *field.privacy])
    return CatalogueEntry(
        kind="standard",
        name=defined.name,
        title=f"{field.meaning} {field.meaning_zh}",
        text=words,
        facets=facets,
        see="lakehouse govern standards",
    )


def _column(name: str, title: str, owner: str, level: ColumnSensitivity, field: standards.Standard | None, *words: str) -> CatalogueEntry:
    facets = _facets("column", owner=owner, sensitivity=_level(level.level), category=field.category if field else None)
    codes = [word for code, meaning in ((field.codes if field else None) or {}).items() for word in (code, meaning)]
    table = name.partition(".")[0].partition("/")[2]
    return CatalogueEntry(
        kind="column",
        name=name,
        title=title,
        text=" ".join([*words, *codes, level.because]),
        facets=facets,
        see=f"lakehouse govern sensitivity {table}",
    )
