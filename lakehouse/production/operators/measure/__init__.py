"""Operators that measure a text and bound what was measured."""
