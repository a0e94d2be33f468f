"""Whether a version may be released, read from the register alone: a run that failed a check cannot be released later by mistake."""

from __future__ import annotations

from typing import Any

from lakehouse.errors import ReleaseError
from lakehouse.spec import Dataset, expand_privacy
from lakehouse.versions import Version


def reasons(spec: Dataset, version: Version, *, new_gates: bool = True) -> list[str]:
    """Every reason why `version` may not be released; empty when it may.

    Args:
        new_gates: hold the version to the gates declared now, also those declared after it was judged. A rollback does not.
    """
    if spec.release is None:
        return ["the dataset declares no `release:`"]
    return [*_gates(spec, version, new_gates), *_privacy(spec.release.forbid, version), *_licences(version)]


def refuse(spec: Dataset, version: Version, *, new_gates: bool = True) -> None:
    """Raise what `reasons` finds.

    Raises:
        ReleaseError: with every reason.
    """
    found = reasons(spec, version, new_gates=new_gates)
    if not found:
        return
    if spec.release is None:
        raise ReleaseError(
            f"{spec.dataset} declares no `release:`", where=f"assets/datasets/{spec.dataset}.yaml", fix="add `release: {license: ...}`"
        )
    head = f"{spec.dataset} {version.label} ({version.version}) cannot be released: "
    raise ReleaseError(head + found[0] if len(found) == 1 else head + "".join(f"\n  - {reason}" for reason in found))


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
        return ["its manifest does not say which privacy classes its columns carry"]
    found = {column: sorted(expand_privacy(list(classes)) & forbidden) for column, classes in sorted(carried.items())}
    return [
        f"column `{column}` may still hold {', '.join(classes)}, which `release.forbid` rules out (add a `redact` step for it)"
        for column, classes in found.items()
        if classes and column in version.manifest["columns"]
    ]


def _licences(version: Version) -> list[str]:
    inputs = version.manifest.get("inputs") or []
    if not inputs:
        return ["its manifest names no inputs, so no licence is known"]
    return [f"source `{given.get('source')}` states no licence" for given in inputs if not str(given.get("license") or "").strip()]
