"""Mapping files from strangers, and hostile files brought through a good one."""

from __future__ import annotations

import os

from hostile import ACCOUNTS, ORDERS, Case, imported

GOOD = """
files: {accounts: accounts.csv, orders: "orders.*"}
tables:
  accounts: {from: accounts, columns: {account_id: account_id, account_name: account_name}}
  orders: {from: orders, columns: {order_id: order_id, account_id: account_id, order_date: order_date, amount: amount}}
"""


def evil(name: str, old: str, new: str, *words: str) -> Case:
    """A mapping that is refused: the good one with something else in it."""
    assert old in GOOD
    return Case(name, {}, ("mapping.yml", *words), mapping=GOOD.replace(old, new, 1))


def whole(name: str, text: str, *words: str) -> Case:
    return Case(name, {}, ("mapping.yml", *words), mapping=text)


def brought(
    name: str, content: object, read: int, kept: int, *words: str, file: str = "orders.csv", **more: object
) -> Case:
    """Hostile orders through the good mapping."""
    return imported(name, {file: content}, read, kept, *words, mapping=GOOD, **more)


def kept_out(name: str, content: object, *words: str, file: str = "orders.csv") -> Case:
    return Case(name, {file: content}, words, mapping=GOOD)


def sql(text: str) -> str:
    return f"amount: {{sql: {text!r}}}"


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)

CASES = [
    brought("orders through a mapping", ORDERS, 2, 2),
    whole("an empty mapping", "", "is no mapping file"),
    whole("a mapping that is a list", "- files\n- tables\n", "is no mapping file"),
    whole("no YAML", "files: [}\n", "not readable as YAML", "line 1"),
    whole("settings that are a list", GOOD + "settings: [a]\n", "is no mapping file"),
    whole("tabs in YAML", "files:\n\taccounts: x\n", "not readable as YAML"),
    whole("another encoding in YAML", "name: M\udcfcller\n", "cannot be read"),
    whole("a mapping that calls Python", "files: !!python/object/apply:os.system ['touch /tmp/owned']\n", "not readable as YAML"),
    whole("a mapping of laughs", LAUGHS + GOOD, "mapping.yml"),
    whole("a mapping of a billion files", LAUGHS + "files: *a11\ntables: *a11\n", "mapping.yml"),
    whole("a mapping that holds itself", "files: &f {accounts: *f}\ntables: *f\n", "mapping.yml"),
    whole("a mapping of a million entries", "files: {" + ", ".join(f"f{i}: x" for i in range(400_000)) + "}\n", "larger than"),
    whole("a mapping of brackets", "files: " + "[" * 20_000, "mapping.yml"),
    whole("a key twice", GOOD + "files: {}\n", "stands twice"),
    whole("keys that are no texts", "? [a, b]\n: c\n", "mapping.yml"),
    evil("a path upwards", "accounts.csv", "../../etc/passwd", "must lie in the source folder"),
    evil("a path from the root", "accounts.csv", "/etc/passwd", "must lie in the source folder"),
    evil("a path from home", "accounts.csv", "~/.ssh/id_rsa", "must lie in the source folder"),
    evil("a file that is not there", "accounts.csv", "gone.csv", "gone.csv"),
    evil("a pattern without end", "accounts.csv", "'" + "**/" * 30 + "x.csv'", "x.csv"),
    evil("a misspelt entry", "tables:", "tabels:", "tabels"),
    evil("a table that is none", "  orders:", "  ordres:", "Did you mean 'orders'"),
    evil("a column that is none", "amount: amount", "amuont: amount", "amuont"),
    evil("a column that the file has not", "amount: amount", "amount: price", "has no column 'price'"),
    evil("SQL that reads a file", "amount: amount", sql("(SELECT count(*) FROM read_csv('/etc/passwd'))"), "reads more than the files declared"),
    evil("SQL that reads a text", "amount: amount", sql("(SELECT length(content) FROM read_text('/etc/passwd'))"), "mapping.yml"),
    evil("SQL that reads the net", "amount: amount", sql("(SELECT 1 FROM 'http://127.0.0.1:9/x.parquet')"), "mapping.yml"),
    evil("SQL that writes", "amount: amount", sql("1); COPY orders TO '/tmp/owned.csv'; --"), "mapping.yml"),
    evil("SQL that changes settings", "amount: amount", sql("1); SET enable_external_access = true; --"), "mapping.yml"),
    evil("SQL that attaches", "amount: amount", sql("1; ATTACH '/tmp/owned.db'"), "mapping.yml"),
    evil("SQL that fails on a row", "amount: amount", sql("amount::INTEGER / (amount = '100')::INTEGER::BOOLEAN::VARCHAR::DATE"), "mapping.yml"),
    evil("SQL that asks for the settings", "amount: amount", sql("getenv('HOME')"), "mapping.yml"),
    kept_out("a pipe through a mapping", os.mkfifo, "orders.csv", "is not a file"),
    kept_out("a link outside through a mapping", lambda path: path.symlink_to("/etc/passwd"), "orders.csv", "is a link out of"),
    kept_out("a folder through a mapping", lambda path: path.mkdir(), "orders.csv", "is a folder"),
    kept_out("an empty file through a mapping", b"", "orders.csv is empty"),
    kept_out("Latin-1 through a mapping", ORDERS.replace(b"o1", b"\xfcx"), "neither UTF-8 nor GB18030"),
    kept_out("a broken workbook through a mapping", b"PK\x03\x04 nonsense", "not a readable Excel file", file="orders.xlsx"),
    kept_out("a broken Parquet through a mapping", b"PAR1 nonsense", "not a readable .parquet", file="orders.parquet"),
    kept_out("two files that do not fit", lambda path: (path.write_bytes(ORDERS), path.with_suffix(".tsv").write_bytes(b"")), "orders.tsv is empty"),
    brought("dates that are none through a mapping", ORDERS + b"o3,a,31/02/2024,7\n", 3, 2, "31/02/2024", money_aside=7.0),
    brought("lines too long through a mapping", ORDERS + b"o3,a,2024-01-01,1,2\n", 2, 2, "line not readable"),
    brought("a quote left open through a mapping", ORDERS + b'"o3,a,2024-01-01,1\n', 2, 2, "line not readable"),
    brought("keys twice through a mapping", ORDERS + ORDERS.split(b"\n", 1)[1], 4, 2, "key used before", money_aside=150.5),
    brought("orders of nobody through a mapping", ORDERS + b"o3,zz,2025-01-01,7\n", 3, 2, "zz", money_aside=7.0),
    brought("two files of the same orders", lambda path: (path.write_bytes(ORDERS), path.with_suffix(".tsv").write_bytes(ORDERS.replace(b",", b"\t"))), 4, 2, "key used before", money_aside=150.5),
    brought("headers of ours through a mapping", ORDERS.replace(b"amount\n", b"amount,__why,__money,__file\n").replace(b"100\n", b"100,x,7,y\n").replace(b"50.5\n", b"50.5,x,7,y\n"), 2, 2),
    imported("accounts that would end a statement", {"accounts.csv": ACCOUNTS.replace(b"Alpha", b"'; DROP TABLE orders; --")}, 2, 2, mapping=GOOD, table="accounts"),
]  # fmt: skip
