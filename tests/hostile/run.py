"""Run the cases in two processes, each watched: how long a case takes, how much memory with all that it starts."""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hostile import Case, cases

PATIENCE = 30
"""Seconds that a case may take; those of the corpus that take longest take five."""
MEMORY = 4 << 30
"""Bytes that a case may take, its processes together."""
PROCESSES = 2


@dataclass
class Outcome:
    """What a case gave. `entries` are (table, read, kept, set aside, money kept, money set aside)."""

    code: int | None = None
    text: str = ""
    entries: list[list] = field(default_factory=list)
    loaded: list | None = None
    """Rows and money that `kamlib.load` gives of the table of the case."""
    seconds: float = 0
    peak: int = 0


def run_all(found: list[Case], folder: Path) -> dict[str, Outcome]:
    """Run the cases, each in a folder of its own below `folder`, and return what each gave."""
    waiting = [(case.name, str(folder / f"{place:03}")) for place, case in enumerate(found)]
    outcomes: dict[str, Outcome] = {}
    hands = [_Hand() for _ in range(PROCESSES)]
    try:
        while waiting or any(hand.name for hand in hands):
            for hand in hands:
                if not hand.name and waiting:
                    hand.give(*waiting.pop(0))
                elif hand.name and (outcome := hand.look()):
                    outcomes[hand.name], hand.name = outcome, ""
            time.sleep(0.005)
    finally:
        for hand in hands:
            hand.end()
    return outcomes


class _Hand:
    """A process that runs one case after the other; a case that does not end ends it, and the next gets a new one."""

    def __init__(self) -> None:
        self.name, self.process = "", None

    def give(self, name: str, folder: str) -> None:
        if self.process is None:
            command = [sys.executable, "-m", "hostile.run", "--serve"]
            here = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent)))}
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=here, start_new_session=True
            )
            self.ready = selectors.DefaultSelector()
            self.ready.register(self.process.stdout, selectors.EVENT_READ)
        self.name, self.began, self.peak, self.folder = name, time.monotonic(), 0, folder
        self.process.stdin.write(f"{json.dumps([name, folder])}\n".encode())
        self.process.stdin.flush()

    def look(self) -> Outcome | None:
        """Return what the case gave, None while it runs."""
        self.peak = max(self.peak, _memory(self.process.pid))
        seconds = time.monotonic() - self.began
        if self.ready.select(0):
            said = self.process.stdout.readline()
            if not said:
                return self._gone(f"the process died ({self.process.wait()})", seconds)
            outcome = Outcome(**json.loads(said))
            outcome.peak = max(outcome.peak, self.peak)
            return outcome
        if seconds > PATIENCE:
            return self._gone("hangs", seconds)
        if self.peak > MEMORY:
            return self._gone("takes too much memory", seconds)
        return None

    def _gone(self, why: str, seconds: float) -> Outcome:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
        return Outcome(text=why, seconds=seconds, peak=self.peak)

    def end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


TESTS = Path(__file__).resolve().parent.parent


def _memory(process: int) -> int:
    """Return the bytes that a process and those it started hold now."""
    held = 0
    with contextlib.suppress(OSError):
        held = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for task in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{task}/children").read_text().split():
                held += _memory(int(child))
    return held


