"""How long a role and pseudonyms take over many order lines: `python benchmarks/privacy.py [LINES]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kamlib.privacy.pseudonyms import share
from kamlib.privacy.roles import restrict
from kamlib.workspace import load

SAMPLE = Path(__file__).parent.parent / "data" / "sample"


def main(lines: int = 2_000_000) -> None:
    """Blow the sample up to `lines` order lines, restrict it to one owner, and share it."""
    for name, act in {
        "role": lambda d: restrict(d, "rep", "Katrin Vogel"),
        "share": lambda d: share(d, b"k" * 32),
    }.items():
        data = load(SAMPLE)
        data.con.raw_sql(
            "CREATE TABLE many AS SELECT order_id, row_number() OVER () AS line_no, product_id, quantity, list_amount, "
            f"amount, cogs FROM order_lines, range({lines // 14_940 + 1})"
        )
        data.con.raw_sql("DROP VIEW order_lines")
        data.con.raw_sql("ALTER TABLE many RENAME TO order_lines")
        start = time.perf_counter()
        act(data)
        print(f"{name}: {lines:,} order lines in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
