"""The lock of declared versions: which code stands behind the version of each operator, detector, connector, format and evaluation.

What a version of a dataset is made of names declared versions, not code. So somebody must notice when code changes and the version does
not. `tools/identity.lock` holds for each declared version a digest of the code behind it; this compares it with the code as it is.

    python tools/identity.py                   # list what differs; exit code 1 if anything does
    python tools/identity.py --pin             # write the lock: new entries, and entries whose version rose
    python tools/identity.py --same NAME ...   # the code changed, what it makes did not: run the tests that name it, then pin it
    python tools/identity.py --same all        # the same for all that differ

The digest is over the syntax trees of the entry's module and of all modules that it imports from the rooms where results are computed;
docstrings, comments, import lines and the places of modules do not count.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import inspect
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lakehouse.core.code_digest import syntax_tree
from lakehouse.pilot import diagnose, selftest
from lakehouse.pilot.evaluation import EVALUATIONS
from lakehouse.pilot.task import tasks
from lakehouse.production import gold, inputs, silver
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.reserve.bronze import collect
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.formats import FORMATS
from lakehouse.reserve.screening.detector import DETECTORS

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "tools" / "identity.lock"
COMPUTING = ("lakehouse.core.text.", "lakehouse.production.", "lakehouse.pilot.", "lakehouse.reserve.")
"""Rooms whose modules decide what is computed."""
FRAME = ("operator.py", "evaluation.py", "detector.py")
"""Modules that hold the registers: what they say of all entries does not say what one computes."""
SHARED = ("reserve/bronze/", "reserve/landing/", "reserve/material.py", "reserve/source.py")
"""How rows are made of any material: the collector's code, and no connector's or format's own."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something with a declared version, and the files its code begins in."""

    name: str
    version: int
    path: Path
    also: tuple[Path, ...] = ()


def subjects() -> list[Subject]:
    """Everything that has a declared version."""
    found = [
        Subject(name=f"{registry.kind} {entry.name}", version=entry.version, path=entry.path)
        for registry in (OPERATORS, DETECTORS, CONNECTORS, EVALUATIONS)
        for entry in registry.entries().values()
    ]
    for name, format in FORMATS.items():
        module = inspect.getmodule(format.read)
        found.append(Subject(name=f"format {name}", version=format.version, path=Path(str(module and module.__file__))))
    for task in tasks():
        also = (Path(inspect.getfile(task.scoring.statistics)),)
        found.append(Subject(name=f"task {task.name}", version=task.version, path=Path(inspect.getfile(task.learner)), also=also))
    for name, module in (("collector", collect), ("engine", inputs), ("diagnosis", diagnose), ("self-test", selftest)):
        also = tuple(Path(str(made.__file__)) for made in (silver, gold)) if module is inputs else ()
        found.append(Subject(name=name, version=module.VERSION, path=Path(str(module.__file__)), also=also))
    return found


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes())


@cache
def module_digest(file: Path) -> str:
    """Digest of a module's syntax tree without import lines, docstrings and descriptions."""
    kept = [node for node in _tree(file).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return hashlib.sha256(json.dumps(syntax_tree(ast.Module(kept, []))).encode()).hexdigest()


@cache
def imported(file: Path) -> frozenset[Path]:
    """Modules of computing rooms that a module imports."""
    found: set[Path] = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(COMPUTING):
            base = ROOT.joinpath(*node.module.split("."))
            candidates = [base.with_suffix(".py"), base / "__init__.py", *(base / f"{alias.name}.py" for alias in node.names)]
            found |= {candidate for candidate in candidates if candidate.is_file() and candidate.name not in FRAME}
    return frozenset(found)


def _shared(file: Path) -> bool:
    return str(file.relative_to(ROOT / "lakehouse")).startswith(SHARED)


def code_digest(path: Path, also: tuple[Path, ...] = ()) -> str:
    """Digest of a module and of all that it imports from computing rooms, in no order: 16 hex digits."""
    seen: set[Path] = set()
    ahead = [path, *also]
    own = _shared(path)
    while ahead:
        file = ahead.pop()
        if file not in seen:
            seen.add(file)
            ahead += [other for other in imported(file) if own or not _shared(other)]
    return hashlib.sha256("".join(sorted(map(module_digest, seen))).encode()).hexdigest()[:16]


def current() -> dict[str, tuple[int, str]]:
    """Version and digest of every subject as the code is now."""
    return {subject.name: (subject.version, code_digest(subject.path, subject.also)) for subject in subjects()}


def locked() -> dict[str, tuple[int, str]]:
    """Version and digest of every subject as the lock has it."""
    return {name: (version, digest) for name, (version, digest) in json.loads(LOCK.read_text(encoding="utf-8")).items()}


def write(entries: dict[str, tuple[int, str]]) -> None:
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())]
    LOCK.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def differences(now: dict[str, tuple[int, str]], then: dict[str, tuple[int, str]]) -> dict[str, str]:
    """What the lock does not say of the code as it is: name to what is wrong."""
    found = dict.fromkeys(then.keys() - now.keys(), "is gone") | dict.fromkeys(now.keys() - then.keys(), "is new")
    for name in now.keys() & then.keys():
        (version, digest), (before, pinned) = now[name], then[name]
        if version < before:
            found[name] = f"version {version} is below the locked {before}"
        elif version > before:
            found[name] = f"version rose from {before} to {version}"
        elif digest != pinned:
            found[name] = f"code changed and its version is still {version}"
    return dict(sorted(found.items()))


def tests_of(name: str) -> list[Path]:
    """Test files that name the subject: what backs the word that its behaviour is the same."""
    entry = name.partition(" ")[2]
    shared = {
        "collector": "test_collect",
        "engine": "test_engine",
        "diagnosis": "test_diagnos",
        "self-test": "test_selftest",
        "format image": "test_media",
    }
    named = [f'"{entry}"', f"{entry}:", f"test_{entry}"] if name not in shared else [shared[name]]
    files = (file for file in sorted((ROOT / "tests").rglob("test_*.py")) if file.name != "test_identity_lock.py")
    return [file for file in files if any(n in f"{file.name} {file.read_text(encoding='utf-8')}" for n in named)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pin", action="store_true", help="write new entries and those whose version rose")
    parser.add_argument("--same", nargs="+", metavar="NAME", default=[], help="pin these as the same behaviour, once their tests pass")
    given = parser.parse_args()
    now, then = current(), locked() if LOCK.exists() else {}
    wrong = differences(now, then)
    unraised = {name for name in wrong if name in then and name in now and now[name][0] <= then[name][0]}
    same = [name for name in unraised if now[name][0] == then[name][0] and (given.same == ["all"] or name in given.same)]
    if same:
        tests = sorted({test for name in same for test in tests_of(name)})
        if subprocess.run([sys.executable, "-m", "pytest", "-n", "2", *map(str, tests)], cwd=ROOT, check=False).returncode:
            sys.stderr.write("tests failed: nothing was pinned\n")
            return 1
    if given.pin or same:
        held = unraised.difference(same)
        write({name: then[name] if name in held else now[name] for name in now})
        wrong = {name: wrong[name] for name in sorted(held)}
    for name, what in wrong.items():
        sys.stdout.write(f"{name}: {what}\n")
    if wrong:
        sys.stdout.write(
            "what makes something else has its version raised where it is registered; what does not: tools/identity.py --same NAME\n"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