def serve() -> None:
    """Run the cases that standard input names, one after the other."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    known = {case.name: case for case in cases()}
    for line in sys.stdin:
        name, folder = json.loads(line)
        try:
            known[name].build(Path(folder) / "in")
            outcome = run(known[name], Path(folder))
        except Exception:
            outcome = Outcome(text=traceback.format_exc())
        shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps(asdict(outcome)), file=answers, flush=True)


def run(case: Case, folder: Path) -> Outcome:
    """Run one case whose files stand in `folder`/in: the command line, and for what it takes `kamlib.load`."""
    from kamlib.sources import check, mapping

    outcome = Outcome()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
    began = time.monotonic()
    with _noting(check, "check_folder", outcome), _noting(mapping, "import_data", outcome):
        if case.mapping == "auto":
            ready = folder / "ready"
            call = ["import", folder / "in", "--into", ready]
        elif case.mapping is not None:
            (folder / "mapping.yml").write_text(case.mapping, encoding="utf-8", errors="surrogateescape")
            ready = folder / "ready"
            call = ["import", folder / "in", "--from", folder / "mapping.yml", "--into", ready]
        else:
            ready, call = folder / "in", ["check", folder / "in"]
        outcome.code, outcome.text = _kam(*map(str, call))
    outcome.seconds = time.monotonic() - began
    outcome.peak = _highest()
    if case.rows and outcome.code == 0:
        outcome.loaded = _load(case, ready)
    return outcome


@contextlib.contextmanager
def _noting(module: object, name: str, outcome: Outcome):
    """Note the ledger that a function of the kit returns."""
    function = getattr(module, name)

    def noting(*args: object, **named: object) -> object:
        result = function(*args, **named)
        ledger = getattr(result, "ledger", result)
        outcome.entries = [
            [e.table or e.file, e.read, e.kept, e.set_aside, e.money_kept, e.money_set_aside]
            for e in (*ledger.files, *ledger.entries)
        ]
        return result

    setattr(module, name, noting)
    try:
        yield
    finally:
        setattr(module, name, function)


def _kam(*call: str) -> tuple[int | None, str]:
    from kamlib import cli

    said = io.StringIO()
    sys.argv = ["kam", *call]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = None
            traceback.print_exc()
    return code, said.getvalue()


def _load(case: Case, folder: Path) -> list:
    import kamlib

    try:
        data = kamlib.load(folder)
        table = data.con.table(case.table)
        money = table.amount.sum().execute() if "amount" in table.columns else 0
        return [int(table.count().execute()), float(money or 0)]
    except Exception:
        return [traceback.format_exc()]


def _highest() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def faults(case: Case, outcome: Outcome) -> list[str]:
    """Return what does not hold."""
    text = outcome.text
    entry = next((entry for entry in outcome.entries if entry[0] == case.table), None)
    broken = [f"does not say '{word}'" for word in case.words if word not in text]
    if outcome.code not in (0, 2) or "Traceback" in text:
        broken.append("neither imported nor refused in a sentence")
    if outcome.peak > MEMORY:
        broken.append(f"took {outcome.peak >> 20} MB")
    broken += [f"{name}: {read} rows read, {kept} kept, {aside} set aside" for name, read, kept, aside, *_ in outcome.entries if read != kept + aside]  # fmt: skip
    if case.rows is None:
        return broken + ["was not refused"] * (outcome.code != 2)
    if outcome.code != 0 or entry is None:
        return [*broken, "was refused"]
    if tuple(entry[1:4]) != case.rows:
        broken.append(f"read, kept, set aside: {entry[1:4]}, not {case.rows}")
    if case.table == "orders" and entry[4:] != [case.money, case.money_aside]:
        broken.append(f"money kept and set aside: {entry[4:]}, not {case.money, case.money_aside}")
    if outcome.loaded[:1] != [case.rows[1]] or (case.table == "orders" and outcome.loaded[1] != case.money):
        broken.append(f"loaded: {outcome.loaded}")
    return broken


def _show() -> None:
    found = cases(sys.argv[1] if len(sys.argv) > 1 else "")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        began = time.monotonic()
        outcomes = run_all(found, Path(folder))
        for case in found:
            outcome = outcomes[case.name]
            print(f"\n{case.name}: {outcome.code}, {outcome.seconds:.1f} s, {outcome.peak >> 20} MB")
            print("".join(f"  ✗ {fault}\n" for fault in faults(case, outcome)), end="")
            print("   ", outcome.text.replace(folder, "")[:1500].replace("\n", "\n    "))
        print(f"\n{len(found)} cases, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["--serve"] else _show()
