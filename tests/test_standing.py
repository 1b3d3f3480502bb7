"""Deals, answers, needs and signs of one account."""

import pytest

from kamlib import dossier, words
from kamlib.dossier import standing


@pytest.fixture(scope="module")
def company(sample):
    words.speak("en", "CNY")
    return dossier.Company(sample)


def test_open_deals_are_all_there_and_the_largest_comes_first(company, sample):
    table = standing.deals_table(company, "A0019")
    deals = sample.frame("deals")
    mine = deals[(deals["account_id"] == "A0019") & (deals["status"] == "open")]
    assert set(table["deal_id"]) == set(mine["deal_id"])
    assert table["amount"].is_monotonic_decreasing
    assert f"{len(mine)} open deals" in standing.deals_claim(table, "en")


def test_answers_are_counted_with_their_invitations(company, sample):
    table = standing.voice_table(company, "A0019")
    surveys = sample.frame("surveys")
    mine = surveys[surveys["account_id"] == "A0019"]
    assert (table["n_invited"].sum(), table["n_answers"].sum()) == (len(mine), mine["overall"].notna().sum())
    assert "never answered" in standing.voice_claim(table.assign(n_answers=0), "en")


def test_needs_bought_asked_for_and_possible_do_not_mix(company):
    table = standing.needs_table(company, "A0019")
    kinds = table.groupby("need_kind")["product_need"].agg(set)
    assert not kinds["bought"] & kinds["latent"]
    assert (table.loc[table["need_kind"] == "latent", "n_like"] > 0).all()
    assert (table.loc[table["need_kind"] == "latent", "n_like"] <= 15).all()


def test_signs_sum_to_the_points_of_notebook_07(company):
    table = standing.risk_table(company, "A0019")
    mine = company.signals.set_index("account_id").loc["A0019"]
    assert table["points"].sum() == mine["risk_points"] == table["risk_points"].iloc[0]
    assert "champion left" in standing.risk_claim(table, "en").lower()
    assert standing.risk_table(company, "nobody").empty


def test_they_are_drawn(company):
    for table, plot in (
        (standing.deals_table(company, "A0019"), standing.plot_deals), (standing.voice_table(company, "A0019"), standing.plot_voice),
        (standing.needs_table(company, "A0019"), standing.plot_needs), (standing.risk_table(company, "A0019"), standing.plot_risk),
    ):  # fmt: skip
        plot(table).figure.canvas.draw()
