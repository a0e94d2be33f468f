"""What a dataset shall hold, what that takes by what was measured so far, and what came of it."""
