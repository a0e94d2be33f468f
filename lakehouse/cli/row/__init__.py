"""The commands of `lakehouse row`, one a file."""
