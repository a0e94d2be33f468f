"""Versions are declared: the lock notices code that changed without them, and tidying never makes another plan."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.core.code_digest import code_digest
from tests.factory import Factory, notes
from tools import identity

ROOT = Path(__file__).parents[2]


def test_every_declared_version_stands_in_the_lock_with_the_code_behind_it() -> None:
    wrong = identity.differences(identity.current(), identity.locked())
    assert not wrong, f"{wrong}\nraise the version if it makes something else, else: python tools/identity.py --same NAME"


def test_every_subject_is_named_by_a_test() -> None:
    assert not [subject.name for subject in identity.subjects() if not identity.tests_of(subject.name)]


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        ((1, "a"), None),
        ((1, "b"), "code changed and its version is still 1"),
        ((2, "b"), "version rose from 1 to 2"),
        ((0, "a"), "version 0 is below the locked 1"),
    ],
)
def test_the_lock_tells_changed_code_from_a_raised_version(now: tuple[int, str], wrong: str | None) -> None:
    found = identity.differences({"operator x": now}, {"operator x": (1, "a")})
    assert found.get("operator x") == wrong


def test_words_and_import_lines_do_not_count_as_code(tmp_path: Path) -> None:
    one, other, third = (tmp_path / f"{n}.py" for n in range(3))
    one.write_text('"""A."""\nfrom a import b\n\n\ndef f(x: int) -> int:\n    """Of x."""\n    return b(x)\n')
    other.write_text('"""B."""\nfrom c.d import b\n\n\ndef f(x: int) -> int:\n    return b(x)  # why\n')
    third.write_text("from c.d import b\n\n\ndef f(x: int) -> int:\n    return b(x) + 1\n")
    assert identity.module_digest(one) == identity.module_digest(other) != identity.module_digest(third)


MOVES = """
import re, sys
from pathlib import Path
package = Path(sys.argv[1]) / "lakehouse"
operator = next(package.rglob("operators/**/normalise_whitespace.py"))
kernel = next(package.rglob("kernels/spaces.py"))
moved = operator.parent.parent / "tidied" / operator.name
moved.parent.mkdir()
(moved.parent / "__init__.py").write_text("")
operator.rename(moved)
kernel.rename(kernel.with_name("runs_of_spaces.py"))
for file in package.rglob("*.py"):
    text = file.read_text(encoding="utf-8")
    changed = re.sub(r"kernels\\.spaces\\b", "kernels.runs_of_spaces", text)
    changed = re.sub(r"(from [\\w.]*kernels import (?:\\w+, )*)spaces\\b", r"\\1runs_of_spaces as spaces", changed)
    if changed != text:
        file.write_text(changed, encoding="utf-8")
text = moved.read_text(encoding="utf-8")
moved.write_text(text.replace("import annotations\\n", "import annotations\\n\\n# A comment.\\n"), encoding="utf-8")
"""


def plan_as_seen_by(package: Path, project: Path) -> str:
    """What `lakehouse plan --json` prints with the package of that folder."""
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"}
    run = [sys.executable, "-m", "lakehouse.cli", "plan", "--json"]
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_moved_operator_and_a_renamed_kernel_change_no_plan_and_read_no_source_again(notes_factory: Factory, tmp_path: Path) -> None:
    notes_factory.declare([{"normalise_whitespace": {"column": "text"}}, {"dedup_minhash": {"column": "text", "unit": "words", "size": 3}}])
    notes_factory.material(notes("A  fine thing", "another one", "很好"))
    notes_factory.made()
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "lakehouse", copy / "lakehouse", ignore=shutil.ignore_patterns("__pycache__"))
    before = plan_as_seen_by(copy, notes_factory.root)
    subprocess.run([sys.executable, "-c", MOVES, str(copy)], check=True)
    assert not list(copy.rglob("spaces.py"))
    assert plan_as_seen_by(copy, notes_factory.root) == before
    assert json.loads(before)[0]["silver"] == []


def other_pythons() -> list[str]:
    """Interpreters of other minor versions that this machine has: `python3.N` on the PATH, or pyenv's."""
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(python) for python in sorted(pyenv.glob("3.1[123].*/bin/python"))]
    working = {}
    for python in filter(None, found):
        asked = subprocess.run([python, "-c", "import sys; print(sys.version_info.minor)"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and int(asked.stdout) != sys.version_info.minor:
            working[asked.stdout] = python
    return list(working.values())


@pytest.mark.parametrize("file", ["contracts/reviews.py", "lakehouse/core/registry.py", "tests/core/test_identity_lock.py"])
def test_other_pythons_give_a_file_the_same_digest(file: str) -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("this machine has no other Python of 3.11 to 3.13")
    import lakehouse.core.code_digest as module

    script = f"import runpy, pathlib; print(runpy.run_path({module.__file__!r})['code_digest'](pathlib.Path({str(ROOT / file)!r})))"
    for python in pythons:
        said = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
        assert said == code_digest(ROOT / file), python
