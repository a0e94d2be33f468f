"""Write the pages of operators, connectors, detectors, evaluations, commands and keys from the code: `python docs/generate.py`.

An operator's page holds its docstring, its parameters, and the example of docs/examples.yaml, which is run here. A connector's holds the
run that docs/connector_runs.py made, for its server is not here, and the lines of docs/further.yaml.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml
from commands import commands_page
from example import code, flow, run
from keys import keys_page

from lakehouse.authoring.schema import REGISTRIES, parameters_of
from lakehouse.core.registry import Entry

HERE = Path(__file__).parent
KINDS = {"operators": "operator", "connectors": "connector", "detectors": "detector", "evaluations": "evaluation"}
INTRO = {
    "operators": (
        "# Operators\n\nAn operator is one file and one function under `lakehouse/production/operators/`. Its cardinality says what "
        "it does to rows: `1:1` changes values, `1:0` keeps or drops, `N:1` merges, `1:N` divides.\nEach has a page with its parameters "
        "and an example that was run; the pages are written from the code (`python docs/generate.py`).\n"
    ),
    "connectors": (
        "# Connectors\n\nA connector brings a source's material in; what is common to all stands under [collecting](collecting.md).\n"
        "Each has a page with its parameters and a run that was made (`python docs/connector_runs.py`) against a real server on the same "
        "machine; the pages are written from the code (`python docs/generate.py`).\n"
    ),
    "detectors": (
        "# Detectors\n\nA detector [screens](screening.md) a source's material on arrival. "
        "This page is written from the code (`python docs/generate.py`).\n"
    ),
    "evaluations": (
        "# Evaluations\n\nAn evaluation scores a version of a dataset in the [pilot](pilot.md). "
        "This page is written from the code (`python docs/generate.py`).\n"
    ),
}
FURTHER: Mapping[str, list[str]] = yaml.safe_load((HERE / "further.yaml").read_text(encoding="utf-8"))
RUN_BY = (
    "Made by `python docs/connector_runs.py {0}`; the server is on the same machine. Ports and folders are shown by constant names, "
    "`kill -9` was sent by the script at the moment that is noted, and all other output is as it came.\n"
)


def pages() -> dict[Path, str]:
    """All pages by their file."""
    found = {HERE / f"{name}.md": page(name) for name in KINDS} | {HERE / "commands.md": commands_page(), HERE / "keys.md": keys_page()}
    found |= {HERE / "operators" / f"{entry.name}.md": operator_page(entry) for entry in REGISTRIES["operator"].entries().values()}
    return found | {HERE / "connectors" / f"{entry.name}.md": connector_page(entry) for entry in REGISTRIES["connector"].entries().values()}


def page(name: str) -> str:
    """The text of docs/<name>.md: a table; detectors and evaluations follow on the same page, the others have pages of their own."""
    kind, alone = KINDS[name], name in ("operators", "connectors")
    entries = REGISTRIES[kind].entries().values()
    link = f"{name}/{{0}}.md" if alone else "#{0}"
    head = "| name | kind | what it does |\n| --- | --- | --- |" if name == "operators" else "| name | what it does |\n| --- | --- |"
    kinds = {e.name: f"{e.info['cardinality']} | " if name == "operators" else "" for e in entries}
    rows = [f"| [{e.name}]({link.format(e.name)}) | {kinds[e.name]}{e.summary} |" for e in entries]
    parts = [INTRO[name], head, *rows]
    if alone:
        return "\n".join(parts) + "\n"
    return "\n".join([*parts, "", *(f"## {entry.name}\n\n{explained(kind, entry)}" for entry in entries)])


def connector_page(entry: Entry) -> str:
    """The text of docs/connectors/<name>.md, with the run that docs/connector_runs.py made."""
    run = HERE / "connectors" / "runs" / f"{entry.name}.md"
    if not run.exists() or entry.name not in FURTHER:
        sys.exit(f"the connector {entry.name} has no run, or no lines in docs/further.yaml: python docs/connector_runs.py {entry.name}")
    done = f"## A run\n\n{RUN_BY.format(entry.name)}\n{run.read_text(encoding='utf-8')}"
    further = "## Going further\n\n" + "".join(f"- {line}\n" for line in FURTHER[entry.name])
    return f"# {entry.name}\n\n[All connectors](../connectors.md)\n\n{explained('connector', entry)}\n{done}\n{further}"


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
    for path in sorted({file for folder in ("operators", "connectors") for file in (HERE / folder).glob("*.md")} - set(written)):
        stale.append(f"{path.relative_to(HERE)} (nothing of this name)")
        if not check:
            path.unlink()
    sys.stdout.write(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
