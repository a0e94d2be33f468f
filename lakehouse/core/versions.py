"""The register of versions: append-only events in `system/versions`, folded into one manifest a version.

Events of a version: `made` (its manifest), `evaluated` (one evaluation's result), `gated` (the gates' verdicts),
`described` (only metadata changed: a new label for the same content), `released` and `withdrawn`, `graded` (its indicators and grade),
`downgraded` (a lower grade with the reason), `retired` and `reinstated` (each with the reason), `archived` (an archive holds its rows)
and `restored` (they are back), `erased` (it lost rows for good; the others stay in place).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from lakehouse.core.errors import NotFoundError, StorageError
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.core.row_model import ARCHIVED

Event = Literal[
    "made",
    "evaluated",
    "gated",
    "described",
    "released",
    "withdrawn",
    "graded",
    "downgraded",
    "retired",
    "reinstated",
    "archived",
    "restored",
    "erased",
]
Part = Literal["major", "minor", "patch"]
Grade = Literal["A", "B", "C", "D"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
"""Best first."""

REGISTER = Journal("versions", pl.Schema(dict.fromkeys(("dataset", "version", "event", "payload"), pl.String())))


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of a dataset, folded from its events.

    Attributes:
        version: first 12 hex digits of SHA-256 over plan id and content id.
        label: newest label, such as `1.3.0`.
        labels: all labels it has had, oldest first.
        manifest: what was recorded when it was made (plan, inputs, recipe, balance, splits, columns ...).
        evaluations: result by evaluation name, the newest of each.
        gates: verdicts of the newest gating, or None if it was not gated yet.
        released: labels under which it was released, oldest first.
        graded: the newest grading, or None: grade, rule, because, indicators.
        downgraded: grade, reason and author of the newest downgrade since it was graded, or None.
        retired: reason, author and the version that supersedes it, or None.
        archived: the place of its rows, once gold holds them no more, or None.
        erased: how many rows it lost by erasures (`rows`), how many each split has left (`splits`), the content id of what is left and the
            requests; or None.
    """

    dataset: str
    version: str
    label: str
    labels: tuple[str, ...]
    manifest: dict[str, Any]
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    gates: dict[str, Any] | None = None
    released: tuple[str, ...] = ()
    released_at: datetime | None = None
    graded: dict[str, Any] | None = None
    downgraded: dict[str, Any] | None = None
    retired: dict[str, Any] | None = None
    archived: dict[str, Any] | None = None
    erased: dict[str, Any] | None = None

    @property
    def grade(self) -> Grade | None:
        """Its grade, the worse of what was measured and what it was lowered to; None before grading."""
        if self.graded is None:
            return None
        letters: list[Grade] = [each["grade"] for each in (self.graded, self.downgraded) if each]
        return max(letters, key=GRADES.index)

    @property
    def retirement(self) -> str | None:
        """Why it was retired, and what supersedes it; None if it was not."""
        if self.retired is None:
            return None
        other = self.retired.get("superseded_by")
        return str(self.retired["reason"]) + (f"; superseded by {other['label']}" if other else "")

    @property
    def plan_id(self) -> str:
        """Identity of the plan: known before the run."""
        return str(self.manifest["plan_id"])

    @property
    def content_id(self) -> str:
        """Identity of the content: sealed after the run."""
        return str(self.manifest["content_id"])

    @property
    def held_content(self) -> str:
        """Identity of the content that its rows have now: the sealed one, unless rows were erased."""
        return str(self.erased["content_id"]) if self.erased else self.content_id

    @property
    def held_rows(self) -> dict[str, int]:
        """Rows by split that it has now."""
        return dict(self.erased["splits"] if self.erased else self.manifest["rows"])

    @property
    def gold_version(self) -> int:
        """Delta version of `gold/<dataset>` that holds the rows."""
        return int(self.manifest["gold"]["delta_version"])

    @property
    def passed(self) -> bool | None:
        """Whether all gates passed; None before gating."""
        return None if self.gates is None else bool(self.gates["passed"])


def version_id(plan_id: str, content_id: str) -> str:
    """First 12 hex digits of SHA-256 over both ids."""
    return hashlib.sha256(f"{plan_id}\n{content_id}".encode()).hexdigest()[:12]


def record(project: Project, dataset: str, version: str, event: Event, payload: dict[str, Any]) -> None:
    """Append one event."""
    REGISTER.append(project, dataset=dataset, version=version, event=event, payload=payload)


def events(project: Project, dataset: str) -> pl.DataFrame:
    """All events of a dataset, oldest first."""
    return REGISTER.read(project, pl.col("dataset") == dataset)


