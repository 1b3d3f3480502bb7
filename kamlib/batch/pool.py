"""Run the notebooks of one run, several at once, and record what became of each."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kamlib import words
from kamlib.batch import manifest as record
from kamlib.batch.execute import Kernels, execute, reason
from kamlib.batch.manifest import DONE, FAILED, RUNNING, Manifest
from kamlib.batch.plan import Notebook
from kamlib.batch.progress import Progress
from kamlib.files import private_folder, write_atomically
from kamlib.privacy import strip

log = logging.getLogger(__name__)


def run_all(notebooks: Sequence[Notebook], manifest: Manifest, kernels: Kernels, progress: Progress, jobs: int) -> None:
    """Run `notebooks`, `jobs` at once. An interrupt kills the kernels and leaves what is finished."""
    with ThreadPoolExecutor(jobs, initializer=words.speak, initargs=(words.language(),)) as pool, interruptible():
        try:
            running = [pool.submit(run_one, notebook, manifest, kernels, progress) for notebook in notebooks]
            wait(running)
            for one in running:
                one.result()  # what could not even be recorded
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            kernels.stop()


def run_one(notebook: Notebook, manifest: Manifest, kernels: Kernels, progress: Progress) -> None:
    """Run one notebook, and record what it delivered. Fewer exhibits than it shows count as a failure, and so does
    whatever nobody expected: the log has its trace."""
    number, start = notebook.number, time.monotonic()
    progress.start(number)
    try:
        error = delivered(notebook, manifest, kernels, progress)
    except Exception as unexpected:
        log.exception("notebook %s", number)
        why = reason(type(unexpected).__name__, str(unexpected))
        why = strip.of_places(why, manifest.places) if manifest.shared else why
        error = {"heading": "", "cell": None, "reason": why}
    saved = exhibits(notebook, manifest)
    status = FAILED if error else DONE
    manifest.set(number, status=status, seconds=round(time.monotonic() - start, 1), exhibits=saved, error=error)
    where = (
        f"{error['heading']}: {error['reason']}"
        if error
        else f"{len(saved)} {words.word('report.n_exhibits', manifest.content['lang'])}"
    )
    progress.end(number, status, where.removeprefix(": "))


def delivered(notebook: Notebook, manifest: Manifest, kernels: Kernels, progress: Progress) -> dict[str, Any] | None:
    """Run one notebook; return where and why it failed, None when it delivered everything."""
    number, folder, work = notebook.number, manifest.folder, manifest.work
    for old in (folder / "exhibits").glob(f"{number}.*"):
        old.unlink()
    manifest.set(number, status=RUNNING, started=record.now())
    for place in (folder, work):
        private_folder(place / "notebooks")
    asked = {
        "data_dir": str(manifest.data), "as_of": manifest.content["as_of"], "lang": manifest.content["lang"],
        "run_dir": str(folder),
    }  # fmt: skip
    parameters = {name: value for name, value in asked.items() if name in notebook.parameters}
    parameters |= manifest.notebooks[number]["given"]
    executed = work / "notebooks" / notebook.path.name
    error = execute(notebook, executed, parameters, kernels, lambda at: progress.at(number, at))
    if manifest.shared:
        error = stripped(executed, error, notebook, manifest)
    lacking = ", ".join(id for id in notebook.exhibits if id not in exhibits(notebook, manifest))
    if error or not lacking:
        return error
    why = words.say(
        manifest.content["lang"],
        f"It ran to its end, but did not deliver {lacking}.",
        f"笔记本已运行完毕，但未生成 {lacking}。",
    )
    return {"heading": "", "cell": None, "reason": why}


def exhibits(notebook: Notebook, manifest: Manifest) -> list[str]:
    """Return the exhibits of a notebook that are in the run folder."""
    return [id for id in notebook.exhibits if (manifest.folder / "exhibits" / f"{id}.json").is_file()]


def stripped(executed: Path, error: dict[str, Any] | None, notebook: Notebook, manifest: Manifest) -> dict | None:
    """Bring an executed notebook, stripped, into the run folder; return the error without places."""
    if executed.is_file():
        text = strip.notebook(executed.read_text(encoding="utf-8"), notebook.exhibits, manifest.places)
        write_atomically(manifest.folder / "notebooks" / executed.name, text)
    return error and error | {"reason": strip.of_places(error["reason"], manifest.places)}


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a request to terminate do what Ctrl-C does."""
    try:
        usual = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # only the main thread may set handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
