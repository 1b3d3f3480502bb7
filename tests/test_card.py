"""The card and the two axes of time."""

import pytest

from kamlib import dossier, words
from kamlib.dossier import card


@pytest.fixture(scope="module")
def company(sample):
    words.speak("en", "CNY")
    return dossier.Company(sample)


def test_peers_are_the_other_key_accounts(company):
    table = card.card_table(company, "A0019").set_index("figure")
    key = company.accounts[company.accounts["is_key_account"] & (company.accounts["account_id"] != "A0019")]
    assert table.at["n_orders", "peers_text"] == f"{key['n_orders'].median():.0f}"
    assert table.at["revenue", "above"] == (company.account("A0019")["revenue"] > key["revenue"].median())


def test_the_claim_says_tier_gap_and_lever(company):
    said = card.card_claim(card.card_table(company, "A0019"), "en")
    row = company.next_tier.set_index("account_id").loc["A0019"]
    assert f"tier {row['tier']}" in said
    assert f"{row['gap_score']:.1f} points short of {row['next_tier']}" in said
    top = company.accounts[company.accounts["tier"] == "A"]["account_id"].iloc[0]
    assert "short of" not in card.card_claim(card.card_table(company, top), "en")


def test_months_without_anything_are_zero_and_an_unknown_account_is_empty(company):
    table = card.axis_table(company, "A0019")
    assert len(table) == 24
    assert table["month"].is_monotonic_increasing
    assert (table["n_two_way"] <= table["n_talks"]).all()
    silent = company.accounts.loc[company.accounts["n_orders_ever"] == 0, "account_id"]
    for account_id in silent.head(1):
        assert card.axis_table(company, account_id)["revenue"].sum() == 0


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [("share", 0.256, "26 %"), ("count", 3.0, "3"), ("score", 3.26, "3.3"), ("money", None, "–")],
)
def test_figures_are_written_for_readers(kind, value, text):
    assert card.written(kind, value) == text


def test_they_are_drawn(company):
    card.plot_card(card.card_table(company, "A0019")).figure.canvas.draw()
    ax = card.plot_axis(card.axis_table(company, "A0019"), months=6)
    assert len(ax.patches) == 6
    ax.figure.canvas.draw()