def versions(project: Project, dataset: str) -> list[Version]:
    """All versions of a dataset, in the order in which they were first made."""
    folded: dict[str, dict[str, Any]] = {}
    for row in events(project, dataset).iter_rows(named=True):
        payload = json.loads(row["payload"])
        if row["event"] == "made":
            state = folded.setdefault(row["version"], {"labels": [], "evaluations": {}, "gates": None, "released": [], "released_at": None})
            state["archived"] = state["erased"] = None  # gold holds its rows again
            state["manifest"] = {**payload, "made_at": row["at"].isoformat()}
            state["labels"] = _last(state["labels"], payload["label"])
            continue
        state = folded[row["version"]]
        if row["event"] == "described":
            state["labels"] = _last(state["labels"], payload["label"])
            state["manifest"] = _described(state["manifest"], payload)
        elif row["event"] == "evaluated":
            state["evaluations"][payload["name"]] = payload
        elif row["event"] == "gated":
            state["gates"] = payload
        elif row["event"] == "released":
            state["released"] = [*dict.fromkeys([*state["released"], payload["label"]])]
            state["released_at"] = row["at"]
        elif row["event"] == "withdrawn":
            state["released_at"] = None
        elif row["event"] == "graded":
            state["graded"], state["downgraded"] = payload, None
        elif row["event"] == "downgraded" and payload["grade"] == (state.get("graded") or {}).get("grade"):
            state["downgraded"] = None  # the measured letter takes a downgrade back
        elif row["event"] in ("downgraded", "retired", "archived"):
            state[row["event"]] = {**payload, "at": row["at"].isoformat()}
        elif row["event"] == "erased":
            before = state.get("erased") or {"rows": 0, "requests": []}
            if (moved := payload.pop("archived", None)) and state.get("archived"):
                state["archived"] = {**state["archived"], **moved}
            requests = [*dict.fromkeys([*before["requests"], payload.pop("request")])]
            lost = before["rows"] + payload["rows"]
            state["erased"] = {**payload, "rows": lost, "requests": requests, "at": row["at"].isoformat()}
        elif row["event"] in ("reinstated", "restored"):
            state["retired" if row["event"] == "reinstated" else "archived"] = None
    return [
        Version(
            dataset=dataset,
            version=version,
            label=state["labels"][-1],
            labels=tuple(state["labels"]),
            manifest=state["manifest"],
            evaluations=state["evaluations"],
            gates=state["gates"],
            released=tuple(state["released"]),
            released_at=None if state.get("retired") else state["released_at"],
            graded=state.get("graded"),
            downgraded=state.get("downgraded"),
            retired=state.get("retired"),
            archived=state.get("archived"),
            erased=state.get("erased"),
        )
        for version, state in folded.items()
    ]


def _last(labels: list[str], label: str) -> list[str]:
    """Labels with the newest at the end, each once."""
    return [*(each for each in labels if each != label), label]


def _described(manifest: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a newer label and newer words, which are in `metadata` and beside the columns and the contract."""
    made = {**manifest, "metadata": payload["metadata"], "label": payload["label"]}
    if words := payload["metadata"].get("contract"):
        made["columns"] = {name: {**column, "description": words.get(name)} for name, column in manifest["columns"].items()}
        made["contract"] = {**manifest["contract"], "description": words.get("")}
    return made


def current(project: Project, dataset: str) -> Version | None:
    """The version that `gold/<dataset>` holds now (the last `made` event), or None."""
    made = events(project, dataset).filter(pl.col("event") == "made")
    if made.is_empty():
        return None
    version = made["version"][-1]
    return next(v for v in versions(project, dataset) if v.version == version)


def released(project: Project, dataset: str) -> Version | None:
    """The version released last and not withdrawn, or None."""
    out = [v for v in versions(project, dataset) if v.released_at is not None]
    return max(out, key=lambda v: v.released_at or datetime.min.replace(tzinfo=UTC), default=None)


def find(project: Project, dataset: str, reference: str) -> Version:
    """The version named by id (4 digits or more), label (with or without `v`), `latest` or `released`.

    Raises:
        NotFoundError: none such, or several.
    """
    known = versions(project, dataset)
    if reference == "latest":
        matches = [v for v in (current(project, dataset),) if v]
    elif reference == "released":
        matches = [v for v in (released(project, dataset),) if v]
    else:
        label = reference.removeprefix("v")
        matches = [v for v in known if label in v.labels or (len(reference) >= 4 and v.version.startswith(reference))]
    if len(matches) == 1:
        return matches[0]
    if not known:
        raise NotFoundError(f"no version of {dataset} was made yet", fix=f"lakehouse run {dataset}")
    listed = ", ".join(f"{v.label} ({v.version})" for v in known)
    problem = "matches several versions" if matches else "is no version"
    raise NotFoundError(f"`{reference}` {problem} of {dataset}", fix=f"versions: {listed}")


def rows(project: Project, version: Version) -> pl.LazyFrame:
    """The rows of a version, as gold held them when it was sealed.

    Raises:
        StorageError: only an archive holds them.
    """
    if version.archived:
        raise StorageError(
            f"the rows of {version.dataset} {version.label} ({version.version}) are archived in {version.archived['place']}",
            fix=f"lakehouse version archive {version.dataset} {version.version} --restore",
        )
    return project.table("gold", version.dataset).scan(version.gold_version)


def index(project: Project, version: Version) -> pl.LazyFrame:
    """Which rows a version holds (ARCHIVED), archived or not."""
    if not version.archived:
        return rows(project, version).select(*ARCHIVED)
    of_version = (pl.col("dataset") == version.dataset) & (pl.col("version") == version.version)
    return project.table("system", "archived").scan().filter(of_version).select(*ARCHIVED)


def label_of(project: Project, dataset: str, version: str, metadata: Mapping[str, Any], part: Part) -> str:
    """The label of a version: the one it had with the same metadata before, else the one after the highest that the dataset ever had.

    So what was changed and changed back has the label, and the tag, of the same content.
    """
    highest: tuple[int, ...] = ()
    for row in events(project, dataset).filter(pl.col("event").is_in(["made", "described"])).reverse().iter_rows(named=True):
        payload = json.loads(row["payload"])
        if row["version"] == version and payload.get("metadata") == metadata:
            return str(payload["label"])
        highest = max(highest, tuple(int(number) for number in payload["label"].split(".")))
    return next_label(".".join(map(str, highest)) or None, part)


def next_label(previous: str | None, part: Part) -> str:
    """The label after `previous`: `1.0.0` for the first, else the part raised by one (semver.org)."""
    if previous is None:
        return "1.0.0"
    major, minor, patch = (int(number) for number in previous.split("."))
    if part == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if part == "minor" else f"{major}.{minor}.{patch + 1}"
