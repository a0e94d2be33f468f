"""Delivery: versions leave the factory. `pilot` and `operations` measure the conditions of a release."""
