"""Run notebooks over one set of data: several at once, each whatever becomes of the others, into one run folder."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kamlib import words
from kamlib.batch import manifest as record
from kamlib.batch import warm
from kamlib.batch.execute import Kernels, execute
from kamlib.batch.manifest import DONE, FAILED, PENDING, RUNNING, Manifest
from kamlib.batch.plan import Notebook, assign, check_values, home, select
from kamlib.batch.progress import Progress
from kamlib.errors import InputError
from kamlib.files import file_name, locked, private_folder
from kamlib.params import Choice, Date
from kamlib.privacy.roles import restrict
from kamlib.report.html import write_report
from kamlib.sources.store import hashes
from kamlib.workspace import Data, load, prepare

STOPPED = 130  # the exit code of a program that was interrupted
SHARED_MODULES = ("kamlib.exhibit", "kamlib.practice", "kamlib.workspace", "kamlib.widgets")


@dataclass(frozen=True)
class Call:
    """What the user asked for; empty values mean the default."""

    data: Path | None = None
    out: Path = Path("runs")
    as_of: str = ""
    only: str = ""
    values: tuple[str, ...] = ()
    lang: str = ""
    jobs: int = 0
    role: str = ""
    user: str = ""


def run(call: Call) -> int:
    """Run the notebooks over the data; return the exit code: 0 all delivered, 1 not all, 130 stopped.

    Notebooks that are not asked for keep what an earlier run on the same data, date and language left in the folder.
    """
    for name, kind, value in (("--as-of", Date(), call.as_of), ("--lang", Choice(words.LANGUAGES), call.lang or "en")):
        if fault := kind.fault(value):
            raise InputError(f"{name} {value}: {fault}")
    root = home()
    notebooks = select(root, call.only)
    given = assign(notebooks, call.values)
    for notebook in notebooks:
        if given[notebook.number]:
            check_values(notebook, given[notebook.number] | {"data_dir": str(root)})
    with warm.kernels(modules(notebooks)):
        data = load(call.data.absolute() if call.data else root / "data" / "sample", call.as_of)
        origin = hashes(data.files, data.source)
        data = seen(data, call)
        folder = call.out.absolute() / folder_name(data)
        with exclusive(folder):
            manifest = begin(folder, data, call.lang or "en", notebooks, given, origin)
            return deliver(root, manifest, notebooks, call.jobs)


def seen(data: Data, call: Call) -> Data:
    """Return what the role and user of `call` see of `data`: all of it when it names none."""
    if call.role:
        return restrict(data, call.role, call.user)
    if call.user:
        raise InputError(f"--user {call.user}: say in which role, e.g. --role rep.")
    return data


def folder_name(data: Data) -> str:
    """Return the name of the run folder: the date, and through whose eyes the data are seen."""
    access = data.ledger.access
    return "-".join([data.as_of.isoformat(), *(file_name(part) for part in (access.role, access.user) if part)])


def rerun(call: Call) -> int:
    """Run again what failed or never finished in the run folder of `call.as_of`, or in the newest one, as it was
    called then."""
    if call.data or call.only or call.values or call.lang or call.role or call.user:
        raise InputError(
            "--only-failed repeats the last call: give it no --data, --only, -p, --lang, --role or --user."
        )
    root = home()
    manifest = last_run(call.out.absolute(), call.as_of)
    notebooks = [notebook for notebook in select(root) if notebook.number in manifest.undone()]
    with warm.kernels(modules(notebooks)), exclusive(manifest.folder):
        return deliver(root, manifest, notebooks, call.jobs)


def modules(notebooks: Sequence[Notebook]) -> list[str]:
    """Return the modules that the kernels of these notebooks will import."""
    return [*SHARED_MODULES, *(f"kamlib.{notebook.name}" for notebook in notebooks)]


def last_run(out: Path, as_of: str) -> Manifest:
    """Return the manifest of the run folder for `as_of` in `out`, or of the one that started last."""
    folders = [path.parent for path in out.glob(f"{as_of}*/{record.FILE}")]
    if not folders:
        raise InputError(f"There is no run in {out / as_of}. Run the notebooks first, without --only-failed.")
    return max((Manifest.read(folder) for folder in folders), key=lambda manifest: manifest.content["started"])


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Make sure that nobody else writes into the run folder meanwhile."""
    try:
        private_folder(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}). Choose another folder with --out.") from None
    with locked(folder, f"Another run is writing to {folder}. Wait for it, or choose another folder with --out."):
        yield


