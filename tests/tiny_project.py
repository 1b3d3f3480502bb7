"""A project of its own with two accounts and four small notebooks, in a folder with a blank and Chinese in its name.

Each notebook shows two exhibits. What it does besides says its parameter `mood`: "fine", "fail" (an error, until a file
`mended` lies in the project), "die" (its kernel does), "slow" (waits for a file `go on`) or "short" (one exhibit only).
"""

from __future__ import annotations

import json
from pathlib import Path

ACCOUNTS = "account_id,account_name,region\nA1,<script>alert(1)</script>,North\nA2,=2+5 & Söhne,\n"
ORDERS = "order_id,account_id,order_date,amount\n" + "".join(
    f"O{i},A{i % 2 + 1},2025-{i % 12 + 1:02d}-15,{100 + i}.25\n" for i in range(36)
)
PARAMETERS = """\
data_dir: str = "data/sample"  # folder with the tables
as_of: str = ""  # last day seen
lang: str = "en"  # en or zh
run_dir: str = ""  # where exhibits go
mood: str = "{mood}"  # what else happens
top_n: int = 2  # accounts named
"""
CHECK = """\
import kamlib as kam

kam.check_params(globals(), data_dir=kam.Folder, as_of=kam.Date, lang=kam.Choice(("en", "zh")), run_dir=kam.Text,
                 mood=kam.Text, top_n=kam.Int(1, 9))
data = kam.load(data_dir, as_of=as_of)
show = kam.Exhibits(data, "{number}", lang=lang, run_dir=run_dir)
"""
DEFINE = """\
from kamlib.exhibit import chart

@chart("bar", x="amount", y="account_name")
def plot(table, ax=None):
    ax.barh(table.account_name, table.amount)
    return ax

def claim(table, lang="en"):
    return f"Most: {table.account_name[0]}"

orders = data.frame("orders").merge(data.frame("accounts"), on="account_id")
table = orders.groupby("account_name", as_index=False).amount.sum().head(top_n)
"""
MOODS = """\
import os, time

mended = kam.params.resolve("mended").exists()
if mood == "fail" and not mended:
    raise ValueError("the numbers\\ndo not add up")
if mood == "die" and not mended:
    os._exit(9)
end = time.monotonic() + 120
while mood == "slow" and time.monotonic() < end and not kam.params.resolve("go on").exists():
    time.sleep(0.1)
"""


def make(folder: Path, **moods: str) -> Path:
    """Write the project into `folder / "大客户 kit"` and return that path; `moods` by notebook name."""
    root = folder / "大客户 kit"
    for part in ("notebooks", "data/sample"):
        (root / part).mkdir(parents=True)
    (root / "data/sample/accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    (root / "data/sample/orders.csv").write_text(ORDERS, encoding="utf-8")
    (root / "data/sample/kam.toml").write_text('company = "Tiny & Söhne <b>"\n', encoding="utf-8")
    for number, name in (("01", "alpha"), ("02", "beta"), ("03", "gamma"), ("04", "delta")):
        cells = notebook(number, name, moods.get(name, "fine"))
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        text = json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
        (root / "notebooks" / f"{number}_{name}.ipynb").write_text(text, encoding="utf-8")
    return root


def notebook(number: str, name: str, mood: str) -> list[dict]:
    """Return the cells of one notebook."""
    second = f'if mood != "short":\n    shown = show("{number}.2", table, plot, claim, needs=("invoices",))'
    return [
        cell("markdown", f"# What of {name}?"),
        cell("code", PARAMETERS.format(mood=mood), "parameters"),
        cell("code", CHECK.format(number=number)),
        cell("markdown", "## Findings"),
        cell("code", DEFINE),
        cell("code", f'show("{number}.1", table, plot, claim, needs=("orders",), n=len(table))'),
        cell("markdown", "### Moods"),
        cell("code", MOODS),
        cell("code", second),
        cell("code", "raise AssertionError('explore cells do not run in batch')", "explore"),
    ]


def cell(kind: str, source: str, *tags: str) -> dict:
    """Return a notebook cell."""
    cell.count = getattr(cell, "count", 0) + 1
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": f"c{cell.count}", "metadata": {"tags": list(tags)}, "source": source} | extra
