"""Erase rows from every place of the lake, its history included, and record that it was done."""
