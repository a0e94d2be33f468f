"""Which rows are wrong, and why: one question a file, each a pure function on arrays or frames."""
