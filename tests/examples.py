"""How many examples a property is tried on."""

from hypothesis import settings


def examples(share: float) -> int:
    """A share of the examples of the profile in force, at least one: for properties of which an example makes a lake."""
    return max(1, round(settings().max_examples * share))
