"""Operators that bound simple statistics of a text."""
