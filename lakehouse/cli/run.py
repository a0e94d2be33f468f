"""Command `run`: datasets made, from collection to grade."""

from __future__ import annotations

import shlex
from contextlib import suppress

import click
from rich.markup import escape

from lakehouse.cli import terminal
from lakehouse.cli.arguments import report_broken
from lakehouse.cli.source.screen import brief
from lakehouse.core.errors import FactoryError
from lakehouse.core.project import Project
from lakehouse.core.text.numbers import counted
from lakehouse.operations import line, promises
from lakehouse.operations.attempts import NotMade, NotTried, attempts
from lakehouse.pilot.selftest import SelfTest
from lakehouse.pilot.task import scorings


@click.command("run")
@click.argument("datasets", nargs=-1)
@click.option("--to", type=click.Choice(["silver", "gold", "pilot"]), default="pilot", show_default=True, help="How far to go.")
@terminal.json_option
def run_command(datasets: tuple[str, ...], to: line.Stage, as_json: bool) -> None:
    """Make datasets (all of them, if none is named) and what they refer to: collect, silver, gold, pilot, grade.

    Only what is left to do is done; a run that was killed is finished by running it again. A dataset that fails stops only itself and what
    refers to it.

    Example: lakehouse run reviews --to gold
    """
    project = Project.find()
    names = _wanted(project, datasets)
    if not as_json:
        _notes(project, names)
    outcomes: list[line.DatasetRun | NotMade | NotTried] = []
    with terminal.progress(quiet=as_json) as report:
        for outcome in attempts(project, names, to, progress=report):
            outcomes.append(outcome)
            if not as_json:
                _show(outcome)
    done = [made for made in outcomes if isinstance(made, line.DatasetRun)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, NotMade)]
    if failed and len(outcomes) == 1:
        raise failed[0].error
    if as_json:
        terminal.dump([_as_json(outcome) for outcome in outcomes])
    elif failed:
        _summary(outcomes)
    elif all(made.unchanged for made in done):
        terminal.out.print("\nNothing to do: every version is as declared.")
    else:
        _next(done, to)
    if not datasets:
        report_broken(project)
    if failed:
        raise click.exceptions.Exit(failed[0].error.exit_code)
    if any(made.pilot and not made.pilot.passed for made in done):
        raise click.exceptions.Exit(4)


def _wanted(project: Project, given: tuple[str, ...]) -> list[str]:
    """The datasets that are named, or all. An unknown name stops the run before it begins; a wrong declaration only its dataset."""
    for name in given:
        if name not in project.broken("datasets"):
            project.dataset(name)
    return list(given) or list(project.datasets)


def _show(outcome: line.DatasetRun | NotMade | NotTried) -> None:
    if isinstance(outcome, line.DatasetRun):
        _print(outcome)


def _as_json(outcome: line.DatasetRun | NotMade | NotTried) -> object:
    if isinstance(outcome, NotMade):
        e = outcome.error
        return {"dataset": outcome.dataset, "error": {"kind": type(e).__name__, "what": e.what, "where": e.where, "fix": e.fix}}
    return {"dataset": outcome.dataset, "not_tried_because_of": outcome.because_of} if isinstance(outcome, NotTried) else outcome


def _summary(outcomes: list[line.DatasetRun | NotMade | NotTried]) -> None:
    """What was made, what failed and why, what was not tried."""
    terminal.out.print()
    for outcome in outcomes:
        name = f"[bold]{outcome.dataset}[/]"
        if isinstance(outcome, NotMade):
            terminal.err.print(f"[red]failed[/] {name}: {escape(str(outcome.error))}", soft_wrap=True)
        elif isinstance(outcome, NotTried):
            terminal.err.print(f"[yellow]not tried[/] {name}: it refers to {outcome.because_of}, which was not made", soft_wrap=True)
        else:
            version = f" {outcome.gold.label} ({outcome.gold.version})" if outcome.gold else ""
            gates = ", [red]gates failed[/]" if outcome.pilot and not outcome.pilot.passed else ""
            terminal.out.print(f"{'unchanged' if outcome.unchanged else 'made'} {name}{version}{gates}", soft_wrap=True)


def _notes(project: Project, names: list[str]) -> None:
    """What a person should know before the run; a mistake is the run's to name."""
    for name in names:
        with suppress(FactoryError):
            for note in promises.notes(project, name):
                terminal.out.print(f"[yellow]note[/] {escape(note)}")


