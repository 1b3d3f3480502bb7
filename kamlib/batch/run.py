"""Run notebooks over one set of data: several at once, each whatever becomes of the others, into one run folder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kamlib import passphrase, words
from kamlib.batch import manifest as record
from kamlib.batch import warm
from kamlib.batch.execute import Kernels
from kamlib.batch.manifest import DONE, FAILED, RUNNING, Manifest
from kamlib.batch.plan import Notebook, assign, check_values, home, select
from kamlib.batch.pool import run_all
from kamlib.batch.progress import Progress
from kamlib.errors import InputError
from kamlib.files import locked, private_folder, write_atomically
from kamlib.params import Choice, Date
from kamlib.privacy import strip
from kamlib.privacy.eyes import folder_name, renamed, seen
from kamlib.privacy.keys import share_key
from kamlib.report.html import write_report
from kamlib.rooms import room
from kamlib.terminal import shown
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
    share: bool = False
    share_key: Path | None = None


def run(call: Call) -> int:
    """Run the notebooks over the data; return the exit code: 0 all delivered, 1 not all, 130 stopped.

    Notebooks that are not asked for keep what an earlier run on the same data, date and language left in the folder.
    """
    for name, kind, value in (
        ("--as-of", Date(), call.as_of),
        ("--lang", Choice(words.LANGUAGES), call.lang or words.language()),
    ):
        if fault := kind.fault(value):
            raise InputError(f"{name} {value}: {fault}", f"{name} {value}：{fault}")
    root, lang = home(), call.lang or words.language()
    notebooks = select(root, call.only)
    given = assign(notebooks, call.values)
    for notebook in notebooks:
        if given[notebook.number]:
            check_values(notebook, given[notebook.number] | {"data_dir": str(root), "lang": lang})
    key = key_of(call)
    passphrase.take()  # before any process starts that would inherit it
    with warm.kernels(modules(notebooks)), room() as scratch:
        data = load(call.data.absolute() if call.data else root / "data" / "sample", call.as_of)
        origin = [data.hashes(), hashlib.sha256(key).hexdigest()]
        given = renamed(given, data, key, lang) if key else given
        data = seen(data, call.role, call.user, key, lang)
        folder = call.out.absolute() / folder_name(data)
        work = Path(data.room.name if data.room else scratch) if key else None
        with exclusive(folder):
            manifest = begin(folder, data, lang, notebooks, given, origin, work)
            return deliver(root, manifest, notebooks, call.jobs)


def key_of(call: Call) -> bytes:
    """Return the key that makes pseudonyms; none when names stay."""
    if call.share:
        return share_key(call.share_key, call.out.absolute())
    if call.share_key:
        raise InputError(
            f"--share-key {call.share_key}: it goes with --share.",
            f"--share-key {call.share_key}：须与 --share 同时使用。",
        )
    return b""


def rerun(call: Call) -> int:
    """Run again what failed or never finished in the run folder of `call.as_of`, or in the newest one, as it was
    called then."""
    no_more = InputError(
        "--only-failed repeats the last call: give it no --data, --only, -p, --lang, --role, --user or --share.",
        "--only-failed 会重复上一次调用：请勿同时指定 --data、--only、-p、--lang、--role、--user 或 --share。",
    )
    if call.only or call.values or call.lang or call.role or call.user or call.share:
        raise no_more
    manifest = record.last_run(call.out.absolute(), call.as_of)
    if call.data and manifest.content.get("data_kept", True):
        raise no_more
    root = home()
    if manifest.shared:
        raise InputError(
            f"{manifest.folder} is shared and keeps no tables to repeat it with. Run it again whole.",
            f"{manifest.folder} 是对外共享的结果，未保留可供重跑的数据。请完整地重新运行。",
        )
    notebooks = [notebook for notebook in select(root) if notebook.number in manifest.undone()]
    passphrase.take()
    with warm.kernels(modules(notebooks)), exclusive(manifest.folder):
        data = brought_again(manifest, call)  # noqa: F841 - as long as it lives, so does its copy
        return deliver(root, manifest, notebooks, call.jobs)


def modules(notebooks: Sequence[Notebook]) -> list[str]:
    """Return the modules that the kernels of these notebooks will import."""
    own = [f"kamlib.{notebook.name}" for notebook in notebooks if notebook.number.isdigit()]
    return [*SHARED_MODULES, *own]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Make sure that nobody else writes into the run folder meanwhile."""
    try:
        private_folder(folder)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror}). Choose another folder with --out.",
            f"{folder} 无法写入（{error.strerror}）。请用 --out 指定其他文件夹。",
        ) from None
    busy = words.say(
        None,
        f"Another run is writing to {folder}. Wait for it, or choose another folder with --out.",
        f"另一次运行正在写入 {folder}。请等它结束，或用 --out 指定其他文件夹。",
    )
    with locked(folder, busy):
        yield


