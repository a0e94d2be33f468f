"""Commands that make: plan, run."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path

import click

from lakehouse.cli import show
from lakehouse.cli.demand import show_demand
from lakehouse.cli.screen import brief
from lakehouse.core.errors import SpecError
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.operations import line
from lakehouse.operations.planning import plan as planning
from lakehouse.operations.planning.picture import volumes_picture
from lakehouse.pilot.scoring.tasks import SCORINGS
from lakehouse.pilot.selftest import SelfTest


def _names(project: Project, given: tuple[str, ...]) -> list[str]:
    for name in given:
        project.dataset(name)
    return list(given) or list(project.datasets)


@click.command("plan")
@click.argument("datasets", nargs=-1)
@click.option("--keep", "kept", is_flag=True, help="Keep the estimate as the plan; what comes is shown against it from then on.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Write a picture of what is there and wanted (PNG).")
@show.json_option
def plan_command(datasets: tuple[str, ...], kept: bool, picture: Path | None, as_json: bool) -> None:
    """Show what a run would change, and what a dataset's demand still takes. Sources are not read again.

    The demand is what the dataset file declares under `demand`: rows, tokens, rows by class and language, quality, a deadline.

    Example: lakehouse plan reviews
    """
    project = Project.find()
    names = _names(project, datasets)
    found = line.plans(project, names)
    wanted = [name for name in names if project.dataset(name).demand is not None]
    if (kept or picture is not None) and not wanted:
        raise SpecError("no dataset named here declares a demand", fix="declare `demand:` in its file; see docs/planning.md")
    demands = [planning.keep(project, name) if kept else planning.plan(project, name) for name in wanted]
    if picture is not None:
        with whole(picture) as part:
            part.write_bytes(volumes_picture(demands))
    if as_json:
        of = {made.dataset: planning.as_json(made) for made in demands}
        show.dump([{**asdict(each), "demand": of.get(each.dataset)} for each in found])
        return
    rows: list[tuple[object, ...]] = []
    for p in found:
        what = "nothing to do" if not p.silver and not p.gold else "new version" if p.version is None else f"as {p.version} before"
        why = "; ".join(dict.fromkeys([*p.silver, *p.gold])) or "-"
        rows.append((p.dataset, what, p.measure, p.withdrawn, why))
    show.table("Plan", ["dataset", "outcome", "measured", "withdrawn", "why"], rows, right=["measured", "withdrawn"])
    for made in demands:
        show_demand(made)
    if kept:
        show.out.print(f"\nkept as the plan of {', '.join(made.dataset for made in demands)}")


@click.command("run")
@click.argument("datasets", nargs=-1)
@click.option("--to", type=click.Choice(["silver", "gold", "pilot"]), default="pilot", show_default=True, help="How far to go.")
@show.json_option
def run_command(datasets: tuple[str, ...], to: line.Stage, as_json: bool) -> None:
    """Make datasets (all of them, if none is named) and what they refer to: collect, silver, gold, pilot, grade.

    Only what is left to do is done; a run that was killed is finished by running it again.

    Example: lakehouse run reviews --to gold
    """
    project = Project.find()
    names = _names(project, datasets)
    done: list[line.Made] = []
    with show.progress(quiet=as_json) as report:
        for made in line.run(project, names, to, progress=report):
            done.append(made)
            if not as_json:
                _print(made)
    if as_json:
        show.dump(done)
    elif all(made.unchanged for made in done):
        show.out.print("\nNothing to do: every version stands as declared.")
    else:
        _next(done, to)
    if any(made.pilot and not made.pilot.passed for made in done):
        raise click.exceptions.Exit(4)


def _print(made: line.Made) -> None:
    if made.unchanged:
        version = f"{made.gold.label} ({made.gold.version})" if made.gold else "as it was"
        show.out.print(f"[bold]{made.dataset}[/] unchanged: {version}")
        return
    show.out.print(f"\n[bold]{made.dataset}[/]")
    for c in made.collections:
        state = "unchanged" if c.unchanged else f"{c.added:,} new, {c.changed:,} changed, {c.vanished:,} vanished"
        state += f"; erased: {c.erased:,}" if c.erased else ""
        show.out.print(f"  bronze/{c.source}: {c.live:,} items, {state}")
        for warning in c.warnings:
            show.out.print(f"  [yellow]warning[/] {warning}")
    for screening in made.screenings:
        show.out.print(f"  {brief(screening)}")
    if made.silver:
        show.balance(f"Balance of silver/{made.dataset}", made.silver.balance)
    if made.gold:
        g = made.gold
        parts = ", ".join(f"{name} {n:,}" for name, n in g.splits.items())
        state = f"new: {'; '.join(g.change['reasons'])}" if g.made else "unchanged"
        show.out.print(f"  gold/{made.dataset} [bold]{g.label}[/] ({g.version}, {state}): {g.rows:,} rows: {parts}")
        if len(g.balance) > 1:
            show.balance(f"Balance of gold/{made.dataset}", g.balance)
        if g.violations:
            rules = ", ".join(f"{rule} {n:,}" for rule, n in g.violations.items())
            show.out.print(f"  quarantined by the contract: {g.balance[0].quarantined:,} rows ({rules})")
        if any(g.leaks.values()):
            show.out.print(f"  [red]split leak[/]: {g.leaks['groups']:,} groups, {g.leaks['rows']:,} equal rows in more than one split")
    if made.pilot:
        _print_pilot(made)
    if made.graded:
        show.out.print(f"  grade [bold]{made.graded.grade}[/]: {'; '.join(made.graded.because)}")


_OTHER_SCORES = {metric for scoring in SCORINGS.values() for metric in scoring.headline} - {"accuracy", "macro_f1"}


def _print_pilot(made: line.Made) -> None:
    assert made.pilot is not None
    rows: list[tuple[object, ...]] = []
    other = any(m in _OTHER_SCORES for sets in made.pilot.metrics.values() for found in sets.values() for m in found)
    for name, sets in made.pilot.metrics.items():
        resources = sets.get("resources", {})
        for set_name, found in sets.items():
            if set_name != "resources":
                accuracy, macro_f1 = found.get("accuracy", {}), found.get("macro_f1", {})  # an evaluation may measure other things
                scores = [f"{m} {v['mean']:.3f}" for m, v in found.items() if m in _OTHER_SCORES]
                rows.append(
                    (
                        name,
                        set_name,
                        accuracy.get("mean"),
                        macro_f1.get("mean"),
                        macro_f1.get("std"),
                        float(resources["wall_seconds"]),
                        int(resources["peak_memory_mb"]),
                        *([", ".join(scores)] if other else []),
                    )
                )
    columns = ["evaluation", "on", "accuracy", "macro F1", "std", "seconds", "peak MB"]
    named = [*columns, *(["other scores"] if other else [])]
    show.table(f"Pilot of {made.dataset} {made.pilot.label}", named, rows, right=columns[2:])
    for sentence in made.pilot.said:
        show.out.print(f"  {sentence}")
    for said in _self_tests(made.pilot.self_tests):
        show.out.print(said)
    verdicts = [(v.gate, v.verdict, "passed" if v.passed else "failed", v.reason) for v in made.pilot.verdicts]
    if verdicts:
        show.table("Gates", ["gate", "verdict", "", "numbers"], verdicts)


def _self_tests(outcomes: tuple[SelfTest, ...]) -> list[str]:
    """One line an evaluation: how many controls, and which metrics they leave trusted."""
    lines = []
    for name in dict.fromkeys(t.evaluation for t in outcomes):
        own = [t for t in outcomes if t.evaluation == name]
        words = []
        for on, metric in dict.fromkeys((t.on, t.metric) for t in own):
            passed = all(t.passed for t in own if (t.on, t.metric) == (on, metric))
            words.append(f"{metric} on {on} {'trusted' if passed else 'untrusted'}")
        lines.append(f"  self-test of {name}: {len({t.control for t in own})} controls, {', '.join(words)}")
    return lines


def _next(done: list[line.Made], to: str) -> None:
    last = shlex.quote(done[-1].dataset)
    failed = [made.dataset for made in done if made.pilot and not made.pilot.passed]
    if failed:
        show.out.print(f"\n[red]Gates failed[/] for {', '.join(failed)}: the version stands, but cannot be released.")
        show.out.print(f"Next: lakehouse versions {failed[0]}   lakehouse ui")
    elif to == "pilot":
        show.out.print(f"\nNext: lakehouse release {last}   lakehouse trace ROW   lakehouse ui")
    else:
        show.out.print(f"\nNext: lakehouse run {last}")
