"""Operators of published quality rules for web text."""
