"""The data factory: a dataset is one YAML file; its tables, checks, versions, card and release are computed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.access.door import read as read

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`lakehouse.read`, the audited door, loaded when it is first asked for: a command that reads nothing need not wait for it."""
    if name == "read":
        from lakehouse.access.door import read

        return read
    raise AttributeError(f"module `lakehouse` has no attribute `{name}`")
