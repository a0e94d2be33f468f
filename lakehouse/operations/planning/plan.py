"""Plan of a demand: the missing rows, the work for them and the date; and a kept plan against its outcome."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import polars as pl

from lakehouse.core import versions
from lakehouse.core.docs import page
from lakehouse.core.errors import NotFoundError
from lakehouse.core.hashing import digest
from lakehouse.core.journal import Journal
from lakehouse.core.project import Project
from lakehouse.core.runs import timings
from lakehouse.core.spec import Dataset, Demand
from lakehouse.operations.planning.costs import Costs, Yield, costs
from lakehouse.operations.planning.volumes import Volumes, volumes
from lakehouse.reserve.bronze.collections import collections

JOURNAL = Journal("plans", pl.Schema(dict.fromkeys(("dataset", "demand", "payload"), pl.String())))


@dataclass(frozen=True, kw_only=True)
class DemandLine:
    """One part of a demand.

    Attributes:
        what: `rows`, `tokens`, `label = positive`, `language zh`.
        missing: of `wanted`, beyond `have`.
        collect: rows to collect for it, of whatever kind comes, by the measured yield; None where no yield is known (none was kept yet).
        low: rows to collect by the upper limit of the yield.
        high: rows to collect by the lower limit of the yield.
    """

    what: str
    wanted: int
    have: int
    missing: int
    collect: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Deadline:
    """The date at which the missing rows will be there, at the rate of the collections so far: `met`, `late`, or `unknown` and why."""

    deadline: str
    expected: str | None
    verdict: Literal["met", "on time", "late", "unknown"]
    why: str


@dataclass(frozen=True)
class Progress:
    """A kept plan and what came of it: what was planned and what is so far, by name (`machine time` in hours)."""

    kept: datetime
    demand_changed: bool
    planned: dict[str, float | None]
    actual: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The work for a demand.

    Attributes:
        collect: rows to collect so that every line is met; None where that is not known. `source`: which line asks for most.
        hours: of machines, by stage, for those rows; `bytes` to fetch and to `stored` in the lake.
        annotation_hours: of people; `annotation_days` of the declared people.
        grade: of the newest version, and whether the demanded one is reached.
    """

    dataset: str
    purpose: str
    version: str | None
    lines: tuple[DemandLine, ...]
    yields: Yield | None
    collect: int | None
    collect_for: str | None
    hours: dict[str, float]
    bytes: float | None
    stored: float | None
    annotation_hours: float | None
    annotation_days: float | None
    quality: dict[str, Any]
    deadline: Deadline | None
    progress: Progress | None

    @property
    def met(self) -> bool:
        """Whether nothing is missing."""
        return all(line.missing == 0 for line in self.lines) and all(q["met"] for q in self.quality.values())


def plan(project: Project, name: str, now: datetime | None = None) -> Plan:
    """The plan of a dataset as things are.

    Raises:
        NotFoundError: no such dataset, or it declares no demand. SpecError: the demand speaks of a column that is not there.
    """
    return _planned_by(project, name, now or datetime.now(UTC))[0]


def _planned_by(project: Project, name: str, now: datetime) -> tuple[Plan, Demand, Costs]:
    """The plan, for what demand, and the costs it was estimated by."""
    dataset = project.dataset(name)
    demand = dataset.demand
    if demand is None:
        raise NotFoundError(f"{name} declares no demand to plan for", fix=f"declare `demand:` in its file; see {page('planning.md')}")
    version = versions.current(project, name)
    have = volumes(project, dataset, demand, version) if version else Volumes()
    measured = costs(project, dataset)
    lines = tuple(_lines(demand, have, measured))
    open_lines = [line for line in lines if line.missing]
    unknown = any(line.collect is None for line in open_lines)
    most = max(open_lines, key=lambda line: line.collect or 0, default=None)
    collect = None if unknown else most.collect if most and most.collect else 0
    kept = measured.yields.value * collect if measured.yields and collect is not None else None
    hours = {} if collect is None else _hours(measured, collect, kept or 0.0, have.rows)
    people = demand.annotation
    human = None
    if people is not None and kept is not None:
        human = kept * people.share * people.minutes * people.passes / 60
    days = None if human is None or people is None else human / (people.people * people.hours_a_day)
    made = Plan(
        dataset=name,
        purpose=demand.purpose,
        version=version.version if version else None,
        lines=lines,
        yields=measured.yields,
        collect=collect,
        collect_for=most.what if most and collect else None,
        hours=hours,
        bytes=None if collect is None else collect * measured.bytes,
        stored=None if collect is None else collect * measured.stored,
        annotation_hours=human,
        annotation_days=days,
        quality=_quality(demand, dataset, version),
        deadline=_deadline(demand, measured, collect, days or 0.0, now),
        progress=None,
    )
    return _with_progress(project, dataset, demand, made, measured), demand, measured


def keep(project: Project, name: str) -> Plan:
    """Keep the present estimate as the plan that later ones are held against.

    Raises:
        NotFoundError: the dataset declares no demand.
    """
    made, demand, measured = _planned_by(project, name, datetime.now(UTC))
    payload = {"planned": _planned(made), "start": _start(made, measured)}
    JOURNAL.append(project, dataset=name, demand=digest(demand.model_dump()), payload=payload)
    return made


