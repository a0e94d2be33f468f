"""Authoring: writes the files that a person then owns: a first factory, JSON schemas, recipes of others. It makes no table."""