def begin(
    folder: Path, data: Data, lang: str, notebooks: Sequence[Notebook], given: dict[str, dict], origin: object = None
) -> Manifest:
    """Keep a snapshot of the data in the run folder and write the manifest, with every notebook to run as pending.

    `origin` tells one set of data from another where the files it came from must not be named.
    """
    prepare(data, folder / "data")
    files = json.loads((folder / "data" / "prepared.json").read_text(encoding="utf-8"))["sources"]
    same = {
        "as_of": data.as_of.isoformat(),
        "lang": lang,
        "fingerprint": record.fingerprint(
            [origin or files, data.settings.model_dump_json(), asdict(data.ledger.access)]
        ),
    }
    kept = earlier_results(folder, same)
    if not kept:
        for part in ("notebooks", "exhibits"):
            shutil.rmtree(folder / part, ignore_errors=True)
    for part in ("report.html", "log"):
        (folder / part).unlink(missing_ok=True)
    content = {
        "status": RUNNING, "started": record.now(), "finished": None, **same, "company": data.settings.company,
        "currency": data.settings.currency, "source": str(data.source) if data.files else "", "files": files,
        "ledger": data.ledger.as_dict(), "versions": record.versions(),
        "notebooks": dict(sorted((kept | {n.number: entry(n, given[n.number]) for n in notebooks}).items())),
    }  # fmt: skip
    manifest = Manifest(folder, content)
    manifest.set()
    return manifest


def earlier_results(folder: Path, same: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the entries of an earlier run in `folder`, if it was on the same data, date and language."""
    try:
        old = Manifest.read(folder)
    except InputError:
        return {}
    return old.notebooks if all(old.content.get(key) == value for key, value in same.items()) else {}


def entry(notebook: Notebook, given: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest's entry of a notebook that is still to run."""
    parameters = {
        name: {"value": given.get(name, p.default), "default": p.default, "meaning": p.meaning}
        for name, p in notebook.parameters.items()
    }
    return {
        "file": notebook.path.name, "title": notebook.title, "status": PENDING, "started": None, "seconds": None,
        "parameters": parameters, "given": given, "declared": notebook.exhibits, "exhibits": [], "error": None,
    }  # fmt: skip


def deliver(root: Path, manifest: Manifest, notebooks: Sequence[Notebook], jobs: int) -> int:
    """Run `notebooks` into the manifest's folder, write the report, say where it is; return the exit code."""
    lang = manifest.content["lang"]
    with logged(manifest.folder / "log") as output:
        kernels = Kernels(root, output)
        with Progress(notebooks, lang) as progress:
            run_all(notebooks, manifest, kernels, progress, jobs or os.cpu_count() or 1)
    failed = [notebook for notebook in notebooks if notebook.number in manifest.undone()]
    status = "stopped" if kernels.stopped else FAILED if failed else DONE
    manifest.set(status=status, finished=record.now())
    report = write_report(manifest.folder)
    print(words.say(lang, f"Report: {report}", f"报告：{report}"))
    return STOPPED if kernels.stopped else 1 if failed else 0


def run_all(notebooks: Sequence[Notebook], manifest: Manifest, kernels: Kernels, progress: Progress, jobs: int) -> None:
    """Run `notebooks`, `jobs` at once. An interrupt kills the kernels and leaves what is finished."""
    with ThreadPoolExecutor(jobs) as pool, interruptible():
        try:
            wait([pool.submit(run_one, notebook, manifest, kernels, progress) for notebook in notebooks])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            kernels.stop()


def run_one(notebook: Notebook, manifest: Manifest, kernels: Kernels, progress: Progress) -> None:
    """Run one notebook, and record what it delivered. Fewer exhibits than it shows count as a failure."""
    number, folder, start = notebook.number, manifest.folder, time.monotonic()
    for old in (folder / "exhibits").glob(f"{number}.*"):
        old.unlink()
    progress.start(number)
    manifest.set(number, status=RUNNING, started=record.now())
    private_folder(folder / "notebooks")
    asked = {
        "data_dir": str(folder / "data"), "as_of": manifest.content["as_of"], "lang": manifest.content["lang"],
        "run_dir": str(folder),
    }  # fmt: skip
    parameters = {name: value for name, value in asked.items() if name in notebook.parameters}
    parameters |= manifest.notebooks[number]["given"]
    error = execute(
        notebook, folder / "notebooks" / notebook.path.name, parameters, kernels, lambda at: progress.at(number, at)
    )
    saved = [id for id in notebook.exhibits if (folder / "exhibits" / f"{id}.json").is_file()]
    if not error and saved != notebook.exhibits:
        lacking = ", ".join(id for id in notebook.exhibits if id not in saved)
        error = {"heading": "", "cell": None, "reason": f"It ran to its end, but did not deliver {lacking}."}
    status = FAILED if error else DONE
    manifest.set(number, status=status, seconds=round(time.monotonic() - start, 1), exhibits=saved, error=error)
    where = (
        f"{error['heading']}: {error['reason']}"
        if error
        else f"{len(saved)} {words.word('report.n_exhibits', manifest.content['lang'])}"
    )
    progress.end(number, status, where)


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


@contextmanager
def logged(path: Path) -> Iterator[Any]:
    """Send log records, warnings and the output of kernels to the file at `path` instead of the user's screen."""
    root = logging.getLogger()
    with path.open("a", encoding="utf-8") as output:
        handler = logging.StreamHandler(output)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        root.addHandler(handler)
        logging.captureWarnings(True)
        try:
            yield output
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
