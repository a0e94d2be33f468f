"""How good the rows are, how sensitive, and what is known to be wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.core.sensitivity import WORDS
from lakehouse.core.text.numbers import counted
from lakehouse.delivery.release.card.text import code, plain, table, value
from lakehouse.production.split_leaks import of_manifest


def scores(manifest: Mapping[str, Any]) -> str:
    """Scores of the evaluations and verdicts of the gates."""
    scores = [
        (name, on, metric, value(measured))
        for name, result in sorted((manifest.get("evaluations") or {}).items())
        for on, metrics in sorted((result.get("metrics") or {}).items())
        if isinstance(metrics, Mapping)
        for metric, measured in sorted(metrics.items())
    ]
    gates = manifest.get("gates") or {}
    verdicts = [
        (
            str(v.get("gate", "")),
            str(v.get("metric", "")),
            value(v.get("value")),
            value(v.get("threshold", v.get("versus"))),
            "passed" if v.get("passed") else "failed",
            str(v.get("reason") or v.get("verdict") or ""),
        )
        for v in gates.get("verdicts") or []
    ]
    if not scores and not verdicts:
        return "## Evaluations\n\nNone were run."
    text = "## Evaluations and gates"
    if scores:
        text += "\n\n" + table(("evaluation", "on", "metric", "value"), scores)
    if verdicts:
        text += "\n\n" + table(("gate", "metric", "value", "needed", "verdict", "reason"), verdicts)
    return text


def grade(manifest: Mapping[str, Any]) -> str:
    """The grade, with what was counted for it."""
    graded = manifest.get("graded")
    if not graded:
        return ""
    lines = [
        (
            each["name"] + (" *" if each["essential"] else ""),
            each["grade"] or "-",
            "-" if each["value"] is None else f"{each['value']:.4f}",
            "-" if each["low"] is None else f"{each['low']:.4f} to {each['high']:.4f}",
            each["how"],
        )
        for each in graded["indicators"]
    ]
    because = plain("; ".join(graded["because"]))
    head = f"## Grade\n\n**{graded['grade']}** by rule {code(graded['rule'])}: {because}. Essential indicators have a *.\n\n"
    lowered = manifest.get("downgraded")
    if lowered:
        head += f"Lowered to **{lowered['grade']}**: {plain(lowered['reason'])}.\n\n"
    note = "\n\nThe names follow the families of ISO/IEC 5259 and GB/T 36344; no conformity is claimed."
    return head + table(("indicator", "grade", "value", "95 % interval", "what was counted"), lines) + note


def sensitivity(manifest: Mapping[str, Any]) -> str:
    """The sensitivity of the columns."""
    known = (manifest.get("metadata") or {}).get("sensitivity")
    if not known:
        return ""
    lines = [(code(column), f"{each['level']} {WORDS[each['level']]}", each["because"]) for column, each in known.items()]
    note = "\n\nThe levels have the form of GB/T 43697-2024; no conformity is claimed."
    return "## Sensitivity\n\n" + table(("column", "level", "why"), lines) + note


def limits(manifest: Mapping[str, Any]) -> str:
    """What is known to be wrong or missing."""
    lines = [_erased(manifest["erased"])] if manifest.get("erased") else []
    lines += [f"- Column {code(name)} may hold personal data: {plain(', '.join(found))}." for name, found in _carried(manifest) if found]
    if not any(found for _, found in _carried(manifest)) and manifest.get("privacy") is not None:
        lines.append("- No column carries a declared privacy class. Redaction works by rules: what no rule describes is not found.")
    lines += _leaks(manifest)
    if manifest.get("evaluations"):
        lines.append("- Scores hold for the splits and held-out sets they were measured on, not for other material.")
    return "## Known limits\n\n" + "\n".join(lines or ["None are recorded."])


def _leaks(manifest: Mapping[str, Any]) -> list[str]:
    """What more than one split holds, and by which columns that was looked for."""
    if manifest.get("leaks") is None:
        return []
    leaks = of_manifest(manifest["leaks"])
    found = [*leaks.in_words(), *leaks.remarks()]
    by = f" equal in {', '.join(code(column) for column in leaks.columns)}" if leaks.columns else ""
    return [f"- Splits: {plain(each)}." for each in found] or [
        f"- No split leak was found: no group is divided, and no row{by} is in two splits."
    ]


def _erased(erased: Mapping[str, Any]) -> str:
    return (
        f"- {counted(erased['rows'], 'row was', 'rows were')} erased after this version was sealed (the last on {erased['at'][:10]}): its "
        f"content id is that of the rows it was sealed with, `{str(erased['content_id'])[:12]}` is that of those it has; scores and "
        f"balance speak of the former."
    )


def _carried(manifest: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    return sorted((manifest.get("privacy") or {}).items())
