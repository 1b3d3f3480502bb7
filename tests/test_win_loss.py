"""Won and lost: rates with intervals, reasons that add up, and a rival found only where there is one."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, CRM_AS_OF, STAGES, crm_deals, frame, frames, random_book, story

from kamlib import funnel
from kamlib.funnel import win_loss
from kamlib.stats import wilson


def closed(number: int, status: str, **more):
    return story(f"D{number}", [("needs", "2025-03-01")], status, "2025-04-10", **more)


def test_open_deals_are_not_counted_as_lost():
    """D.11-2: opening a hundred deals today moves neither the win rate nor the conversion of a mature cohort."""
    rows = [closed(number, "won" if number < 6 else "lost") for number in range(10)]
    young = [story(f"N{number}", [("needs", "2025-12-20")]) for number in range(100)]
    rates, flows = [], []
    for book in (rows, rows + young):
        deals, history = frames(book)
        rates.append(win_loss.win_rate_table(deals, AS_OF, by="owner")["win_rate"].tolist())
        flows.append(
            funnel.conversion_table(funnel.stage_entries(deals, history, STAGES), AS_OF)["conversion_rate"].tolist()
        )
    assert rates == [[0.6], [0.6]]
    assert flows[0] == flows[1]


def test_accounts_are_joined_by_id_not_by_name():
    """D.11-1: two customers of one name in two regions stay two; the losses are not doubled and not moved."""
    accounts = frame("accounts", [
        {"account_id": "A1", "account_name": "Hengda", "region": "North"},
        {"account_id": "A2", "account_name": "Hengda", "region": "South"},
    ])  # fmt: skip
    rows = [
        closed(number, "lost", account_id="A1" if number < 3 else "A2", loss_reason="price") for number in range(10)
    ]
    table = win_loss.loss_table(frames(rows)[0], accounts, AS_OF)
    assert table.set_index("region")["n_deals"].to_dict() == {"North": 3, "South": 7}


def test_win_rate_counts_closed_deals_only_and_keeps_the_unknown():
    rows = [
        closed(1, "won", channel="online", amount=300.0), closed(2, "lost", channel="online"), closed(3, "lost", channel="online"),
        closed(4, "won", channel=None), story("D5", [("needs", "2025-03-01")], channel="online"),
        story("D6", [("needs", "2023-03-01")], "lost", "2023-05-01", channel="online"),
    ]  # fmt: skip
    table = win_loss.win_rate_table(frames(rows)[0], AS_OF).set_index("channel")
    online = table.loc["online"]
    assert online[["n_open_deals", "n_won", "n_lost"]].tolist() == [1, 1, 2]
    assert online["win_rate"] == pytest.approx(1 / 3)
    assert (online["win_rate_low"], online["win_rate_high"]) == pytest.approx(wilson(1, 3))
    assert online["value_win_rate"] == pytest.approx(300 / 500)
    assert online[["won_size", "cycle_days"]].tolist() == [300, 40]
    assert table.loc["unknown", "n_won"] == 1


def test_created_cohorts_count_open_deals_as_open_and_only_mature_quarters():
    rows = [
        story("D1", [("needs", "2025-01-10")], "won", "2025-03-01"), story("D2", [("needs", "2025-03-31")], "lost", "2025-05-01"),
        story("D3", [("needs", "2025-02-01")], "won", "2025-12-01"),  # later than the horizon
        story("D4", [("needs", "2025-02-01")]), story("D5", [("needs", "2025-07-10")], "won", "2025-08-01"),
    ]  # fmt: skip
    (row,) = win_loss.created_cohort_table(frames(rows)[0], AS_OF, horizon_days=180).to_dict("records")
    assert [row[name] for name in ("quarter", "n_created", "n_won", "n_lost", "n_still_open")] == [
        "2025 Q1",
        4,
        1,
        1,
        2,
    ]
    assert (row["won_share_low"], row["won_share_high"]) == pytest.approx(wilson(1, 4))
    assert win_loss.created_cohort_table(frame("deals"), AS_OF).empty


def test_win_rate_by_amount_is_missing_when_lost_deals_carry_no_amount():
    rows = [closed(1, "won", channel="online"), closed(2, "lost", channel="online", amount=0.0)]
    assert np.isnan(win_loss.win_rate_table(frames(rows)[0], AS_OF)["value_win_rate"].iloc[0])


def test_claim_tells_difference_from_chance():
    same = pd.DataFrame({"channel": ["online", "partner"], "n_won": [20, 22], "n_lost": [20, 18]})
    apart = pd.DataFrame({"channel": ["online", "partner"], "n_won": [30, 10], "n_lost": [10, 30]})
    for table in (same, apart):
        table["win_rate"] = table["n_won"] / 40
        table["win_rate_low"], table["win_rate_high"] = wilson(table["n_won"], 40)
        table["cycle_days"] = [50.0, 80.0]
    assert win_loss.win_rate_claim(same) == (
        "We win 52 % (42–63 %) of 80 closed deals; no difference beyond chance, but partner takes 80 days, online 50."
    )
    assert "not enough data to compare" in win_loss.win_rate_claim(same.assign(cycle_days=np.nan))
    assert win_loss.win_rate_claim(apart) == "Online wins 75 % (60–86 %) of its closed deals, partner 25 % (14–40 %)."
    assert "not enough data to compare" in win_loss.win_rate_claim(same.assign(n_won=4, n_lost=[7, 5]))
    assert win_loss.win_rate_claim(same.assign(n_won=2, n_lost=1)) == "Not enough data on win rates (n = 6)."


def test_crm_win_rates_to_the_printed_digit(public_data):
    deals = funnel.population(crm_deals(public_data))
    whole = win_loss.win_rate_table(deals, CRM_AS_OF)
    assert whole[["channel", "n_won", "n_lost"]].to_numpy().tolist() == [["unknown", 4238, 2473]]
    assert round(whole["win_rate"].iloc[0], 4) == 0.6315
    assert whole["won_amount"].iloc[0] == 10_005_534
    assert round(whole["won_size"].iloc[0], 2) == 2360.91
    assert win_loss.win_rate_claim(whole) == "We win 63 % (62–64 %) of 6,711 closed deals; channel is not recorded."
    assert np.isnan(whole["value_win_rate"].iloc[0])  # every lost deal is written down to 0
    quarters = win_loss.win_rate_table(deals, CRM_AS_OF, by="quarter").set_index("quarter")["win_rate"]
    assert quarters.round(3).to_dict() == {"2017 Q1": 0.821, "2017 Q2": 0.617, "2017 Q3": 0.614, "2017 Q4": 0.603}
    products = win_loss.win_rate_table(deals, CRM_AS_OF, by="product_category").set_index("product_category")[
        "win_rate"
    ]
    assert products.idxmin() == "GTK 500"
    assert round(products.min(), 3) == 0.600
    assert products.idxmax() == "MG Special"
    assert round(products.max(), 3) == 0.648


# --- losses -------------------------------------------------------------------------------------------------------

ACCOUNTS = frame("accounts", [{"account_id": "A1", "region": "North"}, {"account_id": "A2", "region": "South"}])


def test_losses_keep_every_lost_deal_and_its_money():
    rows = [
        closed(1, "lost", loss_reason="price", competitor="Rival", amount=50.0), closed(2, "lost", loss_reason=None),
        closed(3, "lost", loss_reason="price", competitor=None, account_id="A2"), closed(4, "won"),
        closed(5, "lost", loss_reason="product", account_id=None),
    ]  # fmt: skip
    table = win_loss.loss_table(frames(rows)[0], ACCOUNTS, AS_OF)
    assert table["n_deals"].sum() == 4
    assert table["lost_amount"].sum() == 350
    assert set(zip(table["loss_reason"], table["competitor"], table["region"], strict=True)) == {
        ("price", "Rival", "North"), ("price", "no_competitor", "South"), ("unknown", "no_competitor", "North"),
        ("product", "no_competitor", "unknown"),
    }  # fmt: skip
    reasons = win_loss.loss_reasons(table)
    assert reasons["loss_reason"].iloc[0] == "price"
    assert reasons["deals_share"].sum() == pytest.approx(1)
    assert reasons["cum_share"].iloc[-1] == pytest.approx(1)


def losses(counts: dict[tuple[str, str, str], int]) -> pd.DataFrame:
    rows = [(*key, n, 10.0 * n) for key, n in counts.items()]
    return pd.DataFrame(rows, columns=win_loss.LOSSES)


def test_hot_spot_needs_more_than_chance():
    even = {("price", rival, region): 5 for rival in ("X", "Y") for region in ("North", "South", "West")}
    assert win_loss.hot_spot(losses(even)) is None
    assert "costs most" in win_loss.loss_claim(losses(even))
    others = {("product", "Y", region): 40 for region in ("North", "South", "West")}
    spot = win_loss.hot_spot(losses(even | others | {("price", "X", "South"): 25}))
    assert spot[["loss_reason", "competitor", "region"]].tolist() == ["price", "X", "South"]
    assert spot["here_rate"] == pytest.approx(25 / 70)
    assert spot["elsewhere_rate"] == pytest.approx(10 / 100)


def test_hot_spot_raises_few_false_alarms():
    random, alarms = np.random.default_rng(5), 0
    keys = [
        (reason, rival, region) for reason in ("price", "product", "service") for rival in "VWXYZ" for region in "NESW"
    ]
    for _ in range(100):
        drawn = random.multinomial(250, [1 / len(keys)] * len(keys))
        table = losses({key: n for key, n in zip(keys, drawn, strict=True) if n})
        alarms += win_loss.hot_spot(table) is not None
    assert alarms <= 9  # at most 5 % of books, and room for luck


def test_nothing_recorded_is_said():
    table = losses({("unknown", "no_competitor", "unknown"): 12})
    assert win_loss.loss_claim(table) == "No reason is recorded for the 12 deals lost."
    win_loss.plot_losses(table)


def test_no_losses_and_no_deals_give_empty_tables():
    for deals in (frame("deals"), frames([closed(1, "won")])[0]):
        assert win_loss.loss_table(deals, ACCOUNTS, AS_OF).empty
    assert win_loss.win_rate_table(frame("deals"), AS_OF).empty


def test_row_order_does_not_matter():
    deals = funnel.population(random_book(2)[0])
    mixed = deals.sample(frac=1, random_state=3)
    for make in (lambda d: win_loss.win_rate_table(d, AS_OF), lambda d: win_loss.loss_table(d, ACCOUNTS, AS_OF)):
        pd.testing.assert_frame_equal(make(deals), make(mixed))


def test_the_planted_rival_is_found_in_the_planted_region(sample):
    from kamlib.sample import stories

    table = win_loss.loss_table(funnel.population(sample.frame("deals")), sample.frame("accounts"), sample.as_of)
    spot = win_loss.hot_spot(table)
    assert spot[["loss_reason", "competitor", "region"]].tolist() == ["price", stories.RIVAL, stories.RIVAL_REGION]
    assert stories.RIVAL in win_loss.loss_claim(table, "zh")
    assert win_loss.plot_losses(table).get_figure() is not None
