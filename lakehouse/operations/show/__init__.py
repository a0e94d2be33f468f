"""Rows to look at: of a version, of a source, and those that the recipe or the contract set aside. Only what is shown is read."""
