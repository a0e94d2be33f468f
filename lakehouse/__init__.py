"""The data factory: a dataset is one YAML file; its tables, checks, versions, card and release are computed from it."""

__version__ = "0.1.0"
