"""Accounts that are one customer entered twice: by credit code, by name, by phone and name.

The engine finds who may be compared (blocking), rapidfuzz says how similar the names are, and what speaks against it
decides: two valid credit codes that differ, a parent link, a name that differs in more than a slip.

Similarity is the normalised indel similarity, 2 · common letters in order ÷ letters of both, of names without blanks.
Jaro-Winkler rewards a common beginning, and Chinese names begin with the same city; token-set measures give a parent
and its subsidiary 1. 0.92 lets one letter of twelve be added or lost. `benchmarks/quality.py` compares them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from kamlib.quality.names import alike, normal_names
from kamlib.quality.validity import is_credit_code, phone_digits

if TYPE_CHECKING:
    from networkx.utils import UnionFind

SIMILAR, SIMILAR_WITH_PHONE = 0.92, 0.8
HEAD = 10
"""Letters of a name that block it: names that differ by one letter in these are compared."""
WINDOW = 20
"""Names of a block are compared with so many that follow in alphabetical order."""
SHARED_BY = 20
"""A credit code or phone that more accounts have is a placeholder or a switchboard, and says nothing."""
LEVELS = 25
"""A hierarchy deeper than this, or one that goes in a circle, is no hierarchy of companies."""
PORTION = 1 << 18
"""Candidates compared at a time."""
MEMORY = 1 << 30
"""Bytes the engine may take while it looks for candidates."""
EVIDENCE = ("credit_code", "account_name", "phone")

# The head of each name, and the head with each of its letters left out: equal keys bring names together whatever one
# letter was added, lost, replaced or swapped. Words in another order meet as their sorted words.
_SAME = f"""
    SELECT i, v, hash('{{0}}', {{0}}) AS key FROM quality_names
    WHERE whole AND {{0}} IN (SELECT {{0}} FROM quality_names WHERE whole GROUP BY ALL HAVING count(*) <= {SHARED_BY})
"""
_CANDIDATES = f"""
    WITH heads AS (SELECT i, v, left(solid, {HEAD}) AS head FROM quality_names WHERE solid <> ''),
    keys AS (
        SELECT i, v, hash(left(head, n) || substr(head, n + 2)) AS key
        FROM (SELECT *, unnest(range(0, length(head) + 1)) AS n FROM heads) WHERE length(head) > 3 OR n = length(head)
        UNION ALL SELECT i, v, hash('words', words) FROM quality_names WHERE contains(words, ' ')
        UNION ALL {_SAME.format("code")} UNION ALL {_SAME.format("phone")}
    ),
    shared AS (FROM keys SEMI JOIN (SELECT key FROM keys GROUP BY key HAVING count(*) > 1) USING (key)),
    placed AS (
        SELECT *, row_number() OVER (PARTITION BY key ORDER BY v) AS place, count(*) OVER (PARTITION BY key) AS n
        FROM shared
    ),
    ahead AS (SELECT key, i, v, unnest(range(place + 1, least(n, place + {WINDOW}) + 1)) AS place FROM placed)
    SELECT DISTINCT least(a.v, b.v) AS one, greatest(a.v, b.v) AS other
    FROM ahead a JOIN placed b USING (key, place) WHERE a.i <> b.i
"""
_ACCOUNTS = f"""
    SELECT account_id, account_name, owner, upper(regexp_replace(credit_code, '[\\s-]', '', 'g')) AS code,
        {phone_digits("phone")} AS phone, parent_account_id, created_at
    FROM accounts ORDER BY account_id
