"""Discovery of a file, a folder or a source from a bounded sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import polars as pl
import polars_hash as plh

from lakehouse.core.errors import SourceError
from lakehouse.core.project import Project
from lakehouse.core.row_model import READ
from lakehouse.core.runs.lock import locked
from lakehouse.core.spec.column_type import written
from lakehouse.core.spec.source import Column
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.batches import BATCH_BYTES, Batches
from lakehouse.reserve.bronze.values import live_rows
from lakehouse.reserve.discovery.column_form import form, form_of_json, other_reading
from lakehouse.reserve.discovery.columns import ColumnProfile, described, named_like_a_key, named_like_a_label
from lakehouse.reserve.discovery.drift import DriftComparison, moved
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.discovery.grading import Grading, declared, graded
from lakehouse.reserve.discovery.json_kinds import together
from lakehouse.reserve.discovery.likeness import alike
from lakehouse.reserve.discovery.looked_at import Group, files_in, is_packed, looked_at, members_of
from lakehouse.reserve.discovery.patterns import pattern
from lakehouse.reserve.discovery.reading_notes import pattern_notes, reading_notes
from lakehouse.reserve.discovery.sampling import ITEMS
from lakehouse.reserve.discovery.texts import Copies, copies, languages, tokens
from lakehouse.reserve.formats.columns import fitted
from lakehouse.reserve.formats.wrong_texts import wrong_texts
from lakehouse.reserve.material import ALIASES, own_name
from lakehouse.reserve.source import material_of

_A_FILE_IS_AN_ITEM = ("document", "image", "audio", "video", "text")
"""Formats of which a folder has as many items as files, whatever their sizes."""


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """The result of a discovery.

    Attributes:
        path: of the file or folder, or the source's name.
        groups: the files by media type, the largest group first.
        described: the file whose encoding and layout are those of the sample, without an encoding where its files have several; None for
            a source.
        rows: of the whole, estimated unless `whole`; `tokens` likewise: words, each Han character as one.
        sampled: items of the sample.
        bytes: bytes of the sample.
        whole: the sample is all there is.
        findings: sampled items that cannot be read, by finding.
        keys: columns that are unique and never null in the sample, and hold no private data: a key is part of every row's id.
        label: the likeliest label column, if any.
        text: the likeliest text column, if any.
        notes: what the user should know: misleading names, files left out.
        names: the files that are read, by their paths below the folder or in the archive.
        pattern: what of a folder is read, behind its path, such as `**/*.csv`; empty: all of it.
        members: of an archive, the pattern of those that are read; None: it is none.
        drift: of a source that was collected before, by column.
    """

    path: str
    groups: tuple[Group, ...]
    described: Look | None
    columns: tuple[ColumnProfile, ...]
    rows: int
    tokens: int
    sampled: int
    bytes: int
    whole: bool
    findings: dict[str, int]
    keys: tuple[str, ...]
    label: str | None
    text: str | None
    copies: Copies | None
    grading: Grading | None
    privacy: dict[str, list[str]]
    notes: tuple[str, ...]
    names: tuple[str, ...] = ()
    pattern: str = ""
    members: str | None = None
    drift: tuple[DriftComparison, ...] = ()


_NOTHING = Discovery(
    path="",
    groups=(),
    described=None,
    columns=(),
    rows=0,
    tokens=0,
    sampled=0,
    bytes=0,
    whole=False,
    findings={},
    keys=(),
    label=None,
    text=None,
    copies=None,
    grading=None,
    privacy={},
    notes=(),
)


def discover(path: Path) -> Discovery:
    """Discover a file, a folder or an archive.

    Raises:
        SourceError: nothing can be discovered: it does not exist, is empty, cannot be read, or holds bytes of no known format.
    """
    if not is_packed(path):
        return _discovered(path, files_in(path))
    with members_of(path) as files:
        return _discovered(path, files)


def _discovered(path: Path, files: dict[str, Path]) -> Discovery:
    seen = looked_at(path, files)
    notes = list(seen.notes)
    held = alike(seen.looks)
    if held is None:
        return replace(_NOTHING, path=str(path), groups=seen.groups, notes=tuple(notes))
    notes += held.notes
    main, looks = held.main, list(seen.looks.values())
    rows = pl.concat([one.rows for one in held.samples.values()], how="diagonal_relaxed")
    good = rows.filter(pl.col("_findings").list.len() == 0).drop(READ.names())
    if rows.is_empty() or not good.width:
        empty = "it holds no item" if rows.is_empty() else "its items have no columns"
        raise SourceError(empty, where=str(path), fix="name other material")
    if good.is_empty():
        raise SourceError("no item can be read", where=str(path), fix="is it of another format? look at its first lines")
    if (titles := _repeated_headers(good, main)).any():
        notes.append(f"{titles.sum():,} of the sampled rows repeat the header; they are kept as rows of data, or become findings")
        good = good.filter(~titles)
    names = dict.fromkeys(name for one in held.samples.values() for name in one.kinds)
    forms = {name: _form(good[name], [one.kinds.get(name, "null") for one in held.samples.values()], main) for name in names}
    sampled = sum(one.share * seen.looks[name].size for name, one in held.samples.items())
    share = sampled / max(1, sum(seen.looks[name].size for name in held.alike))
    types = {seen.looks[name].type for name in held.alike}
    count, size = (sum(n) for n in zip(*((group.files, group.bytes) for group in seen.groups if group.type in types), strict=True))
    of_types = [one for one in looks if one.type in types]
    whole = len(held.samples) == len(held.alike) and all(one.whole for one in held.samples.values()) and count == len(of_types)
    total = rows.height / max(share, 1e-9) * size / max(1, sum(one.size for one in of_types))
    if main.format in _A_FILE_IS_AN_ITEM:
        total = len(held.alike) * count / len(of_types)
    found = _described(str(path), good, forms, rows.height if whole else round(total), rows.height)
    packed = path.is_file() and files != {path.name: path}
    others = [name for name in (*seen.looks, *seen.unread) if name not in held.alike]
    read = pattern(held.alike, others, held.main_name, archive=packed)
    notes += [*reading_notes(main), *pattern_notes(read, seen.names, "archive" if packed else "folder")]
    notes += [f"column `{own_name(name)}` is the `{name}` of the file" for name in ALIASES if own_name(name) in names]
    if finer := sorted({name for one in held.samples.values() for name in one.finer}):
        notes.append(f"times of {', '.join(f'`{name}`' for name in finer)} are cut to the microsecond: a table keeps no finer ones")
    if repeated := sum(one.repeated for one in held.samples.values()):
        notes.append(f"{repeated:,} of the sampled objects have a key twice: the last value counts")
    notes += wrong_texts(good)
    read_in = Counter(one.encoding.name for name in held.alike if (one := seen.looks[name]).encoding is not None)
    if len(read_in) > 1:
        listed = ", ".join(f"{name} ({n:,})" for name, n in read_in.most_common())
        notes.append(f"its files are in {len(read_in)} encodings, each read in its own: {listed}")
        main = replace(main, encoding=None)
    return replace(
        found,
        groups=seen.groups,
        described=main,
        bytes=sum(one.bytes for one in held.samples.values()),
        whole=whole,
        findings=_counted(rows),
        notes=tuple(notes),
        names=tuple(name for name in seen.names if read.matches(name)),
        pattern="" if packed else read.path,
        members=read.path if packed else None,
    )


def discover_source(project: Project, name: str) -> Discovery:
    """Discover the present material of a declared source, and its drift against the last collection.

    The material is read through once and a sample of equal chances is kept; of bronze likewise.

    Raises:
        NotFoundError, SpecError: no such source, or wrongly declared. SourceError: it cannot be fetched or read.
    """
    with locked(project, f"source {name}"):  # what is elsewhere lands first
        files = material_of(project, name, lambda found: False).files(project)
    table = bronze.table(project, name)
    version = table.version()
    batches = Batches(project, project.source(name), files, BATCH_BYTES, bronze.stored_columns(project, name, version))
    rows, total, size = _even_sample(batches)
    if rows.is_empty():
        raise SourceError(f"source {name} holds no item", fix="look at its material")
    good = rows.filter(pl.col("_findings").list.len() == 0).select(list(batches.own))
    declared = project.source(name).columns or {}
    forms = {c: declared.get(c) or Column(type=batches.kinds.get(c) or written(dtype)) for c, dtype in batches.own.items()}
    found = _described(name, good, forms, total, rows.height)
    drift: tuple[DriftComparison, ...] = ()
    notes = ["never collected: nothing to compare with"] if version is None else []
    if version is not None:
        live = bronze.live_index(project, name, version=version)
        kept = live.sample(min(ITEMS, live.height), seed=7)["_row_id"]
        had = [c for c in batches.own if c in table.schema(version)]
        before = live_rows(project, name, ["_findings", *had], of=kept).filter(pl.col("_findings").list.len() == 0)
        try:
            drift = moved(before.select(had).collect(), good, found.columns, live.height, total)
        except SourceError:
            if not bronze.is_virtual(project, name):
                raise
            notes.append("the rows that were indexed are not there any more as they were: the drift cannot be measured")
    types = Counter(files_.format for files_ in files)
    groups = tuple(Group(kind, n, size if len(types) == 1 else 0) for kind, n in types.most_common())
    notes += batches.warnings if {"garbled_share"} <= set(batches.own) else [*batches.warnings, *wrong_texts(good)]
    found = replace(found, groups=groups, bytes=size, whole=rows.height == total)
    return replace(found, findings=_counted(rows), notes=tuple(notes), drift=drift)


def _even_sample(batches: Batches) -> tuple[pl.DataFrame, int, int]:
    """About ITEMS rows, each with the same chance (by a hash of file and position); rows and bytes of all."""
    held: list[pl.DataFrame] = []
    place: pl.Expr = plh.concat_str("_file", pl.lit(":"), pl.col("_position").cast(pl.String)).chash.sha2_256()
    limit, total, size, count = "g", 0, 0, 0  # above every hex digit
    for frame in batches:
        total += frame.height
        size += int(frame["_bytes"].sum())
        kept = frame.with_columns(place.alias("_chance")).filter(pl.col("_chance") <= limit)
        held.append(kept)
        count += kept.height
        if count > 2 * ITEMS:
            lowest = pl.concat(held).bottom_k(ITEMS, by="_chance")
            held, count = [lowest], lowest.height
            limit = str(lowest["_chance"].max())
    rows = pl.concat(held).bottom_k(ITEMS, by="_chance") if held else pl.DataFrame()
    return rows, total, size


def _described(path: str, good: pl.DataFrame, forms: dict[str, Column], rows: int, sampled: int) -> Discovery:
    """The profile of the readable rows of a sample."""
    fit = {name: form.dtype for name, form in forms.items()}
    bare = good.with_columns(pl.lit([], pl.List(pl.String)).alias("_findings"), pl.lit(None, pl.Binary).alias("_raw"))
    typed_rows = fitted(bare, {**fit, "_findings": pl.List(pl.String()), "_raw": pl.Binary()}, forms)
    columns = [described(typed_rows[name], form) for name, form in forms.items()]
    columns = [_noted(column, good[column.name]) for column in columns]
    columns = [replace(c, languages=languages(typed_rows[c.name])) if c.role == "text" else c for c in columns]
    texts = [c for c in columns if c.role == "text"] or [c for c in columns if c.type == "string" and len(columns) == 1]
    text = max(texts, key=lambda c: c.length or 0, default=None)
    labels = sorted((c for c in columns if c.role == "label"), key=lambda c: (not named_like_a_label(c), c.type != "string"))
    strings = [typed_rows[c.name] for c in columns if typed_rows[c.name].dtype == pl.String]
    factor = rows / max(1, sampled)
    chinese = text is not None and next(iter(text.languages), "") in ("zh", "ja", "th")
    return Discovery(
        path=path,
        groups=(),
        described=None,
        columns=tuple(columns),
        rows=rows,
        tokens=round(sum(map(tokens, strings)) * factor),
        sampled=sampled,
        bytes=0,
        whole=False,
        findings={},
        keys=tuple(c.name for c in columns if c.role == "key" and not c.is_private and named_like_a_key(c)),
        label=labels[0].name if labels else None,
        text=text.name if text is not None else None,
        copies=copies(typed_rows[text.name], chinese=chinese) if text is not None else None,
        grading=graded(columns, rows, sampled),
        privacy=declared(columns),
        notes=(),
    )


def _noted(column: ColumnProfile, values: pl.Series) -> ColumnProfile:
    if column.form.format is None or values.dtype != pl.String:
        return column
    other = other_reading(values, column.form.format)
    return column if other is None else replace(column, note=f"all values can be read as {other} too")


def _form(values: pl.Series, kinds: Sequence[str], main: Look) -> Column:
    """The type of a column, and how its values are written, by the sampled ones."""
    if main.layout is not None and main.layout.structure == "csv":
        return form(values, main.layout.separator)
    known = reduce(together, kinds, "null")
    if main.layout is None and main.record is not None and known in ("string", "null"):
        return form(values)  # of XML
    if main.layout is None or main.layout.structure in ("lines", "text"):
        return Column(type="string" if known == "null" else known)
    return form_of_json(values, known)


def _repeated_headers(good: pl.DataFrame, main: Look) -> pl.Series:
    """Which rows of a CSV file are its header again, as where files were put behind each other."""
    if main.layout is None or main.layout.structure != "csv" or not main.layout.header or good.width < 2:
        return pl.Series([False] * good.height, dtype=pl.Boolean)
    again = good.select(pl.all_horizontal(pl.col(name).eq_missing(pl.lit(name)) for name in good.columns)).to_series()
    return again if not again.all() else again & False


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.select(pl.col("_findings").list.explode(empty_as_null=False)).to_series().value_counts(sort=True).iter_rows())