def _print(made: line.DatasetRun) -> None:
    if made.unchanged:
        version = f"{made.gold.label} ({made.gold.version})" if made.gold else "as it was"
        terminal.out.print(f"[bold]{made.dataset}[/] unchanged: {version}")
        return
    terminal.out.print(f"\n[bold]{made.dataset}[/]")
    for c in made.collections:
        state = "unchanged" if c.unchanged else f"{c.added:,} new, {c.changed:,} changed, {c.vanished:,} vanished"
        state += f"; erased: {c.erased:,}" if c.erased else ""
        terminal.out.print(f"  bronze/{c.source}: {counted(c.live, 'item')}, {state}")
        for warning in c.warnings:
            terminal.out.print(f"  [yellow]warning[/] {warning}")
    for screening in made.screenings:
        terminal.out.print(f"  {brief(screening)}")
    if made.silver:
        terminal.balance(f"Balance of silver/{made.dataset}", made.silver.balance)
    for low in made.gold.low_yields if made.gold else made.silver.low_yields if made.silver else ():
        terminal.out.print(f"  [yellow]warning[/] {escape(low.in_words())}; if it is meant, declare `{escape(low.declaration)}`")
    if made.gold:
        g = made.gold
        parts = ", ".join(f"{name} {n:,}" for name, n in g.splits.items())
        why = "; ".join(g.change["reasons"])
        state = "unchanged" if not g.made else f"as {g.label} before: {why}" if g.again else f"new: {why}"
        terminal.out.print(f"  gold/{made.dataset} [bold]{g.label}[/] ({g.version}, {state}): {counted(g.rows, 'row')}: {parts}")
        if len(g.balance) > 1:
            terminal.balance(f"Balance of gold/{made.dataset}", g.balance)
        if g.violations:
            rules = ", ".join(f"{rule} {n:,}" for rule, n in g.violations.items())
            terminal.out.print(f"  quarantined by the contract: {counted(g.balance[0].quarantined, 'row')} ({rules})")
        for sentence in g.leaks.in_words():
            terminal.out.print(f"  [red]split leak[/]: {escape(sentence)}")
        for sentence in g.leaks.remarks():
            terminal.out.print(f"  {escape(sentence)}")
    if made.pilot:
        _print_pilot(made)
    if made.graded:
        terminal.out.print(f"  grade [bold]{made.graded.grade}[/]: {'; '.join(made.graded.because)}")


def _print_pilot(made: line.DatasetRun) -> None:
    assert made.pilot is not None
    rows: list[tuple[object, ...]] = []
    others = {metric for scoring in scorings().values() for metric in scoring.headline} - {"accuracy", "macro_f1"}
    other = any(m in others for sets in made.pilot.metrics.values() for found in sets.values() for m in found)
    for name, sets in made.pilot.metrics.items():
        resources = sets.get("resources", {})
        for set_name, found in sets.items():
            if set_name != "resources":
                accuracy, macro_f1 = found.get("accuracy", {}), found.get("macro_f1", {})  # an evaluation may measure other things
                scores = [f"{m} {v['mean']:.3f}" for m, v in found.items() if m in others]
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
    terminal.table(f"Pilot of {made.dataset} {made.pilot.label}", named, rows, right=columns[2:])
    for sentence in made.pilot.remarks:
        terminal.out.print(f"  {escape(sentence)}")
    for result in _self_tests(made.pilot.self_tests):
        terminal.out.print(result)
    verdicts = [(v.gate, v.verdict, "passed" if v.passed else "failed", v.reason) for v in made.pilot.verdicts]
    if verdicts:
        terminal.table("Gates", ["gate", "verdict", "", "numbers"], verdicts)


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


def _next(done: list[line.DatasetRun], to: str) -> None:
    last = shlex.quote(done[-1].dataset)
    failed = [made.dataset for made in done if made.pilot and not made.pilot.passed]
    if failed:
        terminal.out.print(f"\n[red]Gates failed[/] for {', '.join(failed)}: the version is made, but cannot be released.")
        terminal.out.print(f"Next: lakehouse version list {failed[0]}   lakehouse ui")
    elif to == "pilot":
        terminal.out.print(f"\nNext: lakehouse release {last}   lakehouse row trace ROW   lakehouse ui")
    else:
        terminal.out.print(f"\nNext: lakehouse run {last}")
