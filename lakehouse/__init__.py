"""The data factory: a dataset is one YAML file; its tables, checks, versions, card and release are computed from it.

Public names, for scripts and contracts: `load` and `load_datasets` give the rows of a version to Polars and to the `datasets` library;
`read` reads a table through the audited door; `standard_field` is the column of a contract that a data standard defines. Each is loaded
when it is first asked for, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.core.spec.standards import standard_field as standard_field
    from lakehouse.governance.access.door import read as read
    from lakehouse.operations.load import load as load
    from lakehouse.operations.load import load_datasets as load_datasets

__version__ = "0.1.0"
_PUBLIC = {
    "load": "lakehouse.operations.load",
    "load_datasets": "lakehouse.operations.load",
    "read": "lakehouse.governance.access.door",
    "standard_field": "lakehouse.core.spec.standards",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        import importlib

        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module `lakehouse` has no attribute `{name}`")
