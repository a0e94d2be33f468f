"""The loop: findings become tickets, policies decide, the next version is made and judged, and its verdict closes the tickets or not.

Each round is safe to kill: tickets are `applied`, with the version they were applied on top of, before the file of decisions changes; what
is found applied is judged first, whoever started it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lakehouse.core import versions
from lakehouse.core.docs import page
from lakehouse.core.errors import RecipeError
from lakehouse.core.hashing import file_digest
from lakehouse.core.labels import decisions
from lakehouse.core.labels.decisions import Decision
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress, silent
from lakehouse.core.runs.run import run
from lakehouse.core.spec import Dataset, Repair, RepairPolicy
from lakehouse.core.spec.yamlfile import suggest
from lakehouse.core.versions import Version
from lakehouse.operations import line
from lakehouse.operations.repair import policies, tickets
from lakehouse.operations.repair.policies import BY
from lakehouse.operations.repair.proposals import propose
from lakehouse.operations.repair.repair_log import log_repair
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.tickets import Ticket
from lakehouse.pilot.comparison import comparable, compare_versions
from lakehouse.pilot.diagnose import Diagnosis, diagnose, params_of
from lakehouse.pilot.pilot import names_of
from lakehouse.pilot.task import less_is_better


@dataclass(frozen=True)
class Round:
    """One round: what was applied on top of which version, the version made, and its verdict.

    Attributes:
        relabelled: rows that got another label.
        dropped: rows that were dropped.
        left: rows that the policies left, by reason.
        verdict: of the new version over the old one on the held-out set, or `no change` where the decisions changed nothing.
        kept: whether the decisions stay.
    """

    tickets: tuple[str, ...]
    before: str
    after: str
    relabelled: int
    dropped: int
    left: dict[str, int]
    verdict: str
    kept: bool
    metric: str
    old: float | None
    new: float | None
    low: float | None
    high: float | None

    def in_words(self) -> str:
        """The outcome in one line."""
        if self.new is None or self.old is None or self.low is None or self.high is None:
            return f"{self.verdict}: the decisions changed no row"
        interval = f"95 % interval of the difference {self.low:+.4f} to {self.high:+.4f}"
        numbers = f"{self.metric} {self.new:.4f} against {self.old:.4f}, {interval}"
        return f"{self.verdict}: {numbers}; the decisions {'stay' if self.kept else 'are taken back'}"


@dataclass(frozen=True, kw_only=True)
class RepairResult:
    """The result of a repair.

    Attributes:
        rounds: in order.
        opened: tickets that it opened.
        waiting: tickets that wait for a person, the source or the recipe.
        ended: why it went no further.
        version: the current version.
        run_id: of MLflow, where there was a round.
    """

    dataset: str
    version: str
    label: str
    rounds: tuple[Round, ...]
    opened: tuple[str, ...]
    waiting: tuple[str, ...]
    ended: str
    run_id: str | None
    seconds: float


def repair(project: Project, name: str, rounds: int | None = None, *, progress: Progress = silent) -> RepairResult:
    """Run the loop for a dataset, within the limits that it declares.

    Args:
        rounds: at most so many, in place of the declared limit.

    Raises:
        RecipeError: the dataset declares no `repair`.
        FactoryError: what any stage of the line raises; tickets that were applied stay so and are judged the next time.
    """
    with run(project, f"repair {name}", progress) as work:
        progress = work.progress
        dataset = project.dataset(name)
        how = declared(dataset)
        done: list[Round] = []
        opened: list[str] = []
        ended = ""
        applied = [t for t in tickets.tickets(project, name) if t.state == "applied"]
        if not applied:
            _make(project, name, progress)
            comparable(_current(project, name), _evaluation(dataset, how), how.metric)
        else:
            done.append(_judged(project, dataset, how, applied, progress))
        while not ended:
            if done and (stop := _after(how, done, rounds)):
                ended = stop
                break
            version = _current(project, name)
            found = diagnose(project, name, version.version, progress=progress)
            opened += _reported(project, name, version)
            _settle(project, dataset, how, version, found, progress)
            opened += [t.ticket for t in tickets.open_findings(project, version, found)]
            ticket, ended = _apply(project, dataset, how, version, progress)
            if ticket is not None:
                done.append(_judged(project, dataset, how, [ticket], progress))
        version = _current(project, name)
        waiting = tuple(t.ticket for t in tickets.tickets(project, name) if t.state == "waiting")
        run_id = None
        if done:
            run_id = log_repair(project, version, [asdict(each) for each in done])
        seconds = work.seconds
        return RepairResult(
            dataset=name,
            version=version.version,
            label=version.label,
            rounds=tuple(done),
            opened=tuple(opened),
            waiting=waiting,
            ended=ended,
            run_id=run_id,
            seconds=seconds,
        )


def inbox(project: Project, name: str) -> list[Path]:
    """The files of reports in `reports/<dataset>` of the project folder, where a model in service or a form may leave them."""
    folder = project.root / "reports" / name
    return sorted(file for file in folder.glob("*") if file.suffix in (".jsonl", ".csv")) if folder.is_dir() else []


def _reported(project: Project, name: str, version: Version) -> list[str]:
    """Open tickets for reports that have none yet; returns them."""
    known = {each.evidence.get("digest") for each in tickets.tickets(project, name) if each.kind == "report"}
    made = [open_report(project, version, file, origin="inbox")[0] for file in inbox(project, name) if file_digest(file) not in known]
    return [each.ticket for each in made if each is not None]


def declared(dataset: Dataset) -> Repair:
    """The declared repair of a dataset.

    Raises:
        RecipeError: it does not declare it.
    """
    if dataset.repair is None:
        raise RecipeError(
            f"{dataset.dataset} declares no `repair`",
            fix=f"declare repair: {{policies: [{{on: label_error, action: relabel}}]}}; see {page('repair.md')}",
        )
    known = names_of(dataset)
    if dataset.repair.evaluation is not None and dataset.repair.evaluation not in known:
        what = f"the `repair` of {dataset.dataset} names no evaluation of it: `{dataset.repair.evaluation}`"
        raise RecipeError(what, fix=suggest(dataset.repair.evaluation, known))
    return dataset.repair


def _after(how: Repair, done: Sequence[Round], rounds: int | None) -> str:
    """Why no further round follows, or nothing."""
    limit, last = rounds or how.limits.rounds, done[-1]
    if len(done) >= limit:
        return f"{limit} round{'s' if limit > 1 else ''}, as declared"
    if last.kept and last.new is not None and last.old is not None and _gained(last) < how.limits.gain:
        return f"the last round gained less than {how.limits.gain:g}"
    return ""


def _gained(each: Round) -> float:
    """The gain of a round, whichever way the metric counts."""
    change = (each.new or 0.0) - (each.old or 0.0)
    return -change if less_is_better(each.metric) else change


def _apply(project: Project, dataset: Dataset, how: Repair, version: Version, progress: Progress) -> tuple[Ticket | None, str]:
    """Apply the policies to open tickets until one has decisions: each is judged alone, so that none depends on another.

    Returns:
        The ticket applied, or why there is none.
    """
    before = decisions.read(project.root / dataset.decisions)
    label = params_of(dataset)["label"]
    budget = int(how.limits.rows * sum(version.manifest["rows"].values())) - sum(each.by == BY for each in before)
    by_kind: dict[str, tuple[int, RepairPolicy]] = {policy.on: (at, policy) for at, policy in enumerate(how.policies)}
    open_tickets = [t for t in tickets.tickets(project, dataset.dataset) if t.state == "open" and t.kind in by_kind]
    over = False
    for ticket in sorted(open_tickets, key=lambda t: (by_kind[t.kind][0], t.at)):
        policy = by_kind[ticket.kind][1]
        if policy.action in ("queue", "recollect", "propose"):
            _wait(project, dataset, ticket, policy, progress)
            continue
        chosen = policies.choose(project, dataset, ticket, policy, label, {each.content for each in before}, max(0, budget))
        over |= "over the limit of rows" in chosen.left
        if chosen.decisions:
            policies.apply(project, dataset, ticket, chosen.decisions, chosen.left, BY)
            return tickets.find(project, ticket.ticket), ""
    return None, "the limit of rows is reached" if over else "no ticket that a policy can decide"


def _wait(project: Project, dataset: Dataset, ticket: Ticket, policy: RepairPolicy, progress: Progress) -> None:
    payload: dict[str, Any] = {"for": {"queue": "person", "recollect": "source", "propose": "recipe"}[policy.action]}
    if policy.action == "recollect":
        payload["contents"] = {row: c for row, (_, c) in policies.contents(project, dataset, [s.row for s in ticket.rows]).items()}
        payload["version"] = ticket.version
    elif policy.action == "propose":
        progress(f"looking for thresholds: {ticket.title}", 0, None)
        payload["proposals"] = [each.as_json() for each in propose(project, dataset.dataset, [s.row for s in ticket.rows])]
    tickets.record(project, ticket.ticket, dataset.dataset, "waiting", payload)


def _judged(project: Project, dataset: Dataset, how: Repair, applied: Sequence[Ticket], progress: Progress) -> Round:
    """Make the version with the decisions of `applied`, compare it with the one before, and close the tickets or take them back."""
    name, file = dataset.dataset, project.root / dataset.decisions
    payloads = [t.last["applied"] for t in applied]
    mine = [Decision(**each) for payload in payloads for each in payload["decisions"]]
    # A killed round may have recorded its tickets without having written the decisions.
    have = decisions.read(file)
    kept = {each.content: each for each in [*have, *mine]}
    if list(kept.values()) != have:
        decisions.write(file, kept.values())
    _make(project, name, progress)
    after, before = _current(project, name), versions.find(project, name, payloads[0]["version"])
    relabelled, dropped = (sum(payload[n] for payload in payloads) for n in ("relabelled", "dropped"))
    left: dict[str, int] = {}
    for payload in payloads:
        for reason, n in payload["left"].items():
            left[reason] = left.get(reason, 0) + n
    found = None
    if after.version != before.version:
        found = compare_versions(project, after, before, _evaluation(dataset, how), how.metric, how.margin, progress)
    # A sure loss is none that a repair may make, however small: `equal` means only that it lies within the margin.
    verdict = "no change" if found is None else "worse" if found.gain[1] < 0 else found.verdict
    keep = verdict in how.close_on
    numbers = (found.old, found.new, found.low, found.high) if found else (None, None, None, None)
    ids = tuple(t.ticket for t in applied)
    old, new, low, high = numbers
    round_ = Round(
        tickets=ids,
        before=before.version,
        after=after.version,
        relabelled=relabelled,
        dropped=dropped,
        left=left,
        verdict=verdict,
        kept=keep,
        metric=how.metric,
        old=old,
        new=new,
        low=low,
        high=high,
    )
    back = [payload for payload in payloads if payload["by"] == BY]
    if not keep and back:  # what a person decided stays
        replaced = [Decision(**each) for payload in back for each in payload["replaced"]]
        gone = {each["content"] for payload in back for each in payload["decisions"]}
        decisions.write(file, [*(each for each in decisions.read(file) if each.content not in gone), *replaced])
        _make(project, name, progress)
    for ticket in applied:
        outcome = {**asdict(round_), "run": after.evaluations.get(_evaluation(dataset, how), {}).get("run_id")}
        if keep or ticket.last["applied"]["by"] == BY:
            tickets.record(project, ticket.ticket, name, "closed" if keep else "reverted", outcome)
        else:
            tickets.record(project, ticket.ticket, name, "waiting", {"for": "person", **outcome})
    return round_


def _settle(project: Project, dataset: Dataset, how: Repair, version: Version, found: Diagnosis, progress: Progress) -> None:
    """Close tickets that waited for their source: what was found is not found again after rows of it came, and the version is no worse."""
    for ticket in tickets.tickets(project, dataset.dataset):
        payload = ticket.last.get("waiting", {})
        if ticket.state != "waiting" or payload.get("for") != "source" or payload["version"] == version.version:
            continue
        now = {row: c for row, (_, c) in policies.contents(project, dataset, list(payload["contents"])).items()}
        changed = sum(now.get(row) != content for row, content in payload["contents"].items())
        # What is missing comes as other rows: those that the ticket names need not change.
        if not (changed or ticket.kind in ("coverage", "drift")) or _found_again(ticket, found):
            continue
        before = versions.find(project, dataset.dataset, ticket.version)
        verdict = compare_versions(project, version, before, _evaluation(dataset, how), how.metric, how.margin, progress)
        if verdict.verdict in how.close_on:
            numbers = {"metric": how.metric, "old": verdict.old, "new": verdict.new, "low": verdict.low, "high": verdict.high}
            outcome = {"before": before.version, "after": version.version, "recollected": changed, "verdict": verdict.verdict, **numbers}
            tickets.record(project, ticket.ticket, dataset.dataset, "closed", outcome)


def _found_again(ticket: Ticket, found: Diagnosis) -> bool:
    if ticket.kind == "report":
        return False
    now = found.top(ticket.kind, found.findings.height)  # type: ignore[arg-type]
    if ticket.kind in ("slice", "drift", "leak"):
        same = {"slice": ("conditions",), "drift": ("set", "what"), "leak": ("term", "class")}[ticket.kind]
        return any(all(each["evidence"][name] == ticket.evidence[name] for name in same) for each in now)
    if ticket.kind == "coverage":
        return bool({row for each in now for row in each["evidence"]["rows"]} & {suspect.row for suspect in ticket.rows})
    return bool({each["_row_id"] for each in now} & {suspect.row for suspect in ticket.rows})


def _evaluation(dataset: Dataset, how: Repair) -> str:
    return how.evaluation or next(iter(names_of(dataset)))


def _make(project: Project, name: str, progress: Progress) -> None:
    for _ in line.run(Project.open(project.root), [name], progress=progress):
        pass


def _current(project: Project, name: str) -> Version:
    found = versions.current(project, name)
    assert found is not None  # the line has just made it
    return found
