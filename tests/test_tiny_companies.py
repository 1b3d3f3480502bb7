"""Notebook 01 on companies of one, two, five and fifteen accounts, and on such that lack what they could lack."""

import datetime as dt
from random import Random

import pandas as pd
import pytest
import small_company
from notebook_cells import shown

AS_OF = dt.date(2025, 12, 31)
BARE = ("accounts", "orders")


def company(n: int, **changed) -> small_company.Frames:
    return small_company.make(Random(n), AS_OF, accounts=n) | changed


def one_answer(frames: small_company.Frames) -> small_company.Frames:
    return frames | {"surveys": frames["surveys"].head(1)}


def all_lost(frames: small_company.Frames) -> small_company.Frames:
    orders = frames["orders"].assign(order_date=pd.Timestamp("2023-05-01"))
    losses = pd.DataFrame(
        {"account_id": frames["accounts"]["account_id"], "lost_at": pd.Timestamp("2024-06-01"), "reason": "price"}
    )
    return frames | {"orders": orders, "losses": losses.reindex(columns=frames["losses"].columns)}


CASES = {
    "one account": company(1),
    "two accounts": company(2),
    "five accounts": company(5),
    "fifteen accounts": company(15),
    "nothing but accounts and orders": {name: table for name, table in company(15).items() if name in BARE},
    "no deals": {name: table for name, table in company(5).items() if not name.startswith("deal")},
    "one survey answer": one_answer(company(15)),
    "all accounts lost": all_lost(company(5)),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", CASES)
def test_the_notebook_runs_and_says_what_cannot_be_said(name, lang, monkeypatch):
    exhibits = shown("01", monkeypatch, small_company.data(CASES[name], AS_OF), lang=lang, scope="all")
    assert len(exhibits) >= 16
    for exhibit in exhibits:
        for claim in exhibit.claim.values():
            assert claim
            assert "nan" not in claim.lower().replace("finance", ""), f"{exhibit.id}: {claim}"
        if exhibit.figure is not None:
            exhibit.figure.canvas.draw()


def test_few_accounts_get_no_entropy_no_clusters_and_no_comparison_of_tiers(monkeypatch):
    found = {e.id: e for e in shown("01", monkeypatch, small_company.data(CASES["five accounts"], AS_OF), scope="all")}
    assert found["01.11"].claim["en"].startswith("Entropy weights need 10 accounts")
    assert found["01.14"].status == "insufficient_data"
    assert "20 accounts" in found["01.14"].claim["en"]
    assert found["01.13"].status == "insufficient_data" or "Cannot be said" in found["01.13"].claim["en"]
