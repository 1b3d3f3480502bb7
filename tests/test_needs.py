"""Needs: lookalikes on hand-made baskets, gaps closed since, explicit needs, shifts of the mix."""

import numpy as np
import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib.lifecycle import needs


def spend(baskets, years_ago=0):
    rows = [(account, need, years_ago, 100.0) for account, bought in baskets.items() for need in bought]
    return pd.DataFrame(rows, columns=["account_id", "product_need", "years_ago", "amount"])


def two_kinds(n=20):
    """Builders buy a, b, c, printers buy x, y; one builder lacks c, one printer lacks y."""
    baskets = {f"b{i:02d}": "abc" for i in range(n)} | {f"p{i:02d}": "xy" for i in range(n)}
    return baskets | {"b00": "ab", "p00": "x"}


def people(baskets):
    ids = sorted(baskets)
    return pd.DataFrame({"account_id": ids, "account_name": ids, "owner": "Ada", "industry": [name[0] for name in ids]})


NO_DEALS = pd.DataFrame(
    {"account_id": [], "status": [], "product_category": [], "amount": [], "competitor": [], "closed_at": []}
)


def test_the_gap_that_lookalikes_do_not_have_comes_first():
    found = needs.whitespace(spend(two_kinds()), people(two_kinds())).sort_values("likeness_share", ascending=False)
    assert set(map(tuple, found[["account_id", "product_need"]].head(2).to_numpy())) == {("b00", "c"), ("p00", "y")}
    top = found[(found["account_id"] == "b00") & (found["product_need"] == "c")].iloc[0]
    assert top["n_like"] == 15
    assert top["likeness_share"] == pytest.approx((15 + 5 * 19 / 40) / 20)
    bought = spend(two_kinds()).merge(found, on=["account_id", "product_need"])
    assert bought.empty  # nothing is proposed that is bought already


def test_the_value_is_what_newcomers_spent_in_their_first_year():
    then, now = two_kinds(), two_kinds() | {f"b{i:02d}": "abcx" for i in range(1, 7)}
    both = pd.concat([spend(now), spend(then, 1)])
    found = needs.whitespace(both, people(now))
    gap = found[(found["account_id"] == "b00") & (found["product_need"] == "c")].iloc[0]
    assert gap["value_if"] == pytest.approx(200 * 0.25)  # six took up x, a quarter of their 400
    assert needs.whitespace(spend(now), people(now))["value_if"].isna().all()


def test_past_gaps_are_judged_by_what_was_bought_since():
    then, now = two_kinds(), two_kinds() | {"b00": "abc", "p01": "xya"}
    found = needs.adoption(pd.concat([spend(now), spend(then, 1)]), people(now))
    assert found["n_all"] == 20 * 2 + 1 + 20 * 3 + 1
    assert (found["k_top"], found["k_all"]) == (2, 2)
    assert (
        found["n_all"] // 10 <= found["n_top"] < found["n_all"]
    )  # whoever is as likely as the last of the tenth counts too


def test_few_accounts_have_no_lookalikes():
    small = {f"b{i}": "abc" for i in range(10)}
    assert needs.whitespace(spend(small), people(small)).empty
    assert needs.needs_table(spend(small), NO_DEALS, people(small)).empty
    assert needs.needs_table(spend({}), NO_DEALS, people({})).empty


def test_open_deals_are_explicit_needs():
    deals = pd.DataFrame(
        {
            "account_id": ["b01", "b01", "b02"],
            "status": ["open", "open", "won"],
            "product_category": ["x", "x", "y"],
            "amount": [5.0, 7.0, 9.0],
        }
    )
    table = needs.needs_table(spend(two_kinds()), deals, people(two_kinds()))
    asked = table[table["need_kind"] == "explicit"]
    assert asked[["account_id", "product_need", "value_if"]].to_numpy().tolist() == [["b01", "x", 12.0]]
    drawn_in_both_languages(table, needs.plot_needs, needs.needs_claim)
    drawn_in_both_languages(asked, needs.plot_needs, needs.needs_claim)
    assert "n/a" not in needs.needs_claim(table)  # no first years on record: the value is left out, not the gap


def test_chance_alone_gives_the_likeliest_gaps_no_lead():
    lead = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        then = {f"n{i:02d}": "".join(c for c in "abcdef" if random.random() < 0.5) for i in range(60)}
        now = {
            name: "".join(c for c in "abcdef" if c in bought or random.random() < 0.2) for name, bought in then.items()
        }
        found = needs.adoption(pd.concat([spend(now), spend(then, 1)]), people(now))
        lead.append(found["k_top"] / found["n_top"] - found["k_all"] / found["n_all"])
    assert abs(np.mean(lead)) < 3 * np.std(lead) / np.sqrt(20)


def test_a_shift_of_the_mix_is_the_share_that_moved():
    both = pd.concat(
        [
            spend({"a": "xy"}),
            spend({"a": "xz"}, 1),
            spend({"new": "x"}),
            spend({"same": "xy"}),
            spend({"same": "xy"}, 1),
        ]
    )
    deals = pd.DataFrame(
        {
            "account_id": ["a", "a", "same"],
            "competitor": ["Beta", "Acme", "Acme"],
            "closed_at": pd.to_datetime(["2025-05-01", "2025-06-01", "2023-01-01"]),
        }
    )
    names = pd.DataFrame({"account_id": ["a", "new", "same"], "account_name": ["A", "N", "S"]})
    table = needs.mix_shift_table(both, deals, names, pd.Timestamp("2024-12-31")).set_index("account_id")
    assert table.loc["a"].tolist() == ["A", 0.5, "y", "z", 2, "Acme, Beta"]
    assert table.loc["same", "shift_share"] == 0
    assert "new" not in table.index


def test_spend_of_the_sample_is_that_of_its_lines(sample):
    table = needs.spend_table(sample)
    lines = sample.frame("order_lines").merge(
        sample.frame("orders")[["order_id", "account_id", "order_date"]], on="order_id"
    )
    year = lines[lines["order_date"] > pd.Timestamp(sample.as_of) - pd.DateOffset(years=1)]
    assert table.loc[table["years_ago"] == 0, "amount"].sum() == pytest.approx(year["amount"].sum(), abs=0.01)
    drawn_in_both_languages(
        needs.needs_table(table, sample.frame("deals"), sample.frame("accounts")), needs.plot_needs, needs.needs_claim
    )


def test_names_decide_nothing():
    """What happens if labels are permuted? Nothing: equally near lookalikes and equally likely gaps are treated alike."""
    random = np.random.default_rng(3)
    then = {f"n{i:02d}": "".join(c for c in "abcdef" if random.random() < 0.5) for i in range(60)}
    now = {name: "".join(c for c in "abcdef" if c in bought or random.random() < 0.2) for name, bought in then.items()}
    mixed = dict(zip(then, random.permutation(list(then)), strict=True))
    both, renamed = (
        pd.concat(
            [
                spend({names.get(k, k): v for k, v in now.items()}),
                spend({names.get(k, k): v for k, v in then.items()}, 1),
            ]
        )
        for names in ({}, mixed)
    )
    everybody = people(then).assign(industry="x")
    assert needs.adoption(both, everybody) == needs.adoption(renamed, everybody)
