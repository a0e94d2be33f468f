"""The commands of `lakehouse version`, one a file."""
