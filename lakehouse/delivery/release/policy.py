"""Whether a version may be released, read from the register alone: a run that failed a check cannot be released later by mistake.

Hard gates come before any score: retired, licence, private data, sensitivity, grade, screening. No score makes good for one.
"""

from __future__ import annotations

from typing import Any

from lakehouse.core.errors import HardGateError, ReleaseError
from lakehouse.core.spec import LEVELS, Dataset, Level, expand_privacy
from lakehouse.core.spec import Release as Terms
from lakehouse.core.versions import GRADES, Grade, Version
from lakehouse.production.engine.balance import from_json
from lakehouse.production.engine.yields import low_yields


def reasons(spec: Dataset, version: Version, *, new_gates: bool = True) -> list[str]:
    """Every reason why `version` may not be released; empty when it may.

    Args:
        new_gates: hold the version to the gates and the yield declared now, also those declared after it was judged. A rollback does not.
    """
    if spec.release is None:
        return ["the dataset declares no `release:`"]
    return [*hard(spec.release, version), *(_yields(spec, version) if new_gates else []), *_gates(spec, version, new_gates)]


def hard(terms: Terms, version: Version) -> list[str]:
    """The hard gates that `version` does not pass, a sentence each."""
    return [
        *([f"it was retired: {version.retirement}"] if version.retired else []),
        *_licences(terms.allow, version),
        *_privacy(terms.forbid, version),
        *_sensitivity(terms.max_sensitivity, version),
        *_grade(terms.grade, version),
        *_screened(terms.screen.bounds, version),
    ]


def refuse(spec: Dataset, version: Version, *, new_gates: bool = True) -> None:
    """Raise what `reasons` finds.

    Raises:
        HardGateError: with every reason, a hard gate among them.
        ReleaseError: with every reason, all of them scores.
    """
    found = reasons(spec, version, new_gates=new_gates)
    if not found:
        return
    if spec.release is None:
        raise ReleaseError(
            f"{spec.dataset} declares no `release:`", where=f"assets/datasets/{spec.dataset}.yaml", fix="add `release: {license: ...}`"
        )
    head = f"{spec.dataset} {version.label} ({version.version}) cannot be released: "
    kind = HardGateError if hard(spec.release, version) else ReleaseError
    raise kind(head + found[0] if len(found) == 1 else head + "".join(f"\n  - {reason}" for reason in found))


def _gates(spec: Dataset, version: Version, new_gates: bool) -> list[str]:
    if version.gates is None:
        return [f"it was not judged against its {len(spec.pilot.gates)} gates (lakehouse run {spec.dataset})"] if spec.pilot.gates else []
    verdicts = version.gates.get("verdicts") or []
    found = [f"gate failed: {_verdict(verdict)}" for verdict in verdicts if not verdict.get("passed")]
    if not version.gates.get("passed") and not found:
        found = ["its gates did not pass"]
    if new_gates:
        judged = {verdict.get("gate") for verdict in verdicts}
        late = [words for gate in spec.pilot.gates if (words := spec.pilot.in_words(gate)) not in judged]
        found += [f"gate `{words}` was declared after it was judged (lakehouse run {spec.dataset})" for words in late]
    return found


def _yields(spec: Dataset, version: Version) -> list[str]:
    """The steps that kept too few rows by the yield declared now: a version of a time before it was made all the same."""
    steps = [from_json(step) for step in version.manifest.get("balance") or []]
    low = [each for each in low_yields(spec.yields, steps) if each.fails]
    return [f"{each.in_words()} (if it is meant, declare `{each.declaration}`)" for each in low]


def _verdict(verdict: dict[str, Any]) -> str:
    needed = verdict.get("threshold")
    needed = verdict.get("versus") if needed is None else needed
    parts = [str(verdict.get("gate") or verdict.get("metric"))]
    parts += [f"{verdict.get('metric')} is {verdict.get('value')}, needed {needed}"]
    reason = verdict.get("reason") or verdict.get("verdict")
    return ", ".join(parts) + (f" ({reason})" if reason else "")


def _privacy(forbid: list[str], version: Version) -> list[str]:
    forbidden = expand_privacy(forbid)
    if not forbidden:
        return []
    carried = version.manifest.get("privacy")
    if carried is None:
        return ["its manifest does not name the privacy classes of its columns"]
    found = {column: sorted(expand_privacy(list(classes)) & forbidden) for column, classes in sorted(carried.items())}
    return [
        f"column `{column}` may still hold {', '.join(classes)}, which `release.forbid` rules out "
        "(add a `redact` step for each of its texts; of a column of numbers, declare it as `string` first)"
        for column, classes in found.items()
        if classes and column in version.manifest["columns"]
    ]


def _licences(allowed: list[str] | None, version: Version) -> list[str]:
    inputs = version.manifest.get("inputs") or []
    if not inputs:
        return ["its manifest names no inputs, so no licence is known"]
    stated = {str(given.get("source")): str(given.get("license") or "").strip() for given in inputs}
    fits = None if allowed is None else {licence.lower() for licence in allowed}
    return [
        f"source `{source}` states no licence"
        if not licence
        else f"source `{source}` has licence {licence}, which `release.allow` does not list"
        for source, licence in stated.items()
        if not licence or (fits is not None and licence.lower() not in fits)
    ]


def _sensitivity(most: Level | None, version: Version) -> list[str]:
    if most is None:
        return []
    known = (version.manifest.get("metadata") or {}).get("sensitivity")
    if known is None:
        return [f"its register does not hold the sensitivity of its columns (lakehouse run {version.dataset})"]
    return [
        f"column `{column}` is {each['level']} ({each['because']}), and `release.max_sensitivity` allows {most}"
        for column, each in known.items()
        if LEVELS.index(each["level"]) > LEVELS.index(most)
    ]


def _grade(least: Grade | None, version: Version) -> list[str]:
    if least is None:
        return []
    if version.grade is None:
        return [
            f"it has no grade, and `release.grade` asks for {least} (lakehouse version grade {version.dataset} --version {version.label})"
        ]
    if GRADES.index(version.grade) <= GRADES.index(least):
        return []
    why = [version.downgraded["reason"]] if version.downgraded else (version.graded or {}).get("because", [])
    return [f"its grade is {version.grade}, and `release.grade` asks for {least} ({'; '.join(why)})"]


def _screened(bounds: dict[str, float], version: Version) -> list[str]:
    """What was found beyond the declared bounds, as the grading recorded it."""
    found = (version.graded or {}).get("screen", {})
    this = f"{version.dataset} --version {version.label}"
    again = f"lakehouse version diagnose {this}, then lakehouse version grade {this}"
    missing = [kind for kind in bounds if found.get(kind) is None]
    beyond = [
        f"screening: {kind} is {found[kind]:.4f}, and `release.screen` allows {bound:g}"
        for kind, bound in bounds.items()
        if kind not in missing and found[kind] > bound
    ]
    return [*beyond, *([f"it was not screened for {', '.join(missing)} ({again})"] if missing else [])]
