"""Recipes of others, and recipes that papers describe, as dataset files of this factory."""
