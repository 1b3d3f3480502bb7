"""The command line: what it offers, how it answers a wrong call, how fast it starts."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny_project

from kamlib import cli

ROOT = Path(__file__).parent.parent


def kam(monkeypatch, *arguments):
    """Call `kam` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["kam", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path, beta="fail")
    monkeypatch.chdir(root)
    return root


def test_run_and_repair(project, monkeypatch, capfd):
    assert kam(monkeypatch, "run", "-p", "top_n=1", "--lang", "zh", "--out", "my runs", "--only", "1,2") == 1
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (5, ""), "two lines per notebook and where the report is"
    assert "报告：" in out
    (project / "mended").touch()
    assert kam(monkeypatch, "run", "--only-failed", "--out", "my runs") == 0
    assert "alpha" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("run", "-p", "top=3"),
            "kam: -p top=3: 'top' is not a parameter of the notebooks to run. Did you mean 'top_n'?",
        ),
        (("run", "--only", "42"), "kam: There is no notebook '42'. Notebooks: 01 alpha, 02 beta,"),
        (("run", "--data", "nowhere"), "nowhere is not a folder. Give the folder that holds accounts and orders"),
        (("run", "--as-of", "soon"), 'kam: --as-of soon: Give a date as "YYYY-MM-DD"'),
        (("run", "--only-failed"), "Run the notebooks first, without --only-failed."),
        (("params", "42"), "kam: There is no notebook '42'."),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(project, monkeypatch, capfd, arguments, line):
    assert kam(monkeypatch, *arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


def test_bad_data_is_told_without_a_stack(project, monkeypatch, capfd):
    (project / "data/sample/orders.csv").write_text("order_id,when\nO1,yesterday\n", encoding="utf-8")
    assert kam(monkeypatch, "run") == 2
    err = capfd.readouterr().err
    assert err.startswith("kam: ")
    assert "orders.csv" in err
    assert "Traceback" not in err
    assert not list(project.glob("runs/*/manifest.json"))


def test_unknown_options_and_commands_are_refused(monkeypatch, capfd):
    assert kam(monkeypatch, "run", "--nonsense") == 2
    assert "No such option: --nonsense" in capfd.readouterr().err
    assert kam(monkeypatch, "jump") == 2


def test_params_lists_every_parameter_with_its_meaning(project, monkeypatch, capfd):
    assert kam(monkeypatch, "params") == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert ["all", "top_n", "int", "2", "accounts", "named"] in lines
    assert ["02", "mood", "str", "'fail'", "what", "else", "happens"] in lines
    assert kam(monkeypatch, "params", "3") == 0
    assert "03" in capfd.readouterr().out


def test_lab_opens_on_the_notebooks_and_asks_nobody(project, monkeypatch):
    import jupyterlab.labapp

    called = []
    monkeypatch.setattr(jupyterlab.labapp, "main", called.extend)
    assert kam(monkeypatch, "lab", "--no-browser", "--port", "9999") == 0
    assert f"--ServerApp.root_dir={project / 'notebooks'}" in called
    assert "--LabApp.news_url=None" in called
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in called
    assert called[-3:] == ["--no-browser", "--port", "9999"]


def test_sample_invents_a_company(tmp_path, monkeypatch, capfd):
    assert kam(monkeypatch, "sample", "--into", tmp_path / "new company") == 0
    assert "150 accounts in" in capfd.readouterr().out
    made, committed = (folder / "orders.csv" for folder in (tmp_path / "new company", ROOT / "data/sample"))
    assert made.read_bytes() == committed.read_bytes()
    assert kam(monkeypatch, "sample", "--accounts", "20", "--into", tmp_path / "small") == 2


def test_stopping_is_no_error(monkeypatch):
    def stop(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    assert kam(monkeypatch) == 130


def test_a_closed_pipe_is_no_error():
    command = f'"{sys.executable}" -m kamlib.cli params | head -n 1'
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""


def test_it_starts_without_the_libraries(project):
    code = (
        "import sys; sys.argv = ['kam', 'params']\n"
        "from kamlib.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'matplotlib', 'duckdb', 'papermill', 'nbformat', 'jupyterlab'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project, check=True, capture_output=True)
