"""What is in the files: splits, columns, labels by split, some rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lakehouse.delivery.release.card.text import Markup, code, plain, table
from lakehouse.delivery.release.facts import Facts

_ROW_ID = {"type": "String", "nullable": False, "unique": True, "description": "Identity of the row, stable over versions.", "checks": []}
_CUT = 200
"""Characters of a value in an example."""


def by_split(files: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The shards of each split, in order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for file in files:
        found.setdefault(file["split"], []).append(file)
    return found


def splits(manifest: Mapping[str, Any]) -> str:
    """Rows and files of each split."""
    total = sum(file["rows"] for file in manifest["files"]) or 1
    lines = []
    for split, shards in by_split(manifest["files"]).items():
        rows, size = (sum(file[key] for file in shards) for key in ("rows", "bytes"))
        more = f" and {len(shards) - 1} more" if len(shards) > 1 else ""
        lines.append((split, f"{rows:,}", f"{rows / total:.1%}", f"{size:,}", Markup(f"{code(shards[0]['path'])}{more}")))
    rule = manifest.get("splits") or {}
    of = " and ".join(code(column) for column in (rule.get("columns") or [rule.get("column")]) if column)
    how = (
        f"\n\nDivided by {code(rule['by'])}" + (f" of {of}" if of else "") + (f" with seed {rule['seed']}." if "seed" in rule else ".")
        if rule.get("by")
        else ""
    )
    return "## Splits\n\n" + table(("split", "rows", "share", "bytes", "file"), lines) + how


def labels(manifest: Mapping[str, Any], facts: Facts) -> str:
    """How the values of each label are distributed over the splits."""
    parts = []
    names = list(by_split(manifest["files"]))
    for column, counts in facts.labels.items():
        totals = {split: sum(of.get(split, 0) for of in counts.values()) for split in names}
        lines = [
            (value, *(f"{of.get(split, 0):,} ({of.get(split, 0) / (totals[split] or 1):.1%})" for split in names))
            for value, of in counts.items()
        ]
        parts.append(f"## Distribution of {code(column)}\n\n" + table((column, *names), lines))
    return "\n\n".join(parts)


def columns(manifest: Mapping[str, Any], schema: pl.Schema, facts: Facts) -> str:
    """The columns with type, rules and meaning."""
    described = {**manifest["columns"], "row_id": _ROW_ID}
    lines = []
    for name in schema:
        column = described.get(name) or {}
        rules = [
            *([] if column.get("nullable") else ["not null"]),
            *(["unique"] if column.get("unique") else []),
            *column.get("checks", []),
        ]
        kind = "Image" if name in facts.pictures else column.get("type") or str(schema[name])
        lines.append((code(name), kind, "; ".join(map(str, rules)), column.get("description") or ""))
    contract = manifest.get("contract") or {}
    note = f"\n\nContract: {code(contract['reference'])}; every row keeps it." if contract.get("reference") else ""
    return "## Columns\n\n" + table(("column", "type", "rules", "meaning"), lines) + note


def examples(manifest: Mapping[str, Any], facts: Facts) -> str:
    """Some rows, a table each, long values cut."""
    if not facts.examples:
        return ""
    split = manifest["files"][0]["split"]
    parts = [table(("column", "value"), [(code(name), _shown(value)) for name, value in row.items()]) for row in facts.examples]
    return f"## Examples\n\nThe first rows of {plain(split)}; long values are cut.\n\n" + "\n\n".join(parts)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _words(value)
    return text if len(text) <= _CUT else text[:_CUT] + "…"


def _words(value: Any) -> str:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return json.dumps(value, default=_words, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
