"""Evaluations, one a file: jobs that score a version."""
