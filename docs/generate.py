"""Write docs/operators.md, a page per operator and docs/connectors.md from the code: `python docs/generate.py`.

An operator's page holds its docstring, its parameters, and the example of docs/examples.yaml, which is run here.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from example import code, flow, run

from lakehouse.registry import Entry
from lakehouse.schema import REGISTRIES, parameters_of

HERE = Path(__file__).parent
INTRO = {
    "operators": (
        "# Operators\n\nAn operator is one file and one function under `lakehouse/production/operators/`. Its cardinality says what "
        "it does to rows: `1:1` changes values, `1:0` keeps or drops, `N:1` merges, `1:N` divides.\nEach has a page with its parameters "
        "and an example that was run; the pages are written from the code (`python docs/generate.py`).\n"
    ),
    "connectors": (
        "# Connectors, detectors and evaluations\n\nA connector brings a source's material in; a detector "
        "[screens](screening.md) it on arrival; an evaluation scores a version. "
        "This page is written from the code (`python docs/generate.py`).\n"
    ),
}


def pages() -> dict[Path, str]:
    """All pages by their file."""
    operators = REGISTRIES["operator"].entries().values()
    found = {HERE / f"{name}.md": page(name) for name in INTRO}
    return found | {HERE / "operators" / f"{entry.name}.md": operator_page(entry) for entry in operators}


def page(name: str) -> str:
    """The text of docs/<name>.md: a table; connectors, detectors and evaluations follow on the same page."""
    kinds = ["operator"] if name == "operators" else ["connector", "detector", "evaluation"]
    entries = [(kind, entry) for kind in kinds for entry in REGISTRIES[kind].entries().values()]
    parts = [INTRO[name], "| name | kind | what it does |\n| --- | --- | --- |"]
    link = "operators/{0}.md" if name == "operators" else "#{0}"
    parts.append(
        "\n".join(f"| [{e.name}]({link.format(e.name)}) | {e.info.get('cardinality', kind)} | {e.summary} |" for kind, e in entries)
    )
    if name != "operators":
        parts[-1] += "\n"
        parts += [f"## {entry.name}\n\n{explained(kind, entry)}" for kind, entry in entries]
    return "\n".join(parts) + ("\n" if name == "operators" else "")


def operator_page(entry: Entry) -> str:
    """The text of docs/operators/<name>.md."""
    example = run(entry)
    if example is None:
        return f"# {entry.name}\n\n[All operators](../operators.md)\n\n{explained('operator', entry)}"
    rows = [f"| {' | '.join(row)} |" for row in (example.head, ["---"] * len(example.head), *example.rows)]
    learnt = f"\nRows of the dataset it reads: {', '.join(code(text) for text in example.gold)}\n" if example.gold else ""
    learnt += "".join(f"\nLines of `{name}`: {', '.join(map(code, lines))}\n" for name, lines in example.files.items())
    done = f"## What it does\n\n```yaml\n- {flow(example.step)}\n```\n{learnt}\n" + "\n".join(rows) + "\n"
    return f"# {entry.name}\n\n[All operators](../operators.md)\n\n{explained('operator', entry)}\n{done}"


def explained(kind: str, entry: Entry) -> str:
    """The docstring of an entry, then its parameters."""
    rows = [
        f"| `{p.name}` | {p.type.replace('|', 'or')} | {'required' if p.default is None else f'`{p.default}`'} | {p.meaning} |"
        for p in parameters_of(entry)
    ]
    table = "| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(rows) if rows else "No parameters."
    head = entry.info.get("cardinality", kind)
    if entry.info.get("seeded"):
        head += ", for variants: under [`augment`](../augmentation.md)"
    text = re.sub(r"\nArgs:\n(?:    .*\n?)+", "", inspect.getdoc(entry.function) or "").replace("Example:\n    ", "Example: ").strip()
    return f"*{head}*\n\n{text}\n\n{table}\n"


def main(check: bool) -> int:
    """Write the pages, or with `check` only compare; returns the exit code."""
    stale = []
    written = pages()
    for path, text in written.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(HERE)))
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in sorted(set((HERE / "operators").glob("*.md")) - set(written)):
        stale.append(f"{path.relative_to(HERE)} (no such operator)")
        if not check:
            path.unlink()
    sys.stdout.write(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
