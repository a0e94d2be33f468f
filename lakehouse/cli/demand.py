"""How the plan of a demand looks on a terminal."""

from __future__ import annotations

from rich.markup import escape

from lakehouse.cli import show
from lakehouse.operations.planning.costs import Yield
from lakehouse.operations.planning.plan import Deadline, Plan


def show_demand(plan: Plan) -> None:
    """Print what is wanted, there and missing, what the missing takes, and how a kept plan goes."""
    columns = ["what", "wanted", "there", "missing", "to collect", "95 %"]
    rows = []
    for line in plan.lines:
        interval = f"{line.low:,} to {line.high:,}" if line.missing and line.low is not None and line.high is not None else None
        rows.append((line.what, line.wanted, line.have, line.missing, line.collect, interval))
    show.out.print(f"\n[bold]Demand on {plan.dataset}[/]: {escape(plan.purpose)}", soft_wrap=True)
    show.table("", columns, rows, right=columns[1:])
    for sentence in sentences(plan):
        show.out.print(f"  {escape(sentence)}", soft_wrap=True)
    if plan.progress is not None:
        kept = plan.progress
        changed = "; the demand has changed since" if kept.demand_changed else ""
        title = f"\nPlan of {kept.kept:%Y-%m-%d %H:%M} (UTC) against what came{changed}"
        told = [(name, _number(name, planned), _number(name, kept.actual.get(name))) for name, planned in kept.planned.items()]
        show.out.print(f"[bold]{title}[/]", soft_wrap=True)
        show.table("", ["what", "planned", "so far"], told, right=["planned", "so far"])


def sentences(plan: Plan) -> list[str]:
    """What the plan says beside its lines."""
    out = []
    if plan.yields is not None:
        out.append(_yield(plan.yields))
    if plan.collect is None:
        out.append("Some of it has no measured yield: collect and run a sample, or declare `expected_yield`.")
    elif plan.collect:
        hours = ", ".join(f"{stage} {_time(spent)}" for stage, spent in plan.hours.items())
        room = f"{_bytes(plan.bytes)} to fetch, {_bytes(plan.stored)} more in the lake"
        out.append(f"{plan.collect:,} rows to collect, most of them for {plan.collect_for}: {room}" + (f"; {hours}" if hours else ""))
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
    return f"Yield: {found.kept:,} rows kept {of}, {found.collected:,}: {found.value:.1%}{interval}."


def _deadline(found: Deadline) -> str:
    if found.expected is None:
        return f"Deadline {found.deadline}: {found.verdict}; {found.why}."
    return f"Deadline {found.deadline}: {found.verdict}, expected on {found.expected}; {found.why}."


def _number(name: str, value: float | None) -> str | None:
    if value is None:
        return None
    if name == "bytes":
        return _bytes(value)
    return f"{value:.1%}" if name == "yield" else _time(value) if name == "machine time" else f"{value:,.0f}"


def _time(hours: float) -> str:
    seconds = hours * 3600
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} s"


def _bytes(size: float | None) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size is None or abs(size) < 1000:
            return "-" if size is None else f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
