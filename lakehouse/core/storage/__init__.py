"""Bytes beside the tables: blobs, cold packs over several locations, their repair, the life of keys. Tables are `core/lake`'s."""
