"""Detectors, one a file."""