"""


def duplicate_pairs(con: duckdb.DuckDBPyConnection, as_of: dt.date) -> pd.DataFrame:
    """Return the pairs of accounts that seem to be one customer, group by group, the most revenue first.

    Columns: duplicate_group, account_id, account_name, owner, revenue, other_id, other_name, other_owner,
    other_revenue, evidence (of `EVIDENCE`, joined by " + "), similarity_share, keep_id. Revenue is that of all orders
    up to `as_of`; the account to keep is the one with the most of it, then the oldest.
    """
    accounts = con.execute(_ACCOUNTS).df()
    known = {code for code in accounts.code.dropna().unique() if is_credit_code(code)}
    accounts["code"] = [code if code in known else None for code in accounts.code]
    names = _names(accounts)
    pairs = pd.DataFrame(
        _judged(accounts, names, _similar(con, names)), columns=["i", "j", "evidence", "similarity_share"]
    )
    group = _groups(pairs, _texts(accounts.code))
    pairs = pairs[np.array([group[i] == group[j] for i, j in zip(pairs.i, pairs.j, strict=True)], dtype=bool)]
    return _told(accounts.join(_revenue(con, as_of), on="account_id"), pairs, group)


def _names(accounts: pd.DataFrame) -> pd.DataFrame:
    """One row per name of an account, which may have a Chinese and a Latin one: i, v, whole, name, solid, words. In
    alphabetical order, so that the number v is all that blocking has to sort."""
    variants = normal_names(list(accounts.account_name))
    rows = [(i, name, place == 0) for i, several in enumerate(variants) for place, name in enumerate(several)]
    names = pd.DataFrame(rows, columns=["i", "name", "whole"])
    names["solid"] = [name.solid for name in names.name]
    names["words"] = [" ".join(sorted(name.text.split())) for name in names.name]
    names = names.sort_values(["solid", "i"], kind="stable", ignore_index=True)
    return names.astype({"i": np.int32}).assign(
        v=np.arange(len(names), dtype=np.int32),
        code=accounts.code.to_numpy()[names.i],
        phone=accounts.phone.to_numpy()[names.i],
    )


def _similar(con: duckdb.DuckDBPyConnection, names: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs of names that may be one customer's: one, other (places in `names`), similarity.

    That of the names as written, or of their words in alphabetical order. The engine may take so much memory and works
    on the disk beyond it; candidates come in portions."""
    code, phone = (pd.factorize(names[column])[0] for column in ("code", "phone"))  # -1 where there is none
    kept = [pd.DataFrame({"one": [], "other": [], "similarity": []}).astype({"one": int, "other": int})]
    con.register("quality_names", names.drop(columns="name"))
    con.execute(f"SET memory_limit = '{MEMORY}B'")
    try:
        for portion in con.execute(_CANDIDATES).to_arrow_reader(PORTION):
            one, other = (column.to_numpy() for column in portion.columns)
            similarity = np.maximum(_similarity(names.solid, one, other), _similarity(names.words, one, other))
            same_code, same_phone = ((cell[one] >= 0) & (cell[one] == cell[other]) for cell in (code, phone))
            near = (similarity >= SIMILAR) | same_code | (same_phone & (similarity >= SIMILAR_WITH_PHONE))
            kept.append(pd.DataFrame({"one": one[near], "other": other[near], "similarity": similarity[near]}))
    finally:
        con.execute("RESET memory_limit")
        con.unregister("quality_names")
    return pd.concat(kept, ignore_index=True)


