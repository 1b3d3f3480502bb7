"""Batch runs: several notebooks, failures, interruptions, repairs."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
import tiny_project
from rich.console import Console

from kamlib.batch import execute, plan, pool, warm
from kamlib.batch import run as batch
from kamlib.batch.manifest import last_run
from kamlib.batch.progress import Progress
from kamlib.batch.run import Call, exclusive, rerun, run
from kamlib.errors import InputError
from kamlib.workspace import load

AS_OF = "2025-12-15"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Make a project whose notebooks have the moods given, and stand in it."""

    def make(**moods):
        root = tiny_project.make(tmp_path, **moods)
        monkeypatch.chdir(root)
        return root

    return make


def manifest(root, as_of=AS_OF):
    return json.loads((root / "runs" / as_of / "manifest.json").read_text(encoding="utf-8"))


def statuses(root):
    return {number: entry["status"] for number, entry in manifest(root)["notebooks"].items()}


def test_failures_stop_nobody_and_are_repaired_alone(project, capsys):
    root = project(beta="fail", gamma="die", delta="short")
    assert run(Call(values=("top_n=1",))) == 1
    out = capsys.readouterr().out
    assert "02 beta   FAILED" in out
    assert "Moods: ValueError: the numbers do not add up" in out
    first = manifest(root)
    assert statuses(root) == {"01": "done", "02": "failed", "03": "failed", "04": "failed"}
    beta, gamma, delta = (first["notebooks"][number] for number in ("02", "03", "04"))
    assert beta["error"] == {"heading": "Moods", "cell": 6, "reason": "ValueError: the numbers do not add up"}
    assert beta["parameters"]["top_n"] == {"value": 1, "default": 2, "meaning": "accounts named"}
    assert gamma["error"]["heading"] == "Moods"
    assert gamma["error"]["reason"].startswith("The kernel died.")
    assert delta["error"]["reason"] == "It ran to its end, but did not deliver 04.2."
    assert (delta["declared"], delta["exhibits"]) == (["04.1", "04.2"], ["04.1"])
    folder = root / "runs" / AS_OF
    assert "image/png" in (folder / "notebooks/03_gamma.ipynb").read_text(encoding="utf-8"), "what was done is kept"
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "Stopped at “Moods”: ValueError: the numbers do not add up. Missing: 02.2." in report

    (root / "mended").touch()
    source = root / "notebooks/04_delta.ipynb"
    source.write_text(source.read_text(encoding="utf-8").replace('\\"short\\"  #', '\\"fine\\"  #'), encoding="utf-8")
    assert rerun(Call()) == 0
    second = manifest(root)
    assert second["status"] == "done"
    assert set(statuses(root).values()) == {"done"}
    assert second["notebooks"]["01"] == first["notebooks"]["01"]
    assert second["notebooks"]["02"]["parameters"]["top_n"]["value"] == 1
    assert "Stopped at" not in (folder / "report.html").read_text(encoding="utf-8")
    assert rerun(Call(as_of=AS_OF)) == 0, "nothing is left to do"


def test_what_nobody_expected_fails_its_notebook_with_the_reason_and_stops_no_other(project, capsys, monkeypatch):
    root = project()

    def no_room(notebook, *rest):
        if notebook.number == "02":
            raise OSError(28, "No space left on device")
        return execute.execute(notebook, *rest)

    monkeypatch.setattr(pool, "execute", no_room)
    assert run(Call()) == 1
    assert statuses(root) == {"01": "done", "02": "failed", "03": "done", "04": "done"}
    assert manifest(root)["status"] == "failed"
    beta = manifest(root)["notebooks"]["02"]
    assert beta["error"] == {"heading": "", "cell": None, "reason": "OSError: [Errno 28] No space left on device"}
    assert beta["seconds"] is not None
    assert "02 beta   FAILED" in capsys.readouterr().out
    assert "no_room" in (root / "runs" / AS_OF / "log").read_text(encoding="utf-8"), "the log says where"
    monkeypatch.setattr(pool, "execute", execute.execute)
    assert rerun(Call()) == 0


