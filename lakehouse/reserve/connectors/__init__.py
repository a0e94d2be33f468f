"""Connectors, one a file: from parameters in YAML to material; how bytes travel is `reserve/transport`'s."""

from __future__ import annotations

from lakehouse.core.registry import Registry

CONNECTORS = Registry("connector", "lakehouse.reserve.connectors")
