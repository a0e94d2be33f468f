"""The dataset card: a YAML header that `datasets.load_dataset` understands, and what a reader must know, from the manifest alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from lakehouse.core.sensitivity import WORDS
from lakehouse.delivery.release.features import features
from lakehouse.delivery.release.licenses import license_header

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
)
_SIZE_OF_SPLIT = {"num_bytes": "uncompressed_bytes", "num_examples": "rows"}
_ROW_ID = {"type": "String", "nullable": False, "unique": True, "description": "Identity of the row, stable over versions.", "checks": []}


def render(manifest: Mapping[str, Any], schema: pl.Schema, images: Sequence[str] = ()) -> str:
    """The card of a bundle.

    Args:
        manifest: the bundle's manifest, with `files`.
        schema: columns of the Parquet files, in order.
        images: pictures in the bundle, relative paths.
    """
    head = yaml.safe_dump(header(manifest, schema), sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)
    sections = [
        _what(manifest, images),
        _load(manifest),
        _splits(manifest),
        _variants(manifest),
        _columns(manifest, schema),
        _sources(manifest),
        _balance(manifest),
        _set_aside(manifest),
        _scores(manifest),
        _sensitivity(manifest),
        _grade(manifest),
        _limits(manifest),
        _identity(manifest),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(section.strip() for section in sections if section) + "\n"


def header(manifest: Mapping[str, Any], schema: pl.Schema) -> dict[str, Any]:
    """The YAML header as plain data."""
    metadata, files = manifest.get("metadata") or {}, manifest["files"]
    rows = sum(file["rows"] for file in files)
    found: dict[str, Any] = {
        "pretty_name": str(manifest["dataset"]).replace("_", " ").capitalize(),
        **license_header(metadata.get("license")),
    }
    if metadata.get("language"):
        found["language"] = list(metadata["language"])
    if metadata.get("tasks"):
        found["task_categories"] = list(metadata["tasks"])
    found["size_categories"] = [next((word for limit, word in _SIZES if rows < limit), "100B<n<1T")]
    found["tags"] = ["datasets", "polars", *(["synthetic"] if manifest.get("augment") else [])]
    found["configs"] = [
        {
            "config_name": "default",
            "default": True,
            "data_files": [
                {"split": split, "path": paths[0] if len(paths := [file["path"] for file in shards]) == 1 else paths}
                for split, shards in _by_split(files).items()
            ],
        }
    ]
    found["dataset_info"] = {
        "config_name": "default",
        "features": features(schema),
        "splits": [
            {"name": split, **{key: sum(file[of] for file in shards) for key, of in _SIZE_OF_SPLIT.items()}}
            for split, shards in _by_split(files).items()
        ],
        "download_size": sum(file["bytes"] for file in files),
        "dataset_size": sum(file["uncompressed_bytes"] for file in files),
    }
    return found


def _by_split(files: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The shards of each split, in order."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for file in files:
        found.setdefault(file["split"], []).append(file)
    return found


def _what(manifest: Mapping[str, Any], images: Sequence[str]) -> str:
    metadata = manifest.get("metadata") or {}
    lines = [f"# {manifest['dataset']} {manifest['label']}", "", str(metadata.get("description") or "")]
    owner = f"Owner: {metadata['owner']}. " if metadata.get("owner") else ""
    rows = sum(file["rows"] for file in manifest["files"])
    lines += ["", f"{owner}Licence: {metadata.get('license') or 'not stated'}. {rows:,} rows."]
    lines += ["", *(f"![{_picture(name)}]({name})" for name in images)] if images else []
    return "\n".join(lines)


def _picture(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _load(manifest: Mapping[str, Any]) -> str:
    first = manifest["files"][0]
    return f"""## How to load

```python
from datasets import load_dataset

rows = load_dataset("PATH_OR_HUB_REPOSITORY", split="{first["split"]}")
```

