"""Encryption at rest: sealed streams, the keys they open by, and the data files of tables that are kept so."""