def test_the_run_folder_holds_what_was_promised(project, capfd):
    root = project()
    assert run(Call(lang="zh", jobs=1, only="1,2")) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert "01 alpha  完成" in out
    folder = root / "runs" / AS_OF
    assert {p.name for p in folder.iterdir()} == {
        "manifest.json",
        "data",
        "notebooks",
        "exhibits",
        "report.html",
        "log",
    }
    assert {p.name for p in (folder / "exhibits").iterdir()} == {
        f"0{i}.{end}" for i in (1, 2) for end in ("1.json", "1.csv", "1.svg", "2.json", "2.csv")
    }
    run_of = manifest(root)
    assert (run_of["company"], run_of["as_of"], run_of["lang"], run_of["currency"]) == (
        "Tiny & Söhne <b>", AS_OF, "zh", "CNY",
    )  # fmt: skip
    assert set(run_of["files"]) >= {"accounts.csv", "orders.csv"}
    assert all(len(value) == 64 for value in run_of["files"].values())
    assert set(run_of["versions"]) >= {"python", "kamlib", "pandas", "duckdb", "papermill"}
    assert all(entry["seconds"] > 0 for entry in run_of["notebooks"].values())
    assert {line["table"]: line["read"] for line in run_of["ledger"]["entries"]} == {"accounts": 2, "orders": 36}
    done = nbformat.read(folder / "notebooks/01_alpha.ipynb", as_version=4)
    explored = [cell for cell in done.cells if "explore" in cell.metadata.tags]
    assert [cell.outputs for cell in explored] == [[]]


