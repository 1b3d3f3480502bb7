"""Orders whose header leaves list price, amount or cost to their lines: summed once, here at the border."""

from __future__ import annotations

from pathlib import Path

import duckdb

from kamlib.language import say
from kamlib.sources.ledger import EXAMPLES, Fault

# Of an order with some list prices, a line without one was sold at list. The cost of an order is known when that of
# each of its lines is.
_COMPLETE = """
    UPDATE staged.orders AS o SET
        amount = coalesce(o.amount, l.amount), list_amount = coalesce(o.list_amount, l.list_amount),
        cogs = coalesce(o.cogs, l.cogs)
    FROM (
        SELECT order_id, sum(amount) AS amount, CASE WHEN count(cogs) = count(*) THEN sum(cogs) END AS cogs,
            CASE WHEN count(list_amount) > 0 THEN sum(coalesce(list_amount, amount)) END AS list_amount
        FROM order_lines GROUP BY order_id
    ) AS l
    WHERE o.order_id = l.order_id AND (o.amount IS NULL OR o.list_amount IS NULL OR o.cogs IS NULL)
"""


def complete_orders(con: duckdb.DuckDBPyConnection, where: Path, file: str) -> tuple[list[str], list[Fault]]:
    """Give orders without list_amount, amount or cogs what their lines sum to.

    Return what makes the folder `where` unusable, when no order has an amount then; and the orders, of `file`, that
    got theirs from their lines, and those that have none, which count as orders of 0.
    """
    told: list[Fault] = []
    incomplete = "bool_or(list_amount IS NULL OR amount IS NULL OR cogs IS NULL)"
    if con.execute(f"SELECT {incomplete} AND (SELECT count(*) > 0 FROM order_lines) FROM staged.orders").fetchone()[0]:
        before = con.execute("SELECT count(amount), coalesce(sum(amount), 0) FROM staged.orders").fetchone()
        con.execute(_COMPLETE)
        after = con.execute("SELECT count(amount), coalesce(sum(amount), 0) FROM staged.orders").fetchone()
        if n := after[0] - before[0]:
            told.append(Fault("orders", file, "amount", "from_lines", "told", n, money=float(after[1] - before[1])))
    n, bare = con.execute("SELECT count(*), count(*) - count(amount) FROM staged.orders").fetchone()
    if n and n == bare:
        fault = say(
            None,
            f"{where}: no order has an amount, neither in orders nor as lines in order_lines. Bring the column 'amount' "
            "in orders, or order_lines with order_id, line_no, quantity and amount.",
            f"{where}：所有订单都没有金额，orders 和 order_lines 中均无。请在 orders 中提供 amount 列，"
            "或提供含 order_id、line_no、quantity、amount 的 order_lines。",
        )
        return [fault], []
    first = f"SELECT __row, order_id FROM staged.orders WHERE amount IS NULL ORDER BY __row LIMIT {EXAMPLES}"
    examples = tuple(con.execute(first).fetchall()) if bare else ()
    return [], told + [Fault("orders", file, "amount", "no_amount", "told", bare, examples)] * bool(bare)
