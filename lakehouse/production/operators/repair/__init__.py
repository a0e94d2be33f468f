"""Operators that repair or clean a text."""
