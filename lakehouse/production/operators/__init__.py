"""Operators, one a file; the folder is their kind."""
