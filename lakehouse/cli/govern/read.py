"""Command `govern read`: a table read as the policy allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import polars as pl

from lakehouse.cli import terminal
from lakehouse.cli.values import readable
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.governance.access.door import reading
from lakehouse.governance.access.policy import Operator

_WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    ".parquet": lambda rows, to: rows.write_parquet(to),
    ".csv": lambda rows, to: rows.write_csv(to),
    ".jsonl": lambda rows, to: rows.write_ndjson(to),
}


@click.command("read")
@click.argument("table")
@click.option("--as", "principal", required=True, metavar="WHO", help="Your principal, one of those in assets/access.yaml.")
@click.option("--for", "purpose", required=True, metavar="PURPOSE", help="What for: a purpose of assets/access.yaml.")
@click.option("--columns", metavar="A,B", help="Only these columns; the read fails if the policy hides one.")
@click.option("--where", nargs=3, multiple=True, metavar="COLUMN OP VALUE", help='Only such rows: `--where label "==" positive`.')
@click.option("--version", default=None, help="Of gold a label or id, of another table a Delta version.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many rows; 20 where they are printed.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this .parquet, .csv or .jsonl file.")
@terminal.json_option
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

    Example: lakehouse govern read gold/reviews --as ana --for annotation --columns text,label --limit 5
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
        terminal.dump(
            {"role": done.role, "version": done.version, "left_out": list(done.left_out), "rows": [] if out else done.rows.to_dicts()}
        )
        return
    if out is None:
        rows = [[readable(value) for value in row] for row in done.rows.rows()]
        terminal.table(f"{table}, {done.version}", done.rows.columns, rows)
    terminal.out.print(f"{counted(done.rows.height, 'row')} as role {done.role}" + (f": {out}" if out else ""))
    if done.left_out:
        terminal.out.print(f"  left out, too sensitive for this role: {', '.join(done.left_out)}")


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
