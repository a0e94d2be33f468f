"""Discovery: what material is, found by looking at a bounded sample of it. It collects nothing."""
