"""Operators that find rows which repeat others."""
