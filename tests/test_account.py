"""One account: every event of the tables stands on its strip, and preferences are those of its rows."""

import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib import lifecycle
from kamlib.lifecycle import account, needs
from kamlib.sample import stories

WHO = stories.LATE_LOST[0]


@pytest.fixture(scope="module")
def spells(sample):
    facts = (sample.order_days, sample.as_of, sample.settings, sample.frame("accounts"), sample.frame("contracts"))
    return lifecycle.spells(lifecycle.silences(*facts), sample.as_of, sample.settings, sample.frame("accounts"))


def test_every_event_is_on_the_strip(sample, spells):
    table = account.timeline_table(sample, WHO, spells)
    counts = table["life_event"].value_counts()

    def n(name, where=lambda rows: rows.index == rows.index):
        rows = sample.frame(name)
        return int(((rows["account_id"] == WHO) & where(rows)).sum())

    assert counts["order_placed"] == n("orders")
    assert counts["talked"] == n("activities")
    assert counts["deal_opened"] == n("deals")
    assert counts.get("deal_won", 0) == n("deals", lambda rows: rows["status"] == "won")
    assert counts.get("survey_answered", 0) == n("surveys", lambda rows: rows["answered_at"].notna())
    assert counts["state"] == (spells["account_id"] == WHO).sum()
    assert table["began"].is_monotonic_increasing
    assert table["began"].max() <= pd.Timestamp(sample.as_of)
    drawn_in_both_languages(table, account.plot_timeline, account.timeline_claim)


def test_a_prospect_has_a_story_without_orders(sample, spells):
    prospect = spells[spells["end"].isna() & (spells["state"] == "prospect")]["account_id"].iloc[0]
    said = drawn_in_both_languages(
        account.timeline_table(sample, prospect, spells), account.plot_timeline, account.timeline_claim
    )
    assert "no order yet" in said["en"]


def test_nobody_has_no_story(sample, spells):
    assert account.timeline_table(sample, "nobody", spells).empty


def test_preferences_are_those_of_the_accounts_own_rows(sample):
    table = account.preference_table(sample, WHO, needs.spend_table(sample)).set_index("preference")
    orders = sample.frame("orders")
    mine = orders[orders["account_id"] == WHO]
    assert table["preferred"]["sales_channel"] == mine["channel"].value_counts().idxmax()
    assert table["own_share"]["sales_channel"] == pytest.approx(mine["channel"].value_counts(normalize=True).max())
    assert table["own_share"]["discount"] == pytest.approx(
        (1 - mine["amount"] / mine["list_amount"]).median(), abs=1e-6
    )
    assert table["own_share"]["promotion"] == pytest.approx(mine["promotion"].notna().mean())
    assert table["all_share"]["promotion"] == pytest.approx(orders["promotion"].notna().mean())
    assert table["n_seen"]["season"] == len(mine)


def test_few_orders_show_no_preference(sample):
    few = sample.frame("orders")["account_id"].value_counts()
    prospects = set(sample.frame("accounts")["account_id"]) - set(few.index)
    table = account.preference_table(sample, sorted(prospects)[0], needs.spend_table(sample)).set_index("preference")
    assert table["preferred"]["season"] == "insufficient_data"
    assert pd.isna(table["own_share"]["discount"])
