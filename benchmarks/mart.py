"""How long the account mart takes on a folder of tables, beside a plain scan and two other ways to the same figures.

    python benchmarks/mart.py DATA [--runs 3] [--skip pandas]

Make DATA with `kam sample --accounts 10000 --into DATA` (a million order lines; a million accounts give a hundred
million). Every step runs in a process of its own on the same checked tables; the best run counts; on a busy machine look at the CPU seconds. "core" is what all
three ways compute: orders, order days, revenue and products per account; they must agree.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from kamlib import mart
from kamlib.mart import purchases
from kamlib.workspace import Data, load, prepare

CORE = ["n_orders_ever", "n_order_days_ever", "order_revenue_ever", "n_products"]


def scan(data: Data) -> object:
    """The floor: touch every order and every line once."""
    return data.con.con.execute(
        "SELECT (SELECT sum(amount) FROM orders), (SELECT max(order_date) FROM orders), sum(amount), max(product_id) FROM order_lines"
    ).fetchall()


def whole_mart(data: Data) -> object:
    return mart.account_mart(data).to_pyarrow()


def months(data: Data) -> object:
    return mart.account_months(data).to_pyarrow()


def core(data: Data) -> pd.DataFrame:
    """Ours: the parts of the mart that make the core columns."""
    parts = purchases.sales(data), purchases.rhythm(data), purchases.products(data)
    joined = parts[0].left_join(parts[1], "account_id").drop("account_id_right").left_join(parts[2], "account_id")
    return joined.select("account_id", *CORE).to_pandas()


def core_one_level(data: Data) -> pd.DataFrame:
    """The query one writes first: lines joined with orders, one GROUP BY, distinct counts."""
    start, end = (window := purchases.windows(data)[0]).start, window.end
    return data.con.con.execute(
        f"""SELECT account_id, count(DISTINCT o.order_id) AS n_orders_ever, count(DISTINCT order_date) AS n_order_days_ever,
            sum(l.amount) AS order_revenue_ever, count(DISTINCT product_id) FILTER (WHERE order_date BETWEEN '{start}' AND '{end}') AS n_products
            FROM order_lines l JOIN orders o USING (order_id) WHERE order_date <= '{end}' GROUP BY account_id"""
    ).df()


def core_pandas(data: Data) -> pd.DataFrame:
    """The same with pandas, tables loaded as it likes them."""
    orders = data.con.con.execute(
        f"SELECT order_id, account_id, order_date, amount::DOUBLE AS amount FROM orders WHERE order_date <= '{data.as_of}'"
    ).df()
    lines = data.con.con.execute("SELECT order_id, product_id FROM order_lines").df()
    found = orders.groupby("account_id").agg(
        n_orders_ever=("order_id", "size"), n_order_days_ever=("order_date", "nunique"), order_revenue_ever=("amount", "sum")
    )  # fmt: skip
    now = orders[orders.order_date >= pd.Timestamp(purchases.windows(data)[0].start)]
    pairs = lines.merge(now[["order_id", "account_id"]], on="order_id")[["account_id", "product_id"]].drop_duplicates()
    return found.assign(n_products=pairs.groupby("account_id").product_id.count()).reset_index()


STEPS = {step.__name__: step for step in (scan, core, core_one_level, core_pandas, whole_mart, months)}


def run(name: str, folder: str, runs: int) -> tuple[float, float, float, list | None]:
    """Return the best seconds, the best CPU seconds, the peak memory in MB, and the sums of the core columns."""
    data = load(folder)
    wall, cpu = [], []
    for _ in range(runs):
        began, busy = time.perf_counter(), time.process_time()
        result = STEPS[name](data)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    sums = [round(float(result[column].sum()), 0) for column in CORE] if name.startswith("core") else None
    return min(wall), min(cpu), peak, sums


def _apart(function: Callable, *arguments: object) -> tuple:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], choices=list(STEPS)[1:])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        prepared = str(Path(scratch) / "prepared")
        began = time.perf_counter()
        _apart(prepare, given.data, prepared)
        print(f"read, check and prepare: {time.perf_counter() - began:.1f} s")
        found = {}
        for name in (name for name in STEPS if name not in given.skip):
            found[name] = wall, cpu, peak, _ = _apart(run, name, prepared, given.runs)
            ratio = cpu / found["scan"][1]
            print(f"{name:16}{wall:8.2f} s{cpu:8.2f} s CPU{ratio:8.1f} x scan{peak:8.0f} MB", flush=True)
        sums = [total for *_, total in found.values() if total]
        if any(total != sums[0] for total in sums):
            raise SystemExit(f"the ways disagree: {sums}")


if __name__ == "__main__":
    main()
