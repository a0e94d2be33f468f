"""Operators for Chinese text."""
