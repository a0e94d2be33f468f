"""Commands that govern: standards, sensitivity, read, audit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core.errors import FactoryError, NotFoundError
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.sensitivity import WORDS, levels_of_source
from lakehouse.core.spec import standards
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.governance import audit
from lakehouse.governance.access.door import reading
from lakehouse.governance.access.policy import Operator
from lakehouse.production.sensitive import levels_of_dataset, uses

_WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    ".parquet": lambda rows, to: rows.write_parquet(to),
    ".csv": lambda rows, to: rows.write_csv(to),
    ".jsonl": lambda rows, to: rows.write_ndjson(to),
}


@click.command("standards")
@show.json_option
def standards_command(as_json: bool) -> None:
    """List the fields of assets/standards, and the columns that are one.

    Example: lakehouse standards
    """
    project = Project.find()
    known = standards.load(project.root)
    used = uses(project)
    if as_json:
        show.dump(
            [{"name": d.name, "standard": d.standard, **d.field.model_dump(), "used_by": used.get(d.name, [])} for d in known.values()]
        )
        return
    for d in known.values():
        f = d.field
        kind = f.type + (f" in {f.unit}" if f.unit else "") + (f", one of {', '.join(f.codes)}" if f.codes else "")
        kind += f", matches {f.pattern}" if f.pattern else ""
        words = f"{kind}; {f.sensitivity} {WORDS[f.sensitivity]}" + (f"; {f.category}" if f.category else "")
        show.out.print(f"[bold]{d.name}[/] {escape(f.meaning)} {escape(f.meaning_zh)}", soft_wrap=True)
        show.out.print(f"  {escape(words)}; used by {', '.join(used.get(d.name, [])) or 'no column'}", soft_wrap=True)


@click.command("sensitivity")
@click.argument("names", nargs=-1)
@show.json_option
def sensitivity_command(names: tuple[str, ...], as_json: bool) -> None:
    """Show how sensitive the columns of sources and datasets are, and why; all of them unless named.

    Example: lakehouse sensitivity reviews
    """
    project = Project.find()
    known = {**{f"bronze/{s}": s for s in project.sources}, **{f"gold/{d}": d for d in project.datasets}}
    for name in names:
        if name not in {*known, *known.values()}:
            raise NotFoundError(f"no source or dataset `{name}`", fix=suggest(name, known.values()))
    found = {
        table: levels_of_source(project, name) if table.startswith("bronze/") else levels_of_dataset(project, name)
        for table, name in known.items()
        if not names or table in names or name in names
    }
    if as_json:
        show.dump({table: {column: level.as_json() for column, level in levels.items()} for table, levels in found.items()})
        return
    rows = [
        (f"{table}.{column}", f"{level.level} {WORDS[level.level]}", escape(level.because))
        for table, levels in found.items()
        for column, level in levels.items()
    ]
    show.table("Sensitivity", ["column", "level", "why"], rows)


@click.command("read")
@click.argument("table")
@click.option("--as", "principal", required=True, metavar="WHO", help="Who reads, as assets/access.yaml names them.")
@click.option("--for", "purpose", required=True, metavar="PURPOSE", help="What for: a purpose of assets/access.yaml.")
@click.option("--columns", metavar="A,B", help="Only these columns; refused if one of them may not be seen.")
@click.option("--where", nargs=3, multiple=True, metavar="COLUMN OP VALUE", help='Only such rows: `--where label "==" positive`.')
@click.option("--version", default=None, help="Of gold a label or id, of another table a Delta version.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows; 20 where they are printed.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this .parquet, .csv or .jsonl file.")
@show.json_option
def read_command(
    table: str,
    principal: str,
    purpose: str,
    columns: str | None,
    where: tuple[tuple[str, Operator, str], ...],
    version: str | None,
    limit: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Read a table as the policy allows; the read, or its refusal, is in the audit log.

    Example: lakehouse read gold/reviews --as ana --for annotation --columns text,label --limit 5
    """
    if out is not None and out.suffix not in _WRITERS:
        raise click.UsageError(f"--out ends with one of {', '.join(_WRITERS)}")
    project = Project.find()
    asked = columns.split(",") if columns else None
    most = limit or (None if out is not None else 20)
    compared = [(column, op, _value(value)) for column, op, value in where]
    done = reading(project, table, principal, purpose, columns=asked, where=compared, version=version, limit=most)
    if out is not None:
        with whole(out) as part:
            _WRITERS[out.suffix](done.rows, part)
    if as_json:
        show.dump(
            {"role": done.role, "version": done.version, "left_out": list(done.left_out), "rows": [] if out else done.rows.to_dicts()}
        )
        return
    if out is None:
        rows = [[None if value is None else escape(str(value)) for value in row] for row in done.rows.rows()]
        show.table(f"{table}, {done.version}", done.rows.columns, rows)
    show.out.print(f"{done.rows.height:,} rows as role {done.role}" + (f": {out}" if out else ""))
    if done.left_out:
        show.out.print(f"  left out, too sensitive for this role: {', '.join(done.left_out)}")


def _value(text: str) -> str | int | float | bool:
    """A value as it was typed: a whole number, a number, true or false, else text; a quoted one is text."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@click.command("audit")
@click.option("--verify", is_flag=True, help="Check the chain: whether an entry was changed, taken out, moved or cut off.")
@click.option("--who", metavar="WHO", help="Only entries of this principal.")
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True, help="So many of the newest entries.")
@show.json_option
def audit_command(verify: bool, who: str | None, last: int, as_json: bool) -> None:
    """List reads, refusals, releases, downgrades, retirements and decisions, newest last.

    Example: lakehouse audit --verify
    """
    project = Project.find()
    if verify:
        problems = audit.verify(project)
        n = audit.entries(project).height
        if as_json:
            show.dump({"entries": n, "problems": problems})
        elif not problems:
            show.out.print(f"{n:,} entries, each as it was written")
        if problems:
            if not as_json:
                listed = "".join(f"\n  - {problem}" for problem in problems[:20])
                raise FactoryError(f"the audit log is not as it was written:{listed}", where="system/audit", fix="compare it with a backup")
            raise click.exceptions.Exit(1)
        return
    found = audit.entries(project, who).tail(last)
    if as_json:
        show.dump(found)
        return
    for e in found.iter_rows(named=True):
        counted = f" {e['rows']:,} rows" if e["rows"] is not None else ""
        what = f"{e['principal']} {e['action']} {e['table']}" + (f" {e['version']}" if e["version"] else "") + counted
        why = "".join(f"; {each}" for each in (e["purpose"], e["detail"]) if each)
        show.out.print(f"{e['seq']:>5} {e['at'][:19]} [bold]{e['outcome']}[/] {escape(what + why)}", soft_wrap=True)