def test_other_notebooks_are_kept_only_on_the_same_data(project):
    root = project()
    folder = root / "run"

    def call(number, lang="en"):
        notebooks = plan.select(root, number)
        folder.mkdir(exist_ok=True)
        made = batch.begin(folder, load("data/sample"), lang, notebooks, {number: {} for number in (number,)})
        (folder / "exhibits").mkdir(exist_ok=True)
        (folder / "exhibits" / f"{number}.1.json").touch()
        return list(made.notebooks), sorted(path.name for path in (folder / "exhibits").iterdir())

    assert call("01") == (["01"], ["01.1.json"])
    assert call("02") == (["01", "02"], ["01.1.json", "02.1.json"])
    assert call("02", "zh") == (["02"], ["02.1.json"])
    orders = root / "data/sample/orders.csv"
    orders.write_text(orders.read_text(encoding="utf-8").replace("100.25", "900.25"), encoding="utf-8")
    assert call("03", "zh") == (["03"], ["03.1.json"])
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is damaged .* Delete the folder and run again"):
        last_run(root, "run")
    assert call("04", "zh") == (["04"], ["04.1.json"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            Call(values=("topn=1",)),
            "-p topn=1: 'topn' is not a parameter of the notebooks to run. Did you mean 'top_n'?",
        ),
        (Call(values=("top_n",)), "-p top_n: write it as name=value"),
        (Call(values=("top_n=many",)), "-p top_n=many: 'many' is not a whole number"),
        (Call(values=("top_n=99",)), "top_n = 99. Give a whole number from 1 to 9."),
        (Call(values=("lang=zh",)), "'lang' has an option of its own. Give it as --lang."),
        (Call(only="09"), "There is no notebook '09'. Notebooks: 01 alpha, 02 beta, 03 gamma, 04 delta."),
        (Call(as_of="31.12.2025"), '--as-of 31.12.2025: Give a date as "YYYY-MM-DD"'),
        (Call(lang="fr"), "--lang fr: Choose one of 'en', 'zh'."),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_written(project, call, words):
    root = project()
    with pytest.raises(InputError) as refused:
        run(call)
    assert words in str(refused.value)
    assert not (root / "runs").exists()


def test_repeating_needs_a_run_and_nothing_else(project, tmp_path):
    project()
    with pytest.raises(InputError, match="There is no run in .*runs. Run the notebooks first"):
        rerun(Call())
    with pytest.raises(InputError, match="There is no run in .*2025-01-01"):
        rerun(Call(as_of="2025-01-01"))
    with pytest.raises(InputError, match="give it no --data, --only, -p, --lang, --role, --user or --share"):
        rerun(Call(only="01"))


def test_two_runs_do_not_share_a_folder(project):
    root = project()
    with exclusive(root / "runs" / AS_OF), pytest.raises(InputError, match="Another run is writing to"):
        run(Call(only="01"))
    with exclusive(root / "runs" / AS_OF):
        pass
    (root / "a file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        run(Call(only="01", out=root / "a file"))


@contextlib.contextmanager
def started(root):
    """Start `kam run` as its user would, and wait until notebook 01 is done and 02 waits for its sign to go on."""
    command = [sys.executable, "-m", "kamlib.cli", "run", "--jobs", "2", "--only", "1,2"]
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where tests run in the background
    )  # fmt: skip
    try:
        until(lambda: (root / "runs" / AS_OF / "exhibits/02.1.json").is_file() and statuses(root)["01"] == "done")
        yield process
    finally:
        process.kill()
        process.wait()


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError):
            if condition():
                return
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def processes_in(root):
    """Return the processes that work in the project: the kernels do, in its notebooks."""
    found = []
    for process in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if process.isdigit() and os.readlink(f"/proc/{process}/cwd").startswith(str(root)):
                found.append(int(process))
    return [process for process in found if process != os.getpid()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_what_is_finished_and_is_completed_later(project, how):
    root = project(beta="slow")
    with started(root) as process:
        process.send_signal(how)
        out, _ = process.communicate(timeout=600)
    folder = root / "runs" / AS_OF
    assert "Traceback" not in out
    assert statuses(root)["01"] == "done"
    assert statuses(root)["02"] in ("failed", "running")
    assert {"01.1.json", "01.2.json", "02.1.json"} <= {p.name for p in (folder / "exhibits").iterdir()}
    nbformat.read(folder / "notebooks/02_beta.ipynb", as_version=4)
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert "stopped" in out
        assert (folder / "report.html").is_file()
    until(lambda: not processes_in(root), 30)
    if how == signal.SIGKILL:
        (root / "go on").touch()
        assert rerun(Call()) == 0
        assert set(statuses(root).values()) == {"done"}


def test_a_terminal_shows_one_live_line_per_notebook(project):
    root = project()
    screen = Console(force_terminal=True, width=100, file=io.StringIO())
    with Progress(plan.select(root, "1,2,3"), "zh", screen) as progress:
        progress.start("01")
        progress.at("01", "Findings")
        progress.start("02")
        progress.end("02", "failed", "Moods: " + "why " * 40)
        screen.file.truncate(0)
        screen.print(progress._table())
    shown = screen.file.getvalue()
    assert re.search(r"▸.*01 alpha.*\d\.\d s.*Findings", shown)
    assert re.search(r"✗.*02 beta", shown)
    assert shown.count("why") >= 40, "the reason is not cut"
    assert re.search(r"·.*03 gamma", shown)


def test_a_kernel_that_does_not_start_gets_a_second_chance(project, tmp_path, monkeypatch):
    notebook = plan.select(project(), "1")[0]
    kernels = execute.Kernels(tmp_path, sys.stderr)
    tried = []

    def refuse(*_, **options):
        tried.append(options)
        raise RuntimeError("Kernel didn't respond\nin 60 seconds")

    monkeypatch.setattr(execute.papermill, "execute_notebook", refuse)
    fault = execute.execute(notebook, tmp_path / "out.ipynb", {}, kernels, print)
    assert len(tried) == 2
    assert fault == {"heading": "", "cell": None, "reason": "RuntimeError: Kernel didn't respond in 60 seconds"}
    kernels.stop()
    assert execute.execute(notebook, tmp_path / "out.ipynb", {}, kernels, print)["reason"] == "stopped"
    assert execute.reason("MemoryError", "") == "MemoryError"
    assert len(execute.reason("ValueError", "x" * 999)) == execute.LONGEST_REASON


def test_it_runs_from_anywhere_with_data_from_anywhere(project, tmp_path, monkeypatch):
    root = project()
    (tmp_path / "my data").mkdir()
    for name in ("accounts", "orders"):
        (root / f"data/sample/{name}.csv").rename(tmp_path / f"my data/{name}.csv")
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(plan, "__file__", str(root / "kamlib/batch/plan.py"))
    assert run(Call(data=plan.Path("../my data"), only="01", as_of="2025-06-30", values=("top_n=3",))) == 0
    assert (elsewhere / "runs/2025-06-30/report.html").is_file()
    assert manifest(elsewhere, "2025-06-30")["company"] == ""
    table = (elsewhere / "runs/2025-06-30/exhibits/01.1.csv").read_text(encoding="utf-8")
    assert table.splitlines()[1:] == ["<script>alert(1)</script>,1028.25", "'=2+5 & Söhne,1037.25"], (
        "nothing after the day"
    )


def test_home_is_where_the_user_stands_else_where_the_package_lies(project, tmp_path, monkeypatch):
    root = project()
    assert plan.home() == root
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAM_ROOT", raising=False)
    monkeypatch.setattr(plan, "__file__", str(root / "kamlib/batch/plan.py"))
    assert plan.home() == root
    monkeypatch.setattr(plan, "__file__", str(tmp_path / "nowhere/kamlib/batch/plan.py"))
    with pytest.raises(InputError, match="There is no folder 'notebooks' in"):
        plan.home()


def test_values_have_the_declared_type_and_go_where_they_are_declared(tmp_path):
    def notebook(name, source):
        cells = [tiny_project.cell("code", source, "parameters")]
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        return plan.Notebook(path)

    one = notebook("01_one", 'since: str = "2025-01-01"  # from\nn: int = 1  # count\nrate: float = 0.5  # share\n')
    two = notebook("02_two", 'deep: bool = False  # all levels\nsince: str = ""  # from\nlist_of = ["a"]  # names\n')
    given = plan.assign([one, two], ["since=2024-02-29", "n=7", "rate=2", "deep=yes"])
    assert given == {"01": {"since": "2024-02-29", "n": 7, "rate": 2.0}, "02": {"deep": True, "since": "2024-02-29"}}
    assert plan.parameter_rows([one, two])[0] == ("01", "since", "str", "'2025-01-01'", "from")
    assert plan.parameter_rows([two])[-1] == ("02", "list_of", "list", "['a']", "names")
    with pytest.raises(InputError, match="'maybe' is not true or false. Give one, e.g. False"):
        plan.assign([two], ["deep=maybe"])
    (tmp_path / "03_bad.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as a notebook"):
        plan.Notebook(tmp_path / "03_bad.ipynb").cells  # noqa: B018


def test_warm_kernels_give_what_ordinary_ones_give(project, monkeypatch):
    root = project()
    run(Call(only="01"))
    folder = root / "runs" / AS_OF
    forked = {p.name: p.read_bytes() for p in (folder / "exhibits").iterdir()}
    assert (folder / "log").read_text(encoding="utf-8") == ""
    monkeypatch.setattr(warm, "possible", lambda: False)
    run(Call(only="01"))
    assert {p.name: p.read_bytes() for p in (folder / "exhibits").iterdir()} == forked
    assert "TCP" not in (folder / "log").read_text(encoding="utf-8"), "what is said between processes is encrypted"


@pytest.mark.skipif(not warm.possible(), reason="kernels start in the ordinary way here")
def test_kernels_start_cold_when_forking_is_not_safe(project, monkeypatch):
    code = "import threading, time; threading.Thread(target=time.sleep, args=[99], daemon=True).start()"
    (project() / "threaded.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.setattr(batch, "modules", lambda _: ["threaded"])
    assert run(Call(only="01")) == 0
    log = (plan.home() / "runs" / AS_OF / "log").read_text(encoding="utf-8")
    assert "2 threads run after the imports, so forking is not safe" in log
    assert log.count("kernels start cold") == 1
