"""Operators that look up the rows of another dataset by a key; no step here compares texts by likeness."""
