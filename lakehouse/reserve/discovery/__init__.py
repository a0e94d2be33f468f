"""What material is, found by looking at a bounded sample of it."""
