"""The commands of `lakehouse recipe`, one a file."""
