"""Bytes beside the tables: cold packs over several locations, their repair."""
