"""Erasure: rows leave every place of the lake, its history included, and a register records it."""
