"""JSON schemas of the declarations, with every operator, connector and evaluation and its parameters, for editors."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.core.project import Settings
from lakehouse.core.registry import Entry, Registry
from lakehouse.core.spec import Dataset, Source
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.screening.detector import DETECTORS

REGISTRIES: dict[str, Registry] = {"connector": CONNECTORS, "detector": DETECTORS, "operator": OPERATORS, "evaluation": EVALUATIONS}


def dataset_schema() -> dict[str, Any]:
    """JSON schema of `assets/datasets/*.yaml`."""
    schema = Dataset.model_json_schema()
    schema["properties"]["recipe"]["items"] = _calls(OPERATORS, schema, lambda entry: not entry.info.get("seeded"))
    schema["$defs"]["Augmentation"]["properties"]["steps"]["items"] = _calls(
        OPERATORS, schema, lambda entry: entry.info["cardinality"] == "1:1"
    )
    schema["$defs"]["Pilot"]["properties"]["evaluations"]["items"] = _calls(EVALUATIONS, schema)
    return _closed(schema, "https://json-schema.org/draft/2020-12/schema")


def source_schema() -> dict[str, Any]:
    """JSON schema of `assets/sources/*.yaml`."""
    schema = Source.model_json_schema()
    schema["properties"]["connector"] = _calls(CONNECTORS, schema)
    schema["properties"]["screening"]["items"] = _detections(schema)
    return _closed(schema, "https://json-schema.org/draft/2020-12/schema")


def settings_schema() -> dict[str, Any]:
    """JSON schema of `lakehouse.yaml`."""
    return _closed(Settings.model_json_schema(), "https://json-schema.org/draft/2020-12/schema")


def write_schemas(folder: Path) -> list[Path]:
    """Write the schemas to a folder, `source.json`, `dataset.json` and `lakehouse.json`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, schema in (("source", source_schema()), ("dataset", dataset_schema()), ("lakehouse", settings_schema())):
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return files


def _calls(registry: Registry, schema: dict[str, Any], fits: Callable[[Entry], bool] = lambda _: True) -> dict[str, Any]:
    """One alternative an entry that fits: `{name: {parameters}}`, or the bare name where no parameter is required."""
    choices: list[dict[str, Any]] = []
    for name, entry in registry.entries().items():
        if not fits(entry):
            continue
        params = entry.params.model_json_schema(ref_template="#/$defs/{model}")
        schema.setdefault("$defs", {}).update(params.pop("$defs", {}))
        params["description"] = entry.summary
        choices.append({"type": "object", "properties": {name: params}, "required": [name], "additionalProperties": False})
        if not params.get("required"):
            choices.append({"const": name})
    return {"oneOf": choices}


def _detections(schema: dict[str, Any]) -> dict[str, Any]:
    """The calls of detectors, each with what is done about its findings beside it."""
    beside = {k: v for k, v in schema["$defs"].pop("Detection")["properties"].items() if k not in ("name", "params")}
    calls = _calls(DETECTORS, schema)
    for choice in calls["oneOf"]:
        if "properties" in choice:
            choice["properties"].update(beside)
    return calls


def _closed(schema: dict[str, Any], dialect: str) -> dict[str, Any]:
    schema.get("$defs", {}).pop("Call", None)
    return {"$schema": dialect, **schema}


@dataclass(frozen=True)
class Parameter:
    """A parameter in words: its type, its default as YAML would write it (None: required), and its description in the docstring."""

    name: str
    type: str
    default: str | None
    meaning: str


def parameters_of(entry: Entry) -> list[Parameter]:
    """The parameters of an operator, connector or evaluation, in order."""
    schema = entry.params.model_json_schema()
    meanings = _meanings(inspect.getdoc(entry.function) or "")
    out = []
    for name, field in entry.params.model_fields.items():
        default = None if field.is_required() else json.dumps(field.default, ensure_ascii=False)
        out.append(Parameter(name, _in_words(schema["properties"][name], schema), default, meanings.get(name, "")))
    return out


def _in_words(value: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in value:
        fields = schema["$defs"][value["$ref"].rpartition("/")[2]]["properties"]
        return "{" + ", ".join(fields) + "}"
    if "enum" in value:
        return " or ".join(value["enum"])
    if "const" in value:
        return str(value["const"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_in_words(choice, schema) for choice in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of {_in_words(value.get('items', {}), schema)}"
    if value.get("type") == "object":
        return f"mapping to {_in_words(value.get('additionalProperties', {}), schema)}"
    return {"null": "null", "integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}.get(
        value.get("type", ""), "any"
    )


def _meanings(doc: str) -> dict[str, str]:
    """The lines under `Args:` by parameter, continuation lines joined."""
    found: dict[str, str] = {}
    name, inside = "", False
    for line in doc.splitlines():
        if line.strip() in ("Args:", "Returns:", "Raises:", "Example:"):
            inside = line.strip() == "Args:"
        elif inside and (match := re.match(r"    (\w+): (.*)", line)):
            name = match[1]
            found[name] = match[2]
        elif inside and name and line.startswith("        "):
            found[name] += " " + line.strip()
    return found
