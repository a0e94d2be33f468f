"""One writer at a time; the lock ends with its process, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from lakehouse.core.errors import LockedError
from lakehouse.core.runs.lock import locked
from tests.factory import Factory

HOLD = """
import sys, time
from pathlib import Path
from lakehouse.core.runs.lock import locked
from lakehouse.core.project import Project

with locked(Project.open(Path(sys.argv[1])), "dataset notes"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_refused_and_told_who_holds_it(notes_factory: Factory) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(notes_factory.root)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=rf"dataset notes is being made by process {holder.pid} since 20") as caught:
            notes_factory.silver()
        assert caught.value.exit_code == 3
        assert caught.value.fix == "wait for it to end, then run again"
        with locked(notes_factory.project, "dataset other"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with locked(notes_factory.project, "dataset notes"):
        pass


def test_a_thread_may_enter_again_another_thread_may_not(notes_factory: Factory) -> None:
    project = notes_factory.project
    refused: list[bool] = []

    def enter() -> None:
        try:
            with locked(project, "dataset notes"):
                refused.append(False)
        except LockedError:
            refused.append(True)

    with locked(project, "dataset notes"):
        with locked(project, "dataset notes"):
            pass
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    enter()
    assert refused == [True, False]
