"""The dataset card: a YAML header that `datasets.load_dataset` understands, and what a reader must know, from the manifest alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from lakehouse.delivery.release.card import content, making, quality
from lakehouse.delivery.release.card.content import by_split
from lakehouse.delivery.release.card.text import Markup, code, plain, table
from lakehouse.delivery.release.facts import Facts
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


def render(manifest: Mapping[str, Any], schema: pl.Schema, images: Sequence[str] = (), facts: Facts | None = None) -> str:
    """The card of a bundle.

    Args:
        manifest: the bundle's manifest, with `files`.
        schema: columns of the Parquet files, in order.
        images: pictures in the bundle, relative paths.
        facts: what was read of the rows.
    """
    facts = facts or Facts()
    head = yaml.safe_dump(header(manifest, schema, facts), sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)
    sections = [
        _what(manifest, images),
        _load(manifest),
        content.splits(manifest),
        content.labels(manifest, facts),
        making.variants(manifest),
        content.columns(manifest, schema, facts),
        content.examples(manifest, facts),
        making.sources(manifest),
        making.balance(manifest),
        making.set_aside(manifest),
        quality.scores(manifest),
        quality.sensitivity(manifest),
        quality.grade(manifest),
        quality.limits(manifest),
        _citation(manifest),
        _identity(manifest),
    ]
    return f"---\n{head}---\n\n" + "\n\n".join(section.strip() for section in sections if section) + "\n"


def header(manifest: Mapping[str, Any], schema: pl.Schema, facts: Facts) -> dict[str, Any]:
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
                for split, shards in by_split(files).items()
            ],
        }
    ]
    found["dataset_info"] = {
        "config_name": "default",
        "features": features(schema, facts.codes, facts.pictures),
        "splits": [
            {"name": split, **{key: sum(file[of] for file in shards) for key, of in _SIZE_OF_SPLIT.items()}}
            for split, shards in by_split(files).items()
        ],
        "download_size": sum(file["bytes"] for file in files),
        "dataset_size": sum(file["uncompressed_bytes"] for file in files),
    }
    return found


def _what(manifest: Mapping[str, Any], images: Sequence[str]) -> str:
    metadata = manifest.get("metadata") or {}
    lines = [f"# {manifest['dataset']} {manifest['label']}", "", str(metadata.get("description") or "")]
    owner = f"Owner: {metadata['owner']}. " if metadata.get("owner") else ""
    rows = sum(file["rows"] for file in manifest["files"])
    lines += ["", f"{owner}Licence: {plain(metadata.get('license') or 'not stated')}. {rows:,} rows."]
    lines += ["", *(f"![{_picture(name)}]({name})" for name in images)] if images else []
    return "\n".join(lines)


def _picture(name: str) -> str:
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _load(manifest: Mapping[str, Any]) -> str:
    first = manifest["files"][0]
    hub = _hub(manifest)
    where = f'"{hub}", revision="v{manifest["label"]}"' if hub else '"PATH_OR_HUB_REPOSITORY"'
    return f"""## How to load

```python
from datasets import load_dataset

rows = load_dataset({where}, split="{first["split"]}")
```

or without `datasets`: `polars.read_parquet("data/{first["split"]}-*.parquet")`."""


def _citation(manifest: Mapping[str, Any]) -> str:
    """How to cite the version, and whom to ask."""
    metadata = manifest.get("metadata") or {}
    hub, owner = _hub(manifest), metadata.get("owner")
    fields = {
        "title": manifest["dataset"],
        "author": f"{{{owner}}}" if owner else None,
        "year": str(manifest.get("made_at") or "")[:4],
        "version": manifest["label"],
        "url": f"https://huggingface.co/datasets/{hub}" if hub else None,
    }
    key = f"{manifest['dataset']}_{str(manifest['label']).replace('.', '_')}"
    made = f"@misc{{{key},\n" + ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value) + "\n}"
    entry = str(metadata.get("citation") or made).strip().replace("`", "")
    contact = metadata.get("contact") or owner
    return f"## Citation\n\n```bibtex\n{entry}\n```" + (f"\n\nContact: {plain(contact)}." if contact else "")


def _hub(manifest: Mapping[str, Any]) -> str | None:
    """The repository on the Hub that the version is released to, if it is known."""
    return (manifest.get("metadata") or {}).get("hub")


def _identity(manifest: Mapping[str, Any]) -> str:
    contract = manifest.get("contract") or {}
    lines = [("version", code(manifest["version"])), ("label", manifest["label"]), ("plan id", code(manifest["plan_id"]))]
    lines += [("content id", code(manifest["content_id"])), ("contract hash", code(contract.get("hash", "")))]
    parents = ", ".join(code(parent) for parent in manifest.get("parents") or [])
    lines += [("parents", Markup(parents or "none")), ("made at", str(manifest.get("made_at", "")))]
    return (
        "## Identity\n\n"
        + table(("", ""), lines)
        + "\n\n## How to verify\n\n`sha256sum -c SHA256SUMS` in this folder checks every byte; "
        + "`manifest.json` holds inputs, recipe, balance, scores and verdicts."
    )
