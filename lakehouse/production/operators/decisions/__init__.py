"""Operators that carry out what people or a repair decided about single rows."""
