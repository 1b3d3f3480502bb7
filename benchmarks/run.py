"""What a batch run costs, beside the ways it could be done without the kit, measured in one go.

    python benchmarks/run.py [rounds]

Every round runs the notebooks on the sample in each way, one way after the other, so that all of them meet the same
machine; the table gives the best of the rounds, and how many times as long each way took as `kam run`.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kamlib.batch import run as batch
from kamlib.batch import warm
from kamlib.batch.plan import home, select

ROOT = home()
POSSIBLE = warm.possible


def kam_run(out: Path, *, forked: bool, jobs: int = 0) -> None:
    """Run all notebooks as `kam run` does; `forked` says how kernels start."""
    warm.possible = POSSIBLE if forked else lambda: False
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = batch.run(batch.Call(data=ROOT / "data/sample", out=out, jobs=jobs))
    if code:
        sys.exit(said.getvalue())


def papermill(out: Path) -> None:
    """Run all notebooks by papermill's own command, one after another."""
    for notebook in select(ROOT):
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", notebook.path, out / notebook.path.name]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


WAYS: dict[str, Callable[[Path], None]] = {
    "kam run": lambda out: kam_run(out, forked=True),
    "kam run --jobs 1": lambda out: kam_run(out, forked=True, jobs=1),
    "kam run, ordinary kernels": lambda out: kam_run(out, forked=False),
    "kam run --jobs 1, ordinary kernels": lambda out: kam_run(out, forked=False, jobs=1),
    "papermill, one command per notebook": papermill,
}


def main(rounds: int) -> None:
    """Print the table."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            with tempfile.TemporaryDirectory() as folder:
                start = time.monotonic()
                way(Path(folder))
                seconds[name].append(time.monotonic() - start)
    best = {name: min(found) for name, found in seconds.items()}
    title = f"{len(select(ROOT))} notebooks on the sample, {os.cpu_count()} cores, best of {rounds}"
    table = Table("", "seconds", "times as long", title=title)
    for name, value in best.items():
        table.add_row(name, f"{value:.1f}", f"{value / best['kam run']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
