"""How well accounts entered twice are found, and what it takes, on invented customers of which the truth is known.

    python benchmarks/quality.py [accounts ...]

For each number of accounts, in ascending order: precision, recall, CPU seconds and the most memory of the process so far; then, for the first, what other
measures of similarity would call the same customer at 0.92, by the name alone.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pandas as pd
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, JaroWinkler, Levenshtein

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from planted_duplicates import plant

from kamlib.quality import duplicates
from kamlib.quality.names import normal_names

MEASURES = {
    "indel": Indel.normalized_similarity, "levenshtein": Levenshtein.normalized_similarity,
    "jaro-winkler": JaroWinkler.similarity, "token set": lambda a, b: fuzz.token_set_ratio(a, b) / 100,
}  # fmt: skip


def engine(accounts: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """Return an engine with the accounts, who have not ordered yet."""
    con = duckdb.connect()
    con.register("planted", accounts)
    con.execute("CREATE TABLE accounts AS SELECT *, 'Ann' AS owner, DATE '2020-01-01' AS created_at FROM planted")
    con.execute("CREATE TABLE orders (account_id VARCHAR, order_date DATE, amount DECIMAL(18,2))")
    return con


def found(n: int) -> None:
    """Print what is found among about `n` accounts."""
    accounts, truth = plant(Random(1), int(n / 1.3))
    con, start = engine(accounts), time.process_time()
    pairs = duplicates.duplicate_pairs(con, dt.date(2025, 12, 31))
    seconds, seen = time.process_time() - start, set(zip(pairs.account_id, pairs.other_id, strict=True))
    hits = len(seen & truth)
    print(
        f"{len(accounts):>9,} accounts  precision {hits / len(seen):.3f}  recall {hits / len(truth):.3f}  {seconds:.1f} s CPU  "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB"
    )


def measures(n: int) -> None:
    """Print precision and recall of other measures on the candidates of the same accounts, by names alone."""
    accounts, truth = plant(Random(1), int(n / 1.3))
    names = [variants[0].text for variants in normal_names(list(accounts.account_name))]
    frame = pd.DataFrame(
        {"i": np.arange(len(names)), "v": np.arange(len(names)), "whole": True, "code": None, "phone": None}
    )
    frame = frame.assign(
        solid=[name.replace(" ", "") for name in names], words=[" ".join(sorted(name.split())) for name in names]
    )
    con = duckdb.connect()
    con.register("quality_names", frame.astype({"code": "string", "phone": "string"}))
    candidates = con.execute(duplicates._CANDIDATES).fetchall()
    ids = list(accounts.account_id)
    for name, measure in MEASURES.items():
        seen = {(ids[a], ids[b]) for a, b in candidates if measure(names[a], names[b]) >= duplicates.SIMILAR}
        hits = len(seen & truth)
        print(f"{name:>12}  {len(seen):,} pairs  precision {hits / len(seen):.3f}  recall {hits / len(truth):.3f}")


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or [2_000, 20_000]
    for size in sizes:
        found(size)
    measures(sizes[0])
