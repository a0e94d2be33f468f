"""The rooms of the package and the imports between them: `python tools/house.py` draws docs/images/house.png from the code as it is."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lakehouse"
FLOORS = {
    "core": 0,
    "reserve": 1,
    "production": 2,
    "pilot": 3,
    "governance": 3,
    "delivery": 4,
    "annotation": 4,
    "authoring": 4,
    "operations": 5,
    "cli": 6,
}
"""Rooms by floor; a room imports from floors below its own, rooms of one floor know nothing of each other."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports() -> dict[str, set[str]]:
    """For each module the modules that it names: in import statements, anywhere in it, and in strings that are a module's whole name."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                named |= {full if (full := f"{node.module}.{alias.name}") in known else node.module for alias in node.names}
            elif isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count("."):
                named.add(node.value)
        found[name] = (named & known.keys()) - {name}
    return found


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def arrows() -> Counter[tuple[str, str]]:
    """How many imports run from one room to another."""
    found: Counter[tuple[str, str]] = Counter()
    for module, others in imports().items():
        for other in others:
            if (here := room(module)) and (there := room(other)) and here != there:
                found[here, there] += 1
    return found


def draw(file: Path) -> None:
    """The rooms by floor, each with what its package says of itself, and an arrow for each pair of rooms, as wide as it is used."""
    import math

    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    figure = Figure(figsize=(11, 9), dpi=120)
    axes = figure.subplots()
    floors: dict[int, list[str]] = {}
    for name, floor in FLOORS.items():
        floors.setdefault(floor, []).append(name)
    places: dict[str, tuple[float, float]] = {}
    for floor, names in floors.items():
        for at, name in enumerate(names):
            x, y = (at + 0.5) * 12 / len(names), floor * 1.6
            places[name] = (x, y)
            axes.add_patch(FancyBboxPatch((x - 1.5, y - 0.4), 3.0, 0.8, boxstyle="round,pad=0.05", fc="#eef3fb", ec="#2f5597", zorder=3))
            lines = sum(len(path.read_bytes().splitlines()) for path in (PACKAGE / name).rglob("*.py"))
            axes.text(x, y + 0.1, name, ha="center", va="center", fontsize=13, weight="bold", zorder=4)
            axes.text(x, y - 0.22, f"{lines:,} lines", ha="center", va="center", fontsize=8, color="#555555", zorder=4)
    for (here, there), number in arrows().items():
        (x1, y1), (x2, y2) = places[here], places[there]
        bend = 0.25 if abs(x1 - x2) < 0.1 and FLOORS[here] - FLOORS[there] > 1 else 0.0
        style = {"arrowstyle": "-|>", "mutation_scale": 10, "lw": 0.4 + 0.5 * math.log10(number), "color": "#8094b8", "zorder": 1}
        axes.add_patch(FancyArrowPatch((x1, y1 - 0.42), (x2, y2 + 0.44), connectionstyle=f"arc3,rad={bend}", **style))
    axes.set_xlim(0, 12)
    axes.set_ylim(-0.8, max(floors) * 1.6 + 0.8)
    axes.axis("off")
    axes.set_title("Rooms of lakehouse/: a room imports from the floors below its own, never from its own or above", fontsize=11)
    figure.savefig(file, bbox_inches="tight")


if __name__ == "__main__":
    draw(ROOT / "docs" / "images" / "house.png")
