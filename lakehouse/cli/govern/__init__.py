"""The commands of `lakehouse govern`, one a file."""
