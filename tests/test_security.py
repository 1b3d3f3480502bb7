"""What an attacker or a curious colleague would try; each attack of docs/security.md that needs the whole kit."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny_project

import kamlib as kam
from kamlib import frames, style
from kamlib.batch.run import Call, run
from kamlib.errors import InputError
from kamlib.exhibit import svg
from kamlib.files import file_name
from kamlib.privacy import keys, office
from kamlib.sources import sandbox
from kamlib.sources.mapping import import_data
from kamlib.sources.mapping_file import read_mapping
from kamlib.sources.sandbox import Sandbox
from kamlib.workspace import prepare

MAPPING = """\
name: Tiny
files: {a: accounts.csv, o: orders.csv}
tables:
  accounts: {from: a, columns: {account_id: account_id, account_name: account_name}}
  orders: {from: o, columns: {order_id: order_id, account_id: account_id, order_date: order_date, amount: amount}}
"""


def open_to_others(folder):
    """Return what in `folder` others than its owner could read or change, were they let into the folder."""
    return [path for path in folder.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()]


def test_what_the_commands_write_is_for_their_owner_only(tmp_path):
    root = tiny_project.make(tmp_path)
    given = set(root.rglob("*"))
    with (root / "data/sample/orders.csv").open("a") as orders:
        orders.write("O99,nobody,2025-01-15,1.00\n")  # a row to set aside
    (root / "tiny.yml").write_text(MAPPING, encoding="utf-8")
    given |= {root / "tiny.yml"}
    previous = os.umask(0o022)
    try:
        for call in (
            ["import", "data/sample", "--from", "tiny.yml", "--into", "brought/workspace"],
            ["run", "--data", "data/sample", "--only", "01,02"],
            ["check", "data/sample"],
        ):
            command = [sys.executable, "-m", "kamlib.cli", *call]
            assert subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0, call
    finally:
        os.umask(previous)
    assert (root / "runs/2025-12-15/report.html").is_file()
    assert list((root / "brought/workspace").rglob("orders.csv"))
    assert [path for path in open_to_others(root) if path not in given] == []


def test_what_the_library_writes_lies_in_folders_for_their_owner_only(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path)
    monkeypatch.chdir(root)
    previous = os.umask(0o022)
    try:
        assert run(Call(only="01")) == 0
        prepare(kam.load("data/sample"), root / "prepared")
    finally:
        os.umask(previous)
    for folder in ("runs", "runs/2025-12-15", "runs/2025-12-15/exhibits", "runs/2025-12-15/data", "prepared"):
        assert stat.S_IMODE((root / folder).stat().st_mode) == 0o700, folder


def test_notebooks_inherit_no_key_and_no_password(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path)
    monkeypatch.chdir(root)
    for name in (keys.VARIABLE, office.VARIABLE):
        monkeypatch.setenv(name, "a secret of at least sixteen letters")
    source = root / "notebooks/01_alpha.ipynb"
    told = "import os\\nprint(len([v for v in os.environ.values() if 'a secret of at' in v]), 'told')"
    source.write_text(source.read_text(encoding="utf-8").replace("import os, time", told + "\\nimport time", 1))
    assert run(Call(only="01")) == 0
    assert "0 told" in (root / "runs/2025-12-15/notebooks/01_alpha.ipynb").read_text(encoding="utf-8")


@pytest.fixture
def box(tmp_path, monkeypatch):
    """The engine of a mapping file, and a secret beside it."""
    monkeypatch.setenv("KAM_SECRET", "sesame")
    (tmp_path / "secret.csv").write_text("a,b\n1,hidden\n", encoding="utf-8")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch/link.csv").symlink_to(tmp_path / "secret.csv")
    box = Sandbox(tmp_path / "scratch", tmp_path / "stranger.yml")
    box.con.execute("CREATE TABLE sales AS SELECT 1 AS x")
    box.lock()
    return box


READS = [
    "SELECT * FROM '{secret}'", "FROM read_csv('{secret}')", "FROM read_text('{secret}')", "FROM read_blob('{secret}')",
    "FROM read_json('{secret}')", "FROM read_parquet('{secret}')", "FROM sniff_csv('{secret}')",
    "FROM parquet_metadata('{secret}')", "FROM glob('{folder}/*')", "FROM query_table('{secret}')",
    "FROM query('FROM read_text(''{secret}'')')", "FROM read_text('{folder}/scratch/../secret.csv')",
    "FROM read_csv('{folder}/scratch/link.csv')", "FROM read_text('/proc/self/environ')", "FROM read_csv('/dev/stdin')",
    "FROM read_csv('http://127.0.0.1:1/x.csv')", "FROM duckdb_secrets()", "SELECT getenv('KAM_SECRET')", "FROM box",
]  # fmt: skip
STATEMENTS = [
    "COPY sales TO '{folder}/out.csv'", "ATTACH '{folder}/out.db'", "INSTALL httpfs", "LOAD httpfs",
    "SET enable_external_access = true", "RESET lock_configuration", "PRAGMA enable_external_access", "VACUUM",
    "EXPORT DATABASE '{folder}/out'", "CREATE TABLE y AS SELECT 1", "DELETE FROM sales", "SELECT 1; DROP TABLE sales",
    "CALL pragma_version()", "WITH gone AS (DELETE FROM sales RETURNING *) FROM gone", "EXPLAIN ANALYZE SELECT 1",
]  # fmt: skip


@pytest.mark.parametrize("sql", READS + STATEMENTS)
def test_the_sql_of_a_stranger_reads_and_does_nothing_else(box, tmp_path, sql):
    sql = sql.format(secret=tmp_path / "secret.csv", folder=tmp_path)
    with pytest.raises(InputError) as refused:
        box.run(f"FROM {box.select(sql, 'tables.orders.sql')}", "tables.orders.sql", [])
    assert "hidden" not in str(refused.value)
    assert "sesame" not in str(refused.value)
    assert {path.name for path in tmp_path.iterdir()} == {"secret.csv", "scratch"}
    assert box.con.execute("FROM sales").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "cell", ["x) FROM read_csv('y'", "x FROM sales) UNION (SELECT 1", "x; DROP TABLE sales", "x --"]
)
def test_an_expression_does_not_break_out(box, cell):
    try:
        sql = f"SELECT {box.expression(cell, 'tables.orders.columns.amount')} FROM sales"
    except InputError:
        return
    assert box.run(sql, "", []).fetchall() == [(1,)], "a comment ends with its line"


def test_sql_that_never_ends_is_stopped(box, monkeypatch):
    monkeypatch.setattr(sandbox, "LONGEST", 0.5)
    bomb = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"
    with pytest.raises(InputError, match="tables.orders.sql: stopped after .* minutes"):
        box.run(f"FROM {box.select(bomb, 'tables.orders.sql')}", "tables.orders.sql", [])
    assert box.run("FROM sales", "", []).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "text",
    [
        "files: !!python/object/apply:os.system ['touch pwned']\n",
        "files: &f {a: *f}\ntables: {}\n",
        "files: " + "[" * 5000 + "]" * 5000,
        "files: {__class__: x.csv, a.b: ../../etc/passwd}\ntables: {accounts: {from: __class__, columns: {__class__: x}}}\n",
    ],
    ids=["object", "itself", "deep", "dunder"],
)
def test_the_yaml_of_a_stranger_is_only_read(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stranger.yml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="stranger.yml"):
        read_mapping(tmp_path / "stranger.yml", "")
    assert [path.name for path in tmp_path.iterdir()] == ["stranger.yml"]


HOSTILE = ["../../etc/passwd", "..\\..\\x", "/srv/x", "a\0b", "...", "", "x" * 999, "客户/大", "con:", "-rf", "*?["]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_make_harmless_file_names(tmp_path, name):
    part = file_name(name)
    assert not set(part) & set("/\\:*?[]\0 ")
    assert not part.startswith(".")
    assert len(part) <= 60
    (tmp_path / f"run-{part}").write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [f"run-{part}"]


@pytest.mark.parametrize(
    "name",
    ["--><script>alert(1)</script>", "]]><x>", "A$\\frac$B", "$x^2$", '"><img src=x onerror=alert(1)>', "&lt;b&gt;"],
)
def test_names_stay_texts_on_a_chart_and_in_a_notebook(name):
    style.apply()
    frames.readable()
    ax = style.new_axes((8, 4))
    ax.barh([name], [1])
    ax.set_title(name)
    drawn = svg(ax.figure)
    page = pd.DataFrame({"account_name": [name], name: [1]})._repr_html_()
    for text in (drawn, page):
        assert "<script" not in text
        assert "<img" not in text
        assert "<x>" not in text
    assert "&amp;lt;b" in page or "&lt;b" not in name


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    for name in ("exports", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere/accounts.csv").write_text("account_id,account_name\nA1,hidden\n", encoding="utf-8")
    (tmp_path / "exports/accounts.csv").symlink_to(tmp_path / "elsewhere/accounts.csv")
    (tmp_path / "exports/orders.csv").write_text(tiny_project.ORDERS, encoding="utf-8")
    (tmp_path / "tiny.yml").write_text(MAPPING, encoding="utf-8")
    with pytest.raises(InputError, match="accounts.csv: is a link out of"):
        import_data(tmp_path / "tiny.yml", tmp_path / "exports", tmp_path / "into", "2025-12-31")
    assert not (tmp_path / "into").exists()


def test_the_threat_model_names_tests_that_exist():
    here = Path(__file__).parent
    page = (here.parent / "docs/security.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"`(test_\w+)`", page))
    assert len(modules) >= 8
    assert all((here / f"{module}.py").is_file() for module in modules), modules
    tests = re.findall(
        r"^def (test_\w+)", "\n".join((here / f"{m}.py").read_text(encoding="utf-8") for m in modules), re.M
    )
    for part in re.findall(r"`…(\w+)…?`", page):
        assert any(part in test for test in tests), part
