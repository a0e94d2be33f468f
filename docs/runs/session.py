"""A run of a connector, noted as it goes: the declaration, the commands of a user, and what they printed."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from lakehouse.core.project import Project
from lakehouse.reserve.bronze import table as bronze
from tests.system.commands import environment


@dataclass
class Run:
    """A factory in a folder, in which a user works.

    Attributes:
        root: the folder of the factory; other material may stand beside it.
        shown: how varying texts (ports, folders) are shown.
        variables: of the environment of each command.
    """

    root: Path
    shown: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    _parts: list[str] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was noted, as Markdown."""
        self._close()
        text = "\n\n".join(self._parts) + "\n"
        for varying, stable in {str(self.root): "factory", str(self.root.parent): "..", **self.shown}.items():
            text = text.replace(varying, stable)
        assert tempfile.gettempdir() not in text, "a folder of this machine is shown"
        return text

    def say(self, text: str) -> None:
        """Prose."""
        self._close()
        self._parts.append(text)

    def declare(self, declaration: str, name: str = "assets/sources/orders.yaml", shown: bool = True) -> None:
        """Write a declaration, and show it whole."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(declaration.lstrip(), encoding="utf-8")
        if shown:
            self.say(f"```yaml\n# {name}\n{declaration.strip()}\n```")

    def note(self, comment: str) -> None:
        """A comment between commands: what was done elsewhere."""
        self._lines.append(f"# {comment}")

    def lakehouse(self, arguments: str, code: int = 0, **variables: str) -> None:
        """Run `lakehouse ARGUMENTS`, and show it with what it printed; `variables` stand before it, as a user types them."""
        typed = "".join(f"{name}={value} " for name, value in variables.items())
        self._lines.append(f"$ {typed}lakehouse {arguments}")
        done = subprocess.run(
            _command(arguments), cwd=self.root, env=self._environment(variables), capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        # Progress, which does not stay on a terminal, stands before the message of an error.
        said = done.stdout + "".join(done.stderr.partition("error: ")[1:])
        self._lines += [line.rstrip() for line in said.splitlines() if line.strip()]

    def killed(self, arguments: str, when: Callable[[], bool], what: str) -> None:
        """Run `lakehouse ARGUMENTS` and end it by `kill -9` as soon as `when` holds; `what` says when that was."""
        process = subprocess.Popen(
            _command(arguments), cwd=self.root, env=self._environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        end = time.monotonic() + 120
        while not when():
            assert process.poll() is None, f"{arguments}: ended by itself\n{process.communicate()[0]}"
            assert time.monotonic() < end, f"{arguments}: not reached: {what}"
            time.sleep(0.0005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        self._lines.append(f"$ lakehouse {arguments}        # kill -9 when {what}")
        if (landed := self.journal()).height:
            self.note(f"landed until then: {landed.height:,} piece{'s' * (landed.height > 1)}, {landed['bytes'].sum():,} bytes")
        self.lakehouse("watch --once")

    def exact(self, rows: int, *key: str, source: str = "orders", sent: str = "there are") -> None:
        """Say how many rows bronze has, once they were seen to be all there are, none twice."""
        live = self.live(source)
        different = live.select(key).n_unique()
        assert (live.height, different) == (rows, rows), (live.height, different, rows)
        names = ", ".join(f"`{name}`" for name in key)
        self.say(f"Bronze has {rows:,} rows with as many different values of {names}: all that {sent}, none twice.")

    def live(self, source: str = "orders") -> pl.DataFrame:
        """The live rows of a source, with their columns."""
        project = Project.open(self.root)
        table = bronze.table(project, source)
        index = bronze.live_index(project, source, version=table.version())
        return table.read().join(index, on=["_row_id", "_collection"], how="semi")

    def landed(self, pieces: int) -> Callable[[], bool]:
        """Whether the journal of landing has at least so many entries."""
        journal = self.root / "lake" / "system" / "landing" / "_delta_log"
        return lambda: journal.exists() and len(list(journal.glob("*.json"))) >= pieces

    def journal(self) -> pl.DataFrame:
        """The pieces that have landed, as the journal has them."""
        journal = Project.open(self.root).table("system", "landing")
        return journal.read().filter(pl.col("kind") == "piece") if journal.exists() else pl.DataFrame(schema={"bytes": pl.Int64})

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return environment(**{"COLUMNS": "110", **self.variables, **variables})

    def _close(self) -> None:
        if self._lines:
            self._parts.append("\n".join(["```", *self._lines, "```"]))
            self._lines = []


_CAPTURED = {"capture_output": True, "text": True, "check": False}


def _command(arguments: str) -> list[str]:
    return [sys.executable, "-m", "lakehouse.cli", *arguments.split()]


def order(number: int, text: str = "订单", size: int = 1) -> dict[str, object]:
    """An order whose text is as long as `size` digests (64 letters each), which do not compress well."""
    digests = "".join(hashlib.sha256(f"{number}/{part}".encode()).hexdigest() for part in range(size))
    return {"id": number, "text": f"{text} {number} {digests}"}
