"""Write docs/operators.md and docs/connectors.md from the docstrings and signatures: `python docs/generate.py`."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from lakehouse.registry import Entry
from lakehouse.schema import REGISTRIES, parameters_of

HERE = Path(__file__).parent
INTRO = {
    "operators": (
        "# Operators\n\nAn operator is one file and one function under `lakehouse/production/operators/`. Its cardinality says what "
        "it does to rows: `1:1` changes values, `1:0` keeps or drops, `N:1` merges, `1:N` divides.\nThis page is written from the code "
        "(`python docs/generate.py`); `lakehouse operators NAME` shows the same on the terminal.\n"
    ),
    "connectors": (
        "# Connectors and evaluations\n\nA connector brings a source's material in; an evaluation scores a version. "
        "This page is written from the code (`python docs/generate.py`).\n"
    ),
}


def page(name: str) -> str:
    """The text of docs/<name>.md."""
    kinds = ["operator"] if name == "operators" else ["connector", "evaluation"]
    parts = [INTRO[name]]
    entries = [(kind, entry) for kind in kinds for entry in REGISTRIES[kind].entries().values()]
    parts.append("| name | kind | what it does |\n| --- | --- | --- |")
    parts.append("\n".join(f"| [{e.name}](#{e.name}) | {e.info.get('cardinality', kind)} | {e.summary} |" for kind, e in entries) + "\n")
    parts += [section(kind, entry) for kind, entry in entries]
    return "\n".join(parts)


def section(kind: str, entry: Entry) -> str:
    """One entry: docstring, then its parameters."""
    rows = [
        f"| `{p.name}` | {p.type.replace('|', 'or')} | {'required' if p.default is None else f'`{p.default}`'} | {p.meaning} |"
        for p in parameters_of(entry)
    ]
    table = "| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(rows) if rows else "No parameters."
    head = entry.info.get("cardinality", kind)
    text = re.sub(r"\nArgs:\n(?:    .*\n?)+", "", inspect.getdoc(entry.function) or "").replace("Example:\n    ", "Example: ").strip()
    return f"## {entry.name}\n\n*{head}*\n\n{text}\n\n{table}\n"


def main(check: bool) -> int:
    """Write the pages, or with `check` only compare; returns the exit code."""
    stale = []
    for name in INTRO:
        path, text = HERE / f"{name}.md", page(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
