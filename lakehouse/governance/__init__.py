"""Governance: who may read what, the audit log, the catalogue. How sensitive a column is declared in `core/sensitivity.py`."""