def _lines(demand: Demand, have: Volumes, measured: Costs) -> list[DemandLine]:
    wanted: list[tuple[str, int, int]] = []
    if demand.rows is not None:
        wanted.append(("rows", demand.rows, have.rows))
    if demand.tokens is not None:
        wanted.append(("tokens", demand.tokens, have.tokens))
    for column, values in demand.classes.items():
        known = (have.classes or {}).get(column, {})
        wanted += [(f"{column} = {value}", number, known.get(value, 0)) for value, number in values.items()]
    wanted += [(f"language {code}", number, (have.languages or {}).get(code, 0)) for code, number in demand.languages.items()]
    return [_line(what, number, there, have, measured.yields) for what, number, there in wanted]


def _line(what: str, wanted: int, there: int, have: Volumes, yields: Yield | None) -> DemandLine:
    missing = max(0, wanted - there)
    if not missing:
        return DemandLine(what=what, wanted=wanted, have=there, missing=0, collect=0, low=0, high=0)
    # Of each row kept so far, so much was of this kind; before the first version all rows are taken to be of it, tokens to be unknown.
    share = there / have.rows if have.rows else 1.0 if what == "rows" else 0.0
    if yields is None or not share or not yields.value:
        return DemandLine(what=what, wanted=wanted, have=there, missing=missing, collect=None, low=None, high=None)
    low, number, high = (math.ceil(missing / (share * rate)) if rate else None for rate in (yields.high, yields.value, yields.low))
    return DemandLine(what=what, wanted=wanted, have=there, missing=missing, collect=number, low=low, high=high)


def _hours(measured: Costs, collect: int, kept: float, have: int) -> dict[str, float]:
    """Machine hours by stage: collecting and silver by the rows that come, gold by those that are kept, the pilot by all there will be."""
    rows = {"collect": collect, "silver": collect, "gold": kept, "pilot": have + kept if collect else 0.0}
    return {stage: rows[stage] * seconds / 3600 for stage, seconds in measured.seconds.items()}


def _quality(demand: Demand, dataset: Dataset, version: versions.Version | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if demand.quality.grade is not None:
        have = version.grade if version else None
        out["grade"] = {"wanted": demand.quality.grade, "have": have, "met": have is not None and have <= demand.quality.grade}
    if demand.quality.gates and dataset.pilot.gates:
        passed = version.passed if version else None
        out["gates"] = {"wanted": "passed", "have": {True: "passed", False: "failed", None: None}[passed], "met": bool(passed)}
    return out


def _deadline(demand: Demand, measured: Costs, collect: int | None, days: float, now: datetime) -> Deadline | None:
    if demand.deadline is None:
        return None
    last = date.fromisoformat(demand.deadline)
    if collect == 0 and not days:
        return Deadline(demand.deadline, None, "met", "nothing is missing")
    if collect is None:
        return Deadline(demand.deadline, None, "unknown", "no yield was measured yet: collect and run a sample")
    if measured.per_day is None:
        return Deadline(demand.deadline, None, "unknown", "one collection gives no rate at which rows come")
    if measured.per_day <= 0:
        return Deadline(demand.deadline, None, "late", "no rows came since the first collection")
    # People work while rows come, and five days of seven.
    needed = max(collect / measured.per_day, days * 7 / 5)
    if needed > 36_500:
        return Deadline(demand.deadline, None, "late", f"at {measured.per_day:,.1f} rows a day it takes more than a century")
    expected = (now + timedelta(days=needed)).date()
    why = f"{measured.per_day:,.0f} rows a day came so far"
    return Deadline(demand.deadline, expected.isoformat(), "on time" if expected <= last else "late", why)


def _planned(made: Plan) -> dict[str, float | None]:
    rows = next((line.missing for line in made.lines if line.what == "rows"), None)
    return {
        "rows collected": made.collect,
        "rows kept": made.collect * made.yields.value if made.yields and made.collect is not None else rows,
        "yield": made.yields.value if made.yields else None,
        "bytes": made.bytes,
        "machine time": sum(made.hours.values()) if made.hours else None,
    }


def _start(made: Plan, measured: Costs) -> dict[str, float]:
    rows = next((line.have for line in made.lines if line.what == "rows"), None)
    return {"live": measured.live, "bytes": measured.live * measured.bytes, **({"rows": rows} if rows is not None else {})}


def _with_progress(project: Project, dataset: Dataset, demand: Demand, made: Plan, measured: Costs) -> Plan:
    kept = JOURNAL.read(project, pl.col("dataset") == dataset.dataset)
    if kept.is_empty():
        return made
    last = kept.row(-1, named=True)
    payload = json.loads(last["payload"])
    came = sum(one.added for source in dataset.sources for one in collections(project, source) if one.at > last["at"])
    start = payload["start"]
    rows = next((line.have for line in made.lines if line.what == "rows"), None)
    kept_rows = rows - start["rows"] if rows is not None and "rows" in start else None
    mine = pl.col("name").is_in([dataset.dataset, *dataset.sources]) & (pl.col("at") > last["at"])
    actual: dict[str, float | None] = {
        "rows collected": came,
        "rows kept": kept_rows,
        "yield": kept_rows / came if kept_rows is not None and came else None,
        "bytes": measured.live * measured.bytes - start["bytes"],
        "machine time": float(timings.spent(project).filter(mine)["seconds"].sum()) / 3600,
    }
    changed = last["demand"] != digest(demand.model_dump())
    return replace(made, progress=Progress(last["at"], changed, payload["planned"], actual))


def as_json(made: Plan) -> dict[str, Any]:
    """A plan as plain data."""
    return {**asdict(made), "met": made.met}
