"""Run one notebook with papermill: quietly, watched, and stoppable."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import nbformat
import papermill
import zmq
from jupyter_client import AsyncKernelManager
from papermill.exceptions import PapermillExecutionError

from kamlib.batch.plan import Notebook, headings
from kamlib.batch.warm import ENVIRONMENT, inherited
from kamlib.files import write_atomically
from kamlib.language import say

LONGEST_REASON = 300
SAVE_SECONDS = 5


class Stopped(Exception):
    """The run was stopped by its user."""


class Kernels:
    """The kernels of one run: they start in the notebooks' folder, write to the log, and can all be stopped. What is said
    to them and by them is encrypted where the installation can."""

    def __init__(self, root: Path, output: TextIO) -> None:
        self.stopped = False
        self.live: set[AsyncKernelManager] = set()
        options = {
            "cwd": str(root / "notebooks"),
            "env": {**inherited(), **ENVIRONMENT, "KAM_ROOT": str(root)},
            "stdout": output,
            "stderr": output,
        }
        kernels = self

        class Manager(AsyncKernelManager):
            transport_encryption = "auto" if zmq.has("curve") else "disabled"

            async def start_kernel(self, **given: Any) -> None:
                if kernels.stopped:
                    raise Stopped
                await super().start_kernel(**given, **options)
                kernels.live.add(self)

            async def cleanup_resources(self, restart: bool = False) -> None:
                kernels.live.discard(self)
                await super().cleanup_resources(restart)

        self.manager_class = Manager

    def stop(self) -> None:
        """Kill every kernel; no other one starts."""
        self.stopped = True
        for manager in list(self.live):
            if manager.provisioner and manager.provisioner.process:
                manager.provisioner.process.kill()


def execute(
    notebook: Notebook, output: Path, parameters: dict[str, Any], kernels: Kernels, at: Callable[[str], None]
) -> dict[str, Any] | None:
    """Run `notebook` into `output`, calling `at` with each heading reached.

    Returns None when all its cells ran, else where it stopped and why: heading, cell (as in `In [cell]`), reason.
    """
    watch = Watch(output, at)
    for attempt in (1, 2):  # a kernel that does not start gets a second chance, a cell that fails does not
        try:
            papermill.execute_notebook(
                notebook.path, output, parameters, progress_bar=False, request_save_on_cell_execute=False,
                kernel_manager_class=kernels.manager_class, skip_cells_with_tag="explore", coalesce_streams=True,
                on_notebook_start=watch.started, on_cell_start=watch.reached,
            )  # fmt: skip
            return None
        except PapermillExecutionError as error:
            return watch.failure(error.cell_index, error.exec_count, reason(error.ename, error.evalue))
        except Exception as error:
            watch.save()
            if kernels.stopped:
                return watch.failure(watch.index, None, say(None, "stopped", "已停止"))
            if watch.notebook or attempt == 2:
                return watch.failure(watch.index, None, reason(type(error).__name__, str(error)))
    raise AssertionError("unreachable")


class Watch:
    """Knows under which heading the notebook being run is, and saves what it has got so far every few seconds.

    (papermill would save before and after each cell, which takes as long as running many of them.)
    """

    def __init__(self, output: Path, at: Callable[[str], None]) -> None:
        self.output, self.at = output, at
        self.notebook, self.headings, self.index, self.saved = None, [], 0, 0.0

    def started(self, notebook: Any) -> None:
        self.notebook, self.headings = notebook, headings(notebook.cells)
        self.save()

    def reached(self, cell: Any, cell_index: int) -> None:
        self.index = cell_index
        self.at(self.headings[cell_index][1])
        if time.monotonic() - self.saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write the notebook as far as it got."""
        if self.notebook:
            write_atomically(self.output, nbformat.writes(self.notebook))
        self.saved = time.monotonic()

    def failure(self, index: int, cell: int | None, why: str) -> dict[str, Any]:
        """Return where and why it failed, as the manifest has it."""
        return {"heading": self.headings[index][1] if self.headings else "", "cell": cell, "reason": why}


def reason(name: str, text: str) -> str:
    """Return an exception as one line; of the user's own mistakes just the sentence."""
    if name == "DeadKernelError":
        return say(
            None,
            "The kernel died. Most often the machine ran out of memory: run with fewer --jobs.",
            "内核已退出，通常是内存不足。请用较小的 --jobs 重新运行。",
        )
    line = " ".join(text.split())
    line = line if name == "InputError" else f"{name}: {line}" if line else name
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
