"""Operators against unwanted content."""
