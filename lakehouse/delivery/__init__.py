"""Delivery: a version leaves the factory. What it must meet before is measured in `pilot` and `operations`."""
