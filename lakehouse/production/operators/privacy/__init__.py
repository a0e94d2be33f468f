"""Operators that take private data out."""
