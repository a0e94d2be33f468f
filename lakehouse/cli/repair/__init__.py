"""The commands of `lakehouse repair run`, one a file."""
