"""Cleaning rules: what they change is logged, rows and money stay, and a second cleaning finds nothing to do."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kamlib as kam
from kamlib.errors import InputError
from kamlib.privacy.roles import restrict
from kamlib.quality.cleaning import tidy
from kamlib.sources.check import check_folder
from kamlib.tables import TABLES

RULES = """
[[cleaning]]
table = "accounts"
column = "account_name"
tidy = true

[[cleaning]]
table = "accounts"
column = "region"
values = { "华东区" = "华东", "East" = "华东" }

[[cleaning]]
table = "orders"
column = "order_date"
values = { "31/12/2024" = "2024-12-31" }

[[cleaning]]
merge = { b = "a", c = "b" }
"""
FILES = {
    "accounts": "account_id,account_name,region,parent_account_id\na,上海 晟程　冶金,华东区,b\nb,Ｒｅｄ  Mesa,East,\nc,Velcrest,South,\nd,Delta,,c\n",
    "orders": "order_id,account_id,order_date,amount\no1,a,31/12/2024,10.01\no2,b,2024-12-30,20.02\no3,c,2024-12-30,40.04\no4,d,2024-12-30,80.08\n",
    "account_team": "account_id,person,team_role\na,Ann,sales\nb,Ann,sales\nc,Bob,sales\n",
}  # fmt: skip


def write(folder: Path, rules: str = RULES, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in (FILES | files).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "kam.toml").write_text(rules, encoding="utf-8")
    return folder


def log(data: kam.Data) -> list[tuple]:
    return data.con.con.execute("FROM cleaning").fetchall()


def test_every_change_is_logged_and_nothing_else_changes(tmp_path):
    before = {path.name: path.read_bytes() for path in write(tmp_path / "in").iterdir()}
    data = kam.load(tmp_path / "in")
    assert log(data) == [
        ("accounts", "a", "account_name", "上海 晟程　冶金", "上海晟程冶金", "tidy"),
        ("accounts", "a", "region", "华东区", "华东", "values"),
        ("accounts", "a", "parent_account_id", "b", None, "merge"),
        ("accounts", "b", "account_name", "Ｒｅｄ  Mesa", "Red Mesa", "tidy"),
        ("accounts", "b", "region", "East", "华东", "values"),
        ("accounts", "d", "parent_account_id", "c", "a", "merge"),
        ("account_team", "a + Ann + sales", "account_id", "b", "a", "merge"),
        ("account_team", "a + Bob + sales", "account_id", "c", "a", "merge"),
        ("orders", "o1", "order_date", "31/12/2024", "2024-12-31", "values"),
        ("orders", "o2", "account_id", "b", "a", "merge"),
        ("orders", "o3", "account_id", "c", "a", "merge"),
    ]
    orders = data.frame("orders")
    assert list(orders.account_id) == ["a", "a", "a", "d"]
    assert orders.amount.sum() == pytest.approx(150.15)
    assert list(data.frame("accounts").account_id) == ["a", "d"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before


def test_merged_accounts_are_set_aside_as_they_were_delivered(tmp_path):
    data = kam.load(write(tmp_path / "in"))
    aside = data.ledger.set_aside("accounts")
    assert list(aside.account_name) == ["Ｒｅｄ  Mesa", "Velcrest"]
    assert "merged into another account" in aside.set_aside_reason[0]
    entries = {entry.table: entry for entry in data.ledger.entries}
    assert (entries["accounts"].read, entries["accounts"].kept, entries["accounts"].set_aside) == (4, 2, 2)
    assert (entries["orders"].kept, entries["orders"].money_kept) == (4, 150.15)
    assert (entries["account_team"].kept, entries["account_team"].set_aside) == (2, 1)  # Ann stood in both teams


def test_the_log_lies_beside_the_ledger_and_is_told(tmp_path):
    write(tmp_path / "in")
    (tmp_path / "m.yml").write_text(
        "settings: {cleaning: [{merge: {b: a}}, {table: accounts, column: account_name, values: {Delta: '=Delta'}}]}\n"
        "files: {x: accounts.csv, y: orders.csv}\ntables:\n"
        "  accounts: {from: x, columns: {account_id: account_id, account_name: account_name}}\n"
        "  orders: {from: y, where: order_id <> 'o1', columns: {order_id: order_id, account_id: account_id, order_date: order_date, amount: amount}}\n"
    )
    from kamlib.sources.mapping import import_data

    ledger = import_data(tmp_path / "m.yml", tmp_path / "in", tmp_path / "ws").ledger
    (path,) = (tmp_path / "ws").glob("snapshots/*/cleaning.csv")
    rows = list(csv.reader(path.open(encoding="utf-8")))
    assert rows == [
        ["table", "key", "column", "before", "after", "rule"],
        ["accounts", "d", "account_name", "Delta", "'=Delta", "values"],
        ["orders", "o2", "account_id", "b", "a", "merge"],
    ]
    told = {(fault.table, fault.column): fault for fault in ledger.faults if fault.kind == "cleaned"}
    assert told["orders", "account_id"].examples == ((None, "b → a (1)"),)
    assert (tmp_path / "ws/kam.toml").read_text(encoding="utf-8").count("[[cleaning]]") == 2
    assert check_folder(tmp_path / "ws").usable
    report = check_folder(tmp_path / "in", tmp_path / "rows")
    assert (tmp_path / "rows" / "cleaning.csv") in report.rows


def test_the_rules_and_their_log_do_not_go_along_with_a_role(tmp_path):
    accounts = (
        FILES["accounts"].replace("parent_account_id\n", "parent_account_id,owner\n").replace("区,b\n", "区,b,Ann\n")
    )
    seen = restrict(kam.load(write(tmp_path / "in", accounts=accounts)), "rep", "Ann")
    assert "cleaning" not in (seen.source / "kam.toml").read_text(encoding="utf-8")
    assert "cleaning" not in seen.con.list_tables()
    assert seen.settings.cleaning == ()


def test_no_rules_no_log(tmp_path):
    report = check_folder(
        write(tmp_path / "in", "", orders=FILES["orders"].replace("31/12/2024", "2024-12-31")), tmp_path / "rows"
    )
    assert not (tmp_path / "rows" / "cleaning.csv").exists()
    assert not any(fault.kind == "cleaned" for fault in report.ledger.faults)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('table = "accounts"\ncolumn = "acount_name"\ntidy = true', "Did you mean 'account_name'?"),
        ('table = "acounts"\ncolumn = "account_name"\ntidy = true', "Did you mean 'accounts'?"),
        ('table = "orders"\ncolumn = "amount"\nvalues = { "1" = "2" }', "not to be cleaned"),
        ('table = "orders"\ncolumn = "order_id"\ntidy = true', "not to be cleaned"),
        ('table = "orders"\ncolumn = "account_id"\nvalues = { "a" = "b" }', "not to be cleaned"),
        ('table = "orders"\ncolumn = "order_date"\ntidy = true', "is no text"),
        ('table = "accounts"\ncolumn = "region"', "one of tidy"),
        ('table = "accounts"\ncolumn = "region"\nvalues = { "x" = "y", "ｙ" = "z" }', "say it in one step"),
        ('merge = { a = "b", b = "a" }', "goes in a circle"),
        ('merge = { a = "a" }', "goes in a circle"),
        ('merge = { b = "a" }\n[[cleaning]]\nmerge = { b = "c" }', "two accounts, a and c"),
        ('merge = { b = "nobody" }', "the account nobody is not in accounts"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_followed_are_told(tmp_path, rules, said):
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        kam.load(write(tmp_path / "in", f"[[cleaning]]\n{rules}\n"))


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab中国人 　ＡＢ９（）\t\u200b\u00a0-＆"), max_size=12))
def test_tidy_is_done_once(text):
    sql = f"SELECT {tidy('t')} AS once, {tidy(tidy('t'))} AS twice FROM (SELECT $1 AS t)"
    once, twice = duckdb.execute(sql, [text]).fetchone()
    assert once == twice
    assert "".join((once or "").split()) == "".join(
        text.translate(str.maketrans("ＡＢ９＆", "AB9&")).replace("\u200b", "").split()
    )


CELLS = st.sampled_from(["x", "y", "z", "中 国", "  ｘ", "", "Ａ"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 99999)), min_size=1, max_size=12),
    st.lists(CELLS, min_size=5, max_size=5),
    st.dictionaries(st.sampled_from("bcde"), st.sampled_from("ab"), max_size=3).filter(lambda m: m.get("b") != "b"),
)
def test_rows_and_money_stay_and_a_second_cleaning_changes_nothing(tmp_path_factory, orders, regions, merge):
    folder = tmp_path_factory.mktemp("clean")
    merge = ", ".join(f'{old} = "{new}"' for old, new in merge.items())
    rules = "[[cleaning]]\ntable = 'accounts'\ncolumn = 'region'\ntidy = true\n"
    rules += "[[cleaning]]\ntable = 'accounts'\ncolumn = 'region'\nvalues = { 'x' = 'Ｑ  q', '中国' = 'China' }\n"
    rules += f"[[cleaning]]\nmerge = {{ {merge} }}\n" if merge else ""
    accounts = "".join(f'{a},Name {a},"{region}"\n' for a, region in zip("abcde", regions, strict=True))
    lines = "".join(f"o{i},{a},2025-01-01,{cents / 100}\n" for i, (a, cents) in enumerate(orders))
    write(
        folder, rules, accounts="account_id,account_name,region\n" + accounts, account_team="account_id,person,team_role\n",
        orders="order_id,account_id,order_date,amount\n" + lines,
    )  # fmt: skip
    first = kam.load(folder)
    counted = first.con.con.execute("SELECT count(*), CAST(100 * sum(amount) AS BIGINT) FROM orders").fetchone()
    assert counted == (len(orders), sum(cents for _, cents in orders))
    for entry in first.ledger.entries:
        assert entry.read == entry.kept + entry.set_aside
    again = tmp_path_factory.mktemp("again")
    (again / "kam.toml").write_text(rules, encoding="utf-8")
    for name in ("accounts", "orders"):
        first.con.con.execute(f"COPY {name} TO '{again / name}.csv' (HEADER)")
    second = kam.load(again)
    assert log(second) == []
    for name in ("accounts", "orders"):
        columns = ", ".join(TABLES[name].names)
        query = f"SELECT {columns} FROM {name} ORDER BY 1"
        assert second.con.con.execute(query).fetchall() == first.con.con.execute(query).fetchall()
