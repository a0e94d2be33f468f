"""Command `discover`: what a file, a folder or a source holds."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.authoring.source_file import write_source
from lakehouse.cli import terminal
from lakehouse.core.errors import NotFoundError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.discovery.columns import ColumnProfile
from lakehouse.reserve.discovery.discover import Discovery, discover, discover_source
from lakehouse.reserve.discovery.file_type import Look


@click.command("discover")
@click.argument("material", metavar="PATH|SOURCE")
@click.option("--name", default=None, help="Name of the source to write; default: that of the file, with `_raw`.")
@click.option("--write", is_flag=True, help="Write assets/sources/NAME.yaml.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the profile to this PNG file.")
@terminal.json_option
def discover_command(material: str, name: str | None, write: bool, picture: Path | None, as_json: bool) -> None:
    """Say what a file, a folder or a declared source holds, from a sample: type, encoding, columns, private data, copies, drift.

    Example: lakehouse discover ~/tickets.csv --write
    """
    path = Path(material).expanduser()
    declared = not path.exists()
    if declared and write:
        raise SourceError(f"`{material}` does not exist", fix="--write takes a file or a folder")
    found = _of_source(material) if declared else discover(path)
    written = write_source(Project.find(), found, name) if write else None
    if picture is not None:
        from lakehouse.reserve.discovery.picture import profile_picture

        picture.write_bytes(profile_picture(found))
    if as_json:
        terminal.dump({**asdict(replace(found, names=())), "written": asdict(written) if written else None})
        return
    _print(found)
    if picture is not None:
        terminal.out.print(f"Profile: {picture}")
    if written is not None:
        terminal.out.print(f"Written: {written.file}", soft_wrap=True)
        terminal.out.print(f"Next: set owner and license, then lakehouse check && lakehouse collect {written.source}")


def _of_source(name: str) -> Discovery:
    """A declared source; what is neither that nor a path gets one message."""
    try:
        return discover_source(Project.find(), name)
    except NotFoundError as error:
        raise SpecError(f"`{name}` is no file, no folder and no declared source", fix=error.fix) from error


def _print(found: Discovery) -> None:
    terminal.out.print(f"[bold]{escape(found.path)}[/]", soft_wrap=True)
    for group in found.groups:
        size = f", {group.bytes:,} bytes" if group.bytes else ""
        terminal.out.print(f"  {group.type}: {group.files:,} file{'s' if group.files > 1 else ''}{size}")
    for note in found.notes:
        terminal.out.print(f"  [yellow]note[/] {escape(note)}")
    if not found.columns:
        return
    if found.described is not None:
        terminal.out.print(f"  {_laid_out(found.described)}")
    about = "" if found.whole else "about "
    read = "all of it" if found.whole else f"a sample of {found.sampled:,} items, {found.bytes:,} bytes"
    terminal.out.print(f"  {about}{found.rows:,} rows, {about}{found.tokens:,} words (each Han character one); read: {read}")
    if found.findings:
        terminal.out.print(f"  cannot be read: {', '.join(f'{k} {n:,}' for k, n in found.findings.items())}")
    rows = [(c.name, _kind(c), c.role, f"{c.nulls:.1%}", f"{c.distinct:.1%}", _holds(c)) for c in found.columns]
    terminal.table("\nColumns", ["column", "type", "as", "null", "distinct", "holds"], rows, right=["null", "distinct"])
    for column in found.columns:
        if column.name == found.label and column.values:
            total = sum(column.values.values())
            shares = ", ".join(f"{escape(v)} {n / total:.1%}" for v, n in list(column.values.items())[:8])
            more = f" and {len(column.values) - 8} more" if len(column.values) > 8 else ""
            terminal.out.print(f"Label `{escape(column.name)}`: {shares}{more}")
    if found.copies is not None and found.text is not None:
        exact, near = found.copies.exact, found.copies.near
        terminal.out.print(f"Copies in `{escape(found.text)}`, in the sample: {exact:.1%} exact, {near:.1%} exact or near")
    private = [(c.name, kind, n) for c in found.columns for kind, n in c.private.items()]
    private += [(c.name, f"{c.named} (by its name)", found.sampled) for c in found.columns if c.named]
    if private:
        terminal.table("\nPrivate data", ["column", "kind", "sampled rows"], private, right=["sampled rows"])
    if found.grading is not None:
        classes = ", ".join(found.grading.classes) or "none"
        terminal.out.print(f"\nSuggested: class {classes}; grade [bold]{found.grading.grade}[/] ({'; '.join(found.grading.reasons)})")
    if found.privacy:
        terminal.out.print(f"privacy: {escape(str(found.privacy))}")
    if found.drift:
        drift = [(m.what, m.measure, m.psi, m.verdict, m.evidence) for m in found.drift]
        terminal.table("\nAgainst the last collection", ["column", "of its", "PSI", "verdict", "what changed most"], drift, right=["PSI"])


def _laid_out(described: Look) -> str:
    layout, found = described.layout, described.encoding
    if layout is None:
        return "types as the file has them"
    encoding_words = "several encodings" if found is None else f"{found.name} (confidence {found.confidence:.2f})"
    encoding_words += f", {layout.structure.replace('_', ' ')}"
    if layout.structure != "csv":
        return encoding_words
    skipped = f", {layout.skip_after_header} lines after it skipped" if layout.skip_after_header else ""
    return f"{encoding_words}, separator {layout.separator!r}, quote {layout.quote!r}, {'a' if layout.header else 'no'} header{skipped}"


def _kind(column: ColumnProfile) -> str:
    return f"{column.type} {column.form.format}" if column.form.format else column.type


def _holds(column: ColumnProfile) -> str:
    if column.languages:
        shares = ", ".join(f"{code} {share:.0%}" for code, share in list(column.languages.items())[:3] if share >= 0.005)
        return f"{shares}; {column.length:.0f} characters on average, at most {column.longest:,}"
    if column.is_private:
        return "private: not shown"
    if column.span is not None:
        return column.span
    return ", ".join(column.examples) or "nothing"
