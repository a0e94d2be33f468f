"""The engine of a recipe: operators bound to columns, signals measured, rows decided, tables brought to what was decided."""
