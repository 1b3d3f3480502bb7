"""Small companies and empty tables: every notebook runs to its end and says what cannot be said.

The sample is cut down to a few accounts, or loses deals, answers or its last year; each case is one run of all notebooks.
"""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from kamlib.batch.plan import select
from kamlib.batch.run import Call, run
from kamlib.tables import TABLES

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data/sample"
NOT_A_NUMBER = re.compile(r"\b(nan|NaN|NaT|None|inf)\b")


def company(into, n_accounts=150, keep=lambda name, table: table):
    """Write the sample with its first `n_accounts` key accounts (others after them), each table put through `keep`."""
    into.mkdir()
    accounts = pd.read_csv(SAMPLE / "accounts.csv", dtype=str)
    first = accounts.sort_values("is_key_account", ascending=False, kind="stable").head(n_accounts)
    kept = {"accounts": set(first["account_id"])}
    for name, table in TABLES.items():
        path = SAMPLE / f"{name}.csv"
        if not path.is_file():
            continue
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        if n_accounts < 150:
            for column in table.columns:
                if column.ref in kept and column.name in rows:
                    rows = rows[rows[column.name].isin(kept[column.ref] | {""})]
            key = table.key[0]
            kept[name] = set(rows[key]) if len(table.key) == 1 else set()
        rows = keep(name, rows)
        if rows is not None:
            rows.to_csv(into / f"{name}.csv", index=False)
    (into / "kam.toml").write_text('company = "Tiny"\ncurrency = "CNY"\nas_of = 2025-12-31\n', encoding="utf-8")
    return into


def without(*names):
    return lambda name, rows: None if name in names else rows


def one_answer(name, rows):
    return rows[rows["overall"] != ""].head(1) if name == "surveys" else rows


def all_lost(name, rows):
    return rows[rows["order_date"] < "2023-12-31"] if name == "orders" else rows


CASES = {
    "one_account": {"n_accounts": 1}, "two_accounts": {"n_accounts": 2}, "five_accounts": {"n_accounts": 5}, "fifteen_accounts": {"n_accounts": 15},
    "no_deals": {"keep": without("deals", "deal_stage_history")}, "one_answer": {"keep": one_answer}, "all_lost": {"keep": all_lost},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_notebook_says_what_cannot_be_said(case, tmp_path):
    folder = company(tmp_path / "in", **CASES[case])
    code = run(Call(data=folder, out=tmp_path / "out"))
    (made,) = (tmp_path / "out").iterdir()
    entries = json.loads((made / "manifest.json").read_text(encoding="utf-8"))["notebooks"]
    faults = {number: entry["error"] for number, entry in entries.items() if entry["error"]}
    assert (code, faults) == (0, {})
    assert set(entries) == {notebook.number for notebook in select(ROOT)}
    for path in sorted((made / "exhibits").glob("*.json")):
        exhibit = json.loads(path.read_text(encoding="utf-8"))
        for lang, claim in exhibit["claim"].items():
            assert claim.strip(), path.stem
            assert not NOT_A_NUMBER.search(claim), f"{path.stem} {lang}: {claim}"
