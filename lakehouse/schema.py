"""JSON schemas of the declarations, with every operator, connector and evaluation and its parameters, for editors."""

from __future__ import annotations

from typing import Any

from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.production.operator import OPERATORS
from lakehouse.registry import Registry
from lakehouse.reserve.connector import CONNECTORS
from lakehouse.spec import Dataset, Source

REGISTRIES: dict[str, Registry] = {"connector": CONNECTORS, "operator": OPERATORS, "evaluation": EVALUATIONS}


def dataset_schema() -> dict[str, Any]:
    """JSON schema of `assets/datasets/*.yaml`."""
    schema = Dataset.model_json_schema()
    schema["properties"]["recipe"]["items"] = _calls(OPERATORS, schema)
    schema["$defs"]["Pilot"]["properties"]["evaluations"]["items"] = _calls(EVALUATIONS, schema)
    return _closed(schema, "https://json-schema.org/draft/2020-12/schema")


def source_schema() -> dict[str, Any]:
    """JSON schema of `assets/sources/*.yaml`."""
    schema = Source.model_json_schema()
    schema["properties"]["connector"] = _calls(CONNECTORS, schema)
    return _closed(schema, "https://json-schema.org/draft/2020-12/schema")


def _calls(registry: Registry, schema: dict[str, Any]) -> dict[str, Any]:
    """One alternative an entry: `{name: {parameters}}`, or the bare name where no parameter is required."""
    choices: list[dict[str, Any]] = []
    for name, entry in registry.entries().items():
        params = entry.params.model_json_schema(ref_template="#/$defs/{model}")
        schema.setdefault("$defs", {}).update(params.pop("$defs", {}))
        params["description"] = entry.summary
        choices.append({"type": "object", "properties": {name: params}, "required": [name], "additionalProperties": False})
        if not params.get("required"):
            choices.append({"const": name})
    return {"oneOf": choices}


def _closed(schema: dict[str, Any], dialect: str) -> dict[str, Any]:
    schema.get("$defs", {}).pop("Call", None)
    return {"$schema": dialect, **schema}
