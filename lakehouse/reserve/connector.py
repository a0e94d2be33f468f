"""The register of connectors; a connector turns its YAML parameters into a Feed."""

from __future__ import annotations

from lakehouse.registry import Registry

CONNECTORS = Registry("connector", "lakehouse.reserve.connectors")
