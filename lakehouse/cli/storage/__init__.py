"""The commands of `lakehouse storage`, one a file."""
