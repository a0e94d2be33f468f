"""Command `plan`: what a run would change, and what a demand still takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import dataset_names, report_broken
from lakehouse.core.docs import page
from lakehouse.core.errors import FactoryError, SpecError
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted, size
from lakehouse.operations import line
from lakehouse.operations.planning import plan as planning
from lakehouse.operations.planning.costs import Yield
from lakehouse.operations.planning.picture import volumes_picture
from lakehouse.operations.planning.plan import Deadline, Plan
from lakehouse.production.inspection.preview import Preview, blocked


@click.command("plan")
@click.argument("datasets", nargs=-1)
@click.option("--keep", "kept", is_flag=True, help="Keep the estimate as the plan; what comes is shown against it from then on.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture of what is there and wanted (PNG).")
@terminal.json_option
def plan_command(datasets: tuple[str, ...], kept: bool, picture: Path | None, as_json: bool) -> None:
    """Show what a run would change, and what a dataset's demand still takes. Sources are not read again.

    The demand is what the dataset file declares under `demand`: rows, tokens, rows by class and language, quality, a deadline.

    Example: lakehouse plan reviews
    """
    project = Project.find()
    names = dataset_names(project, datasets)
    found = line.plans(project, names) if len(names) == 1 else list(_each(project, names))
    wanted = [name for name in names if project.dataset(name).demand is not None]
    if (kept or picture is not None) and not wanted:
        raise SpecError("no dataset named here declares a demand", fix=f"declare `demand:` in its file; see {page('planning.md')}")
    demands = [planning.keep(project, name) if kept else planning.plan(project, name) for name in wanted]
    if picture is not None:
        with whole(picture) as part:
            part.write_bytes(volumes_picture(demands))
    if as_json:
        of = {made.dataset: planning.as_json(made) for made in demands}
        terminal.dump([{**asdict(each), "demand": of.get(each.dataset)} for each in found])
    else:
        _show(found, demands)
        if kept:
            terminal.out.print(f"\nkept as the plan of {', '.join(made.dataset for made in demands)}")
    if not datasets:
        report_broken(project)


def _each(project: Project, names: list[str]) -> Iterator[Preview]:
    """The previews of several datasets; one that cannot be planned says why, and the others are shown."""
    seen: set[str] = set()
    for wanted in names:
        try:
            previews = line.plans(project, [wanted])
        except FactoryError as error:
            previews = [blocked(wanted, [f"cannot be made: {error.what}"], gold=())]
        yield from (each for each in previews if each.dataset not in seen)
        seen |= {each.dataset for each in previews}


def _show(found: list[Preview], demands: list[Plan]) -> None:
    rows: list[tuple[object, ...]] = []
    for p in found:
        what = "nothing to do" if not p.silver and not p.gold else "new version" if p.version is None else f"as {p.version} before"
        why = "; ".join(dict.fromkeys([*p.silver, *p.gold])) or "-"
        rows.append((p.dataset, what, p.measure, p.withdrawn, why))
    terminal.table("Plan", ["dataset", "outcome", "measured", "withdrawn", "why"], rows, right=["measured", "withdrawn"])
    for made in demands:
        _show_demand(made)


def _show_demand(plan: Plan) -> None:
    """Print what is wanted, there and missing, what the missing takes, and how a kept plan goes."""
    columns = ["what", "wanted", "there", "missing", "to collect", "95 %"]
    rows = []
    for part in plan.lines:
        interval = f"{part.low:,} to {part.high:,}" if part.missing and part.low is not None and part.high is not None else None
        rows.append((part.what, part.wanted, part.have, part.missing, part.collect, interval))
    terminal.out.print(f"\n[bold]Demand on {plan.dataset}[/]: {escape(plan.purpose)}", soft_wrap=True)
    terminal.table("", columns, rows, right=columns[1:])
    for sentence in _sentences(plan):
        terminal.out.print(f"  {escape(sentence)}", soft_wrap=True)
    if plan.progress is not None:
        kept = plan.progress
        changed = "; the demand has changed since" if kept.demand_changed else ""
        title = f"\nPlan of {kept.kept:%Y-%m-%d %H:%M} (UTC) against what came{changed}"
        numbers = [(name, _number(name, planned), _number(name, kept.actual.get(name))) for name, planned in kept.planned.items()]
        terminal.out.print(f"[bold]{title}[/]", soft_wrap=True)
        terminal.table("", ["what", "planned", "so far"], numbers, right=["planned", "so far"])


def _sentences(plan: Plan) -> list[str]:
    """The sentences of the plan beside its lines."""
    out = []
    if plan.yields is not None:
        out.append(_yield(plan.yields))
    if plan.collect is None:
        out.append("Some of it has no measured yield: collect and run a sample, or declare `expected_yield`.")
    elif plan.collect:
        hours = ", ".join(f"{stage} {_time(spent)}" for stage, spent in plan.hours.items())
        room = f"{size(plan.bytes or 0)} to fetch, {size(plan.stored or 0)} more in the lake"
        out.append(
            f"{counted(plan.collect, 'row')} to collect, most of them for {plan.collect_for}: {room}" + (f"; {hours}" if hours else "")
        )
    if plan.annotation_hours:
        out.append(f"Annotation: {plan.annotation_hours:,.0f} hours of people, {plan.annotation_days:,.1f} days of those declared.")
    for name, quality in plan.quality.items():
        met = "met" if quality["met"] else "not met"
        out.append(f"Quality: {name} {quality['wanted']} wanted, {quality['have'] or 'not known'}: {met}.")
    if plan.deadline is not None:
        out.append(_deadline(plan.deadline))
    return out


def _yield(found: Yield) -> str:
    if found.of == "declared":
        return f"Yield: {found.value:.1%} of the rows collected are expected to be kept, as declared; nothing is measured yet."
    of = "of the last rows that came" if found.of == "last" else "of all rows collected"
    interval = f" (95 % interval {found.low:.1%} to {found.high:.1%})" if found.high != found.low else ""
    return f"Yield: {counted(found.kept, 'row')} kept {of}, {found.collected:,}: {found.value:.1%}{interval}."


def _deadline(found: Deadline) -> str:
    if found.expected is None:
        return f"Deadline {found.deadline}: {found.verdict}; {found.why}."
    return f"Deadline {found.deadline}: {found.verdict}, expected on {found.expected}; {found.why}."


def _number(name: str, value: float | None) -> str | None:
    if value is None:
        return None
    if name == "bytes":
        return size(value)
    return f"{value:.1%}" if name == "yield" else _time(value) if name == "machine time" else f"{value:,.0f}"


def _time(hours: float) -> str:
    seconds = hours * 3600
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} s"
