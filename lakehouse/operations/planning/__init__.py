"""Planning: what a dataset shall hold, what that takes by what was measured, and what came of it."""