def begin(
    folder: Path,
    data: Data,
    lang: str,
    notebooks: Sequence[Notebook],
    given: dict[str, dict],
    origin: object = None,
    work: Path | None = None,
) -> Manifest:
    """Keep a snapshot of the data in the run folder and write the manifest, with every notebook to run as pending.

    `origin` tells one set of data from another where the files it came from must not be named. Tables, log and
    notebooks of a run that is shared lie in `work`; only what is left of them when it is stripped comes into `folder`.
    """
    work = work or folder
    kept_in = data_folder(data, work)
    prepare(data, kept_in)
    files = json.loads((kept_in / "prepared.json").read_text(encoding="utf-8"))["sources"]
    same = {
        "as_of": data.as_of.isoformat(),
        "lang": lang,
        "fingerprint": record.fingerprint(
            [origin or files, data.settings.model_dump_json(), asdict(data.ledger.access)]
        ),
    }
    kept = record.earlier_results(folder, same)
    if not kept:
        for part in ("notebooks", "exhibits"):
            shutil.rmtree(folder / part, ignore_errors=True)
    for part in ("report.html", "evidence.html", "log"):
        (folder / part).unlink(missing_ok=True)
    content = {
        "status": RUNNING, "started": record.now(), "finished": None, **same, "company": data.settings.company,
        "currency": data.settings.currency, "source": str(data.source) if data.files else "", "files": files,
        "ledger": data.ledger.as_dict(), "versions": record.versions(), "data_kept": not data.room,
        "notebooks": dict(sorted((kept | {n.number: record.entry(n, given[n.number]) for n in notebooks}).items())),
    }  # fmt: skip
    manifest = Manifest(folder, content, work, kept_in)
    manifest.set()
    return manifest


def data_folder(data: Data, folder: Path) -> Path:
    """Return where the checked tables lie: in the run's folder, or the private one of an encrypted workspace."""
    if not data.room:
        return folder / "data"
    shutil.rmtree(folder / "data", ignore_errors=True)  # of an earlier run, before the workspace was encrypted
    return Path(data.room.name) / "data"


def brought_again(manifest: Manifest, call: Call) -> Data | None:
    """Return, as they were seen then, the data of a run whose copy was not kept: of an encrypted workspace."""
    if manifest.content.get("data_kept", True):
        return None
    source = call.data or (manifest.content["source"] and Path(manifest.content["source"]))
    if not source:
        raise InputError(
            "This run does not say where its data came from. Give the workspace with --data.",
            "这次运行没有记录数据来源。请用 --data 指定工作区。",
        )
    then = manifest.content["ledger"]["access"]
    data = seen(load(source.absolute(), manifest.content["as_of"]), then["role"], then["user"])
    manifest.data = data_folder(data, manifest.folder)
    prepare(data, manifest.data)
    return data


def deliver(root: Path, manifest: Manifest, notebooks: Sequence[Notebook], jobs: int) -> int:
    """Run `notebooks` into the manifest's folder, write the report, say where it is; return the exit code."""
    lang = manifest.content["lang"]
    with logged(manifest.work / "log") as output:
        kernels = Kernels(root, output)
        with Progress(notebooks, lang) as progress:
            run_all(notebooks, manifest, kernels, progress, jobs or os.cpu_count() or 1)
    if manifest.shared:
        log = (manifest.work / "log").read_text(encoding="utf-8")
        write_atomically(manifest.folder / "log", strip.of_places(log, manifest.places))
    failed = [notebook for notebook in notebooks if notebook.number in manifest.undone()]
    status = "stopped" if kernels.stopped else FAILED if failed else DONE
    manifest.set(status=status, finished=record.now())
    report = write_report(manifest.folder)
    print(shown(words.say(lang, f"Report: {report}", f"报告：{report}")))
    return STOPPED if kernels.stopped else 1 if failed else 0


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
