"""Operators that make variants of rows."""
