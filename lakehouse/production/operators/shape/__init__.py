"""Operators that cut or sample rows."""
