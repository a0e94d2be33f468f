"""Where the rows came from, and what became of them on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.delivery.release.card.text import Markup, code, number, plain, short, table


def sources(manifest: Mapping[str, Any]) -> str:
    """The sources, as they were when the version was made, and the recipe."""
    inputs = manifest.get("inputs") or []
    if not inputs:
        return ""
    lines = [
        (
            code(i.get("source", "")),
            str(i.get("description") or ""),
            i.get("license") or "not stated",
            " ".join(str(i[key]) for key in ("connector", "place", "uri") if i.get(key)),
            str(i.get("collected_at") or "")[:10],
            number(i.get("rows")),
            short(i.get("content_id")),
        )
        for i in inputs
    ]
    steps = [f"{n}. {code(s.get('operator'))}{plain(_params(s.get('params')))}" for n, s in enumerate(manifest.get("recipe") or [], 1)]
    recipe = "\n\nRecipe:\n\n" + "\n".join(steps) if steps else ""
    names = ("source", "what it is", "licence", "collected from", "on", "rows", "content id")
    return "## Where it came from\n\n" + table(names, lines) + recipe


def variants(manifest: Mapping[str, Any]) -> str:
    """The rows that were not collected but made."""
    if not manifest.get("augment"):
        return ""
    made = {step["step"]: step["out"] - step["in"] for step in manifest["balance"] if step["operator"] == "augment"}
    lines = [
        (
            code(f"#{each['name']}."),
            Markup(", ".join(f"{code(s['operator'])}{plain(_params(s['params']))}" for s in each["steps"])),
            number(made[each["name"]]),
        )
        for each in manifest["augment"]
    ]
    note = "These rows of `train` were not collected: each was made from another, which its `row_id` names before the sign.\n\n"
    return "## Variants\n\n" + note + table((Markup("in `row_id`"), "made by", "rows"), lines)


def _params(params: Mapping[str, Any] | None) -> str:
    return f" {', '.join(f'{key}={value!r}' for key, value in params.items())}" if params else ""


def balance(manifest: Mapping[str, Any]) -> str:
    """The material balance, a line a step."""
    names = ("in", "created", "out", "merged", "dropped", "quarantined")
    lines = [
        (str(step.get("step", "")), code(step.get("operator", "")), *(number(step.get(name, 0)) for name in names))
        for step in manifest.get("balance") or []
    ]
    if not lines:
        return ""
    note = "\n\nIn each line: in + created = out + merged + dropped + quarantined."
    return "## Material balance\n\n" + table(("step", "operator", *names), lines) + note


def set_aside(manifest: Mapping[str, Any]) -> str:
    """The rows that were taken out, by reason."""
    lines = [
        (str(step.get("step", "")), reason, number(count))
        for step in manifest.get("balance") or []
        if step.get("operator") != "contract"
        for reason, count in (step.get("reasons") or {}).items()
    ]
    lines += [("contract", rule, number(count)) for rule, count in (manifest.get("violations") or {}).items()]
    if not lines:
        return "## What was set aside\n\nNothing."
    kept = manifest.get("quarantined")
    note = f"\n\n{kept:,} rows are in quarantine, each with every rule it breaks." if kept else ""
    return "## What was set aside, and why\n\n" + table(("step", "reason", "rows"), lines) + note