or without `datasets`: `polars.read_parquet("data/{first["split"]}-*.parquet")`."""


def _splits(manifest: Mapping[str, Any]) -> str:
    total = sum(file["rows"] for file in manifest["files"]) or 1
    lines = []
    for split, shards in _by_split(manifest["files"]).items():
        rows, size = (sum(file[key] for file in shards) for key in ("rows", "bytes"))
        more = f" and {len(shards) - 1} more" if len(shards) > 1 else ""
        lines.append((split, f"{rows:,}", f"{rows / total:.1%}", f"{size:,}", f"`{shards[0]['path']}`{more}"))
    rule = manifest.get("splits") or {}
    how = f"\n\nDivided by `{rule['by']}`" + (f" with seed {rule['seed']}." if "seed" in rule else ".") if rule.get("by") else ""
    return "## Splits\n\n" + _table(("split", "rows", "share", "bytes", "file"), lines) + how


def _columns(manifest: Mapping[str, Any], schema: pl.Schema) -> str:
    described = {**manifest["columns"], "row_id": _ROW_ID}
    lines = []
    for name in schema:
        column = described.get(name) or {}
        rules = [
            *([] if column.get("nullable") else ["not null"]),
            *(["unique"] if column.get("unique") else []),
            *column.get("checks", []),
        ]
        lines.append((f"`{name}`", column.get("type") or str(schema[name]), "; ".join(map(str, rules)), column.get("description") or ""))
    contract = manifest.get("contract") or {}
    note = f"\n\nContract: `{contract['reference']}`; every row keeps it." if contract.get("reference") else ""
    return "## Columns\n\n" + _table(("column", "type", "rules", "meaning"), lines) + note


def _sources(manifest: Mapping[str, Any]) -> str:
    lines = [
        (
            f"`{i.get('source', '')}`",
            _number(i.get("rows")),
            i.get("license") or "not stated",
            i.get("uri") or "",
            _short(i.get("content_id")),
        )
        for i in manifest.get("inputs") or []
    ]
    if not lines:
        return ""
    steps = [f"{n}. `{s.get('operator')}`{_params(s.get('params'))}" for n, s in enumerate(manifest.get("recipe") or [], 1)]
    recipe = "\n\nRecipe:\n\n" + "\n".join(steps) if steps else ""
    return "## Where it came from\n\n" + _table(("source", "rows", "licence", "collected from", "content id"), lines) + recipe


def _variants(manifest: Mapping[str, Any]) -> str:
    """The rows that were not collected but made."""
    if not manifest.get("augment"):
        return ""
    made = {step["step"]: step["out"] - step["in"] for step in manifest["balance"] if step["operator"] == "augment"}
    lines = [
        (f"`#{each['name']}.`", ", ".join(f"`{s['operator']}`{_params(s['params'])}" for s in each["steps"]), _number(made[each["name"]]))
        for each in manifest["augment"]
    ]
    note = "These rows of `train` were not collected: each was made from another, which its `row_id` names before the sign.\n\n"
    return "## Variants\n\n" + note + _table(("in `row_id`", "made by", "rows"), lines)


def _params(params: Mapping[str, Any] | None) -> str:
    return f" {', '.join(f'{key}={value!r}' for key, value in params.items())}" if params else ""


def _balance(manifest: Mapping[str, Any]) -> str:
    names = ("in", "created", "out", "merged", "dropped", "quarantined")
    lines = [
        (str(step.get("step", "")), f"`{step.get('operator', '')}`", *(_number(step.get(name, 0)) for name in names))
        for step in manifest.get("balance") or []
    ]
    if not lines:
        return ""
    note = "\n\nIn each line: in + created = out + merged + dropped + quarantined."
    return "## Material balance\n\n" + _table(("step", "operator", *names), lines) + note


def _set_aside(manifest: Mapping[str, Any]) -> str:
    lines = [
        (str(step.get("step", "")), reason, _number(count))
        for step in manifest.get("balance") or []
        if step.get("operator") != "contract"
        for reason, count in (step.get("reasons") or {}).items()
    ]
    lines += [("contract", rule, _number(count)) for rule, count in (manifest.get("violations") or {}).items()]
    if not lines:
        return "## What was set aside\n\nNothing."
    kept = manifest.get("quarantined")
    note = f"\n\n{kept:,} rows are in quarantine, each with every rule it breaks." if kept else ""
    return "## What was set aside, and why\n\n" + _table(("step", "reason", "rows"), lines) + note


def _scores(manifest: Mapping[str, Any]) -> str:
    scores = [
        (name, on, metric, _value(value))
        for name, result in sorted((manifest.get("evaluations") or {}).items())
        for on, metrics in sorted((result.get("metrics") or {}).items())
        if isinstance(metrics, Mapping)
        for metric, value in sorted(metrics.items())
    ]
    gates = manifest.get("gates") or {}
    verdicts = [
        (
            str(v.get("gate", "")),
            str(v.get("metric", "")),
            _value(v.get("value")),
            _value(v.get("threshold", v.get("versus"))),
            "passed" if v.get("passed") else "failed",
            str(v.get("reason") or v.get("verdict") or ""),
        )
        for v in gates.get("verdicts") or []
    ]
    if not scores and not verdicts:
        return "## Evaluations\n\nNone were run."
    text = "## Evaluations and gates"
    if scores:
        text += "\n\n" + _table(("evaluation", "on", "metric", "value"), scores)
    if verdicts:
        text += "\n\n" + _table(("gate", "metric", "value", "needed", "verdict", "reason"), verdicts)
    return text


def _grade(manifest: Mapping[str, Any]) -> str:
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
    head = (
        f"## Grade\n\n**{graded['grade']}** by rule `{graded['rule']}`: {'; '.join(graded['because'])}. Essential indicators have a *.\n\n"
    )
    lowered = manifest.get("downgraded")
    if lowered:
        head += f"Lowered to **{lowered['grade']}**: {lowered['reason']}.\n\n"
    note = "\n\nThe names follow the families of ISO/IEC 5259 and GB/T 36344; no conformity is claimed."
    return head + _table(("indicator", "grade", "value", "95 % interval", "what was counted"), lines) + note


def _sensitivity(manifest: Mapping[str, Any]) -> str:
    known = (manifest.get("metadata") or {}).get("sensitivity")
    if not known:
        return ""
    lines = [(f"`{column}`", f"{each['level']} {WORDS[each['level']]}", each["because"]) for column, each in known.items()]
    note = "\n\nThe levels have the form of GB/T 43697-2024; no conformity is claimed."
    return "## Sensitivity\n\n" + _table(("column", "level", "why"), lines) + note


def _limits(manifest: Mapping[str, Any]) -> str:
    lines = [_erased(manifest["erased"])] if manifest.get("erased") else []
    lines += [f"- Column `{name}` may hold personal data: {', '.join(found)}." for name, found in _carried(manifest) if found]
    if not any(found for _, found in _carried(manifest)) and manifest.get("privacy") is not None:
        lines.append("- No column carries a declared privacy class. Redaction works by rules: what no rule describes is not found.")
    lines += [f"- In more than one split: {_value(found)} {name}." for name, found in sorted((manifest.get("leaks") or {}).items())]
    if manifest.get("evaluations"):
        lines.append("- Scores hold for the splits and held-out sets they were measured on, not for other material.")
    return "## Known limits\n\n" + "\n".join(lines or ["None are recorded."])


def _erased(erased: Mapping[str, Any]) -> str:
    return (
        f"- {erased['rows']:,} rows were erased after this version was sealed (the last on {erased['at'][:10]}): its content id is that of "
        f"the rows it was sealed with, `{str(erased['content_id'])[:12]}` is that of those it has; scores and balance speak of the former."
    )


def _carried(manifest: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    return sorted((manifest.get("privacy") or {}).items())


def _identity(manifest: Mapping[str, Any]) -> str:
    contract = manifest.get("contract") or {}
    lines = [("version", f"`{manifest['version']}`"), ("label", manifest["label"]), ("plan id", f"`{manifest['plan_id']}`")]
    lines += [("content id", f"`{manifest['content_id']}`"), ("contract hash", f"`{contract.get('hash', '')}`")]
    lines += [
        ("parents", ", ".join(f"`{p}`" for p in manifest.get("parents") or []) or "none"),
        ("made at", str(manifest.get("made_at", ""))),
    ]
    return (
        "## Identity\n\n"
        + _table(("", ""), lines)
        + "\n\n## How to verify\n\n`sha256sum -c SHA256SUMS` in this folder checks every byte; "
        + "`manifest.json` holds inputs, recipe, balance, scores and verdicts."
    )


def _table(names: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [names, ["---"] * len(names), *lines]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items())
    return "" if value is None else str(value)


def _short(digest: Any) -> str:
    return f"`{str(digest)[:12]}`" if digest else ""