def _similarity(texts: pd.Series, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    texts = texts.to_numpy(dtype=object)
    return cpdist(texts[one], texts[other], scorer=Indel.normalized_similarity, dtype=np.float64)


def _judged(accounts: pd.DataFrame, names: pd.DataFrame, found: pd.DataFrame) -> Iterator[tuple[int, int, str, float]]:
    """Yield (account, other account, evidence, similarity) of the candidates that hold."""
    code, phone, i = _texts(accounts.code), _texts(accounts.phone), names.i.to_numpy()
    name, above = list(names.name), _above(accounts)
    best: dict[tuple[int, int], tuple[str, float]] = {}
    for v, w, similarity in found.itertuples(index=False):
        v, w = sorted((v, w), key=i.__getitem__)
        one, other = int(i[v]), int(i[w])
        same_code, same_phone = (cell[one] is not None and cell[one] == cell[other] for cell in (code, phone))
        named = similarity >= SIMILAR and alike(name[v], name[w])
        phoned = same_phone and similarity >= SIMILAR_WITH_PHONE and alike(name[v], name[w], replaced=1)
        if (
            code[one]
            and code[other]
            and not same_code
            or not (same_code or named or phoned)
            or related(one, other, above)
        ):
            continue
        evidence = " + ".join(
            word for word, holds in zip(EVIDENCE, (same_code, named, same_phone), strict=True) if holds
        )
        best[one, other] = max(best.get((one, other), ("", 0.0)), (evidence, similarity), key=lambda found: found[1])
    yield from ((one, other, *found) for (one, other), found in best.items())


def _texts(column: pd.Series) -> list[str | None]:
    return [cell if isinstance(cell, str) else None for cell in column]


def _above(accounts: pd.DataFrame) -> dict[int, int]:
    """The parent of each account that has one, by place."""
    place = {account: i for i, account in enumerate(accounts.account_id)}
    parents = accounts.parent_account_id[accounts.parent_account_id.notna()]
    return {i: place[parent] for i, parent in parents.items() if parent in place}


def related(one: int, other: int, above: dict[int, int]) -> bool:
    """Return whether one account is the parent, or the parent's parent …, of the other, at most `LEVELS` above it."""
    for low, high in ((one, other), (other, one)):
        for _ in range(LEVELS):
            if low not in above:
                break
            low = above[low]
            if low == high:
                return True
    return False


def _groups(pairs: pd.DataFrame, code: list[str | None]) -> UnionFind:
    """Join the pairs into groups, equal codes first, then by similarity; never two accounts whose codes differ."""
    from networkx.utils import UnionFind

    group, codes = UnionFind(), {}
    by_name = ~pairs.evidence.str.startswith(EVIDENCE[0])
    ordered = pairs.assign(by_name=by_name).sort_values(
        ["by_name", "similarity_share", "i", "j"], ascending=[True, False, True, True]
    )
    for i, j in zip(ordered.i, ordered.j, strict=True):
        one, other = group[i], group[j]
        held = {codes.get(root, code[root]) for root in (one, other)} - {None}
        if one != other and len(held) < 2:
            group.union(one, other)
            codes[group[one]] = next(iter(held), None)
    return group


def _revenue(con: duckdb.DuckDBPyConnection, as_of: dt.date) -> pd.DataFrame:
    rows = "SELECT account_id, CAST(sum(amount) AS DOUBLE) AS revenue FROM orders WHERE order_date <= ? GROUP BY account_id"
    return con.execute(rows, [as_of]).df().set_index("account_id")


def _told(accounts: pd.DataFrame, pairs: pd.DataFrame, group: UnionFind) -> pd.DataFrame:
    """The pairs in words, each with the group's account to keep."""
    accounts = accounts.assign(revenue=accounts.revenue.fillna(0.0))
    members = sorted({*pairs.i, *pairs.j})
    keep: dict[int, int] = {}
    ranked = accounts.loc[members].sort_values(["revenue", "created_at", "account_id"], ascending=[False, True, True])
    for i in ranked.index:
        keep.setdefault(group[i], i)
    total = (
        accounts.revenue.loc[members].groupby([group[i] for i in members]).sum() if members else pd.Series(dtype=float)
    )
    order = {root: n for n, root in enumerate(total.sort_values(ascending=False, kind="stable").index, 1)}
    pairs = pairs.assign(duplicate_group=[order[group[i]] for i in pairs.i]).sort_values(["duplicate_group", "i", "j"])
    one, other = accounts.loc[pairs.i].reset_index(drop=True), accounts.loc[pairs.j].reset_index(drop=True)
    return pd.DataFrame(
        {
            "duplicate_group": pairs.duplicate_group.to_numpy(),
            "account_id": one.account_id, "account_name": one.account_name, "owner": one.owner, "revenue": one.revenue,
            "other_id": other.account_id, "other_name": other.account_name, "other_owner": other.owner,
            "other_revenue": other.revenue, "evidence": pairs.evidence.to_numpy(),
            "similarity_share": pairs.similarity_share.to_numpy(),
            "keep_id": [accounts.account_id[keep[group[i]]] for i in pairs.i],
        }
    )  # fmt: skip
