"""The commands of `lakehouse source`, one a file."""
