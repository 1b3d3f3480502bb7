"""Concentration, the walk from list price to contribution, and the tie to the ledger."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kamlib as kam
from kamlib import finance
from kamlib.finance import growth, margins, profitability, receivables
from kamlib.practice import finance as practice
from kamlib.sample.stories import COSTLY_ACCOUNT

MONEY = (
    "list_revenue", "discount", "order_revenue", "returns_amount", "revenue", "cogs", "gross_margin", "cost_to_serve",
    "contribution", "revenue_prev",
)  # fmt: skip
amounts = st.integers(-10_000_000, 50_000_000).map(lambda cents: cents / 100)
books = st.lists(st.tuples(*[st.integers(0, 50_000_000).map(lambda cents: cents / 100)] * 5), min_size=1, max_size=30)


def mart_of(**columns) -> pd.DataFrame:
    """A mart by hand: account ids A, B, C …, every column not given missing; serving costs nothing where a contribution
    is given."""
    n = len(next(iter(columns.values())))
    ids = [chr(65 + i) if i < 26 else f"Z{i:03d}" for i in range(n)]
    frame = pd.DataFrame({"account_id": ids, "account_name": [f"Account {i}" for i in ids], "owner": "Wu"})
    frame["parent_account_id"] = None
    frame["is_key_account"] = False
    frame = frame.assign(**dict.fromkeys(MONEY, np.nan), n_orders=1)
    if "contribution" in columns:
        frame["cost_to_serve"] = 0.0
    return frame.assign(**columns)


def book(rows) -> pd.DataFrame:
    """A mart whose money follows from (list, discount, returns, cogs, cost-to-serve) per account."""
    price, discount, returned, cogs, service = (np.array(column) for column in zip(*rows, strict=True))
    revenue = price - discount - returned
    return mart_of(
        list_revenue=price, discount=discount, order_revenue=price - discount, returns_amount=returned, revenue=revenue,
        cogs=cogs, gross_margin=revenue - cogs, cost_to_serve=service, contribution=revenue - cogs - service,
        revenue_prev=revenue,
    )  # fmt: skip


def test_pareto_ranks_and_cumulates():
    table = finance.pareto_table(mart_of(revenue=[20.0, 50.0, 0.0, 30.0, np.nan]))
    assert list(table["account_id"]) == ["B", "D", "A"]
    assert list(table["revenue_share"]) == [0.5, 0.3, 0.2]
    assert list(table["cum_share"]) == pytest.approx([0.5, 0.8, 1.0])


def test_pareto_keeps_negative_revenue_so_that_shares_still_sum_to_one():
    table = finance.pareto_table(mart_of(revenue=[120.0, -20.0]))
    assert list(table["cum_share"]) == [1.2, 1.0]
    assert table["revenue"].sum() == 100


def test_pareto_counts_subsidiaries_with_their_ultimate_parent():
    mart = mart_of(revenue=[10.0, 20.0, 30.0, 25.0])
    mart["parent_account_id"] = [None, "A", "B", None]
    table = finance.pareto_table(mart, by="parent")
    assert table[["account_id", "account_name", "n_accounts", "revenue"]].to_numpy().tolist() == [
        ["A", "Account A", 3, 60.0], ["D", "Account D", 1, 25.0],
    ]  # fmt: skip


def test_parents_in_a_loop_or_unknown_do_not_hang():
    mart = mart_of(revenue=[1.0, 2.0, 3.0, 4.0])
    mart["parent_account_id"] = ["B", "A", "C", "gone"]
    assert finance.ultimate_parent(mart).to_dict() == {"A": "A", "B": "A", "C": "C", "D": "gone"}
    assert finance.pareto_table(mart, by="parent")["revenue"].sum() == 10


def test_concentration_of_the_textbook():
    now, before = finance.concentration_table(mart_of(revenue=[30.0, 30, 20, 20], revenue_prev=[1.0, 2, 3, 4])).to_dict(
        "records"
    )
    assert now["hhi_index"] == pytest.approx(2600)  # the US merger guidelines' example: 30/30/20/20
    assert now["effective_index"] == pytest.approx(1 / 0.26)
    assert (now["cr1_share"], now["cr5_share"], now["n_large"]) == (pytest.approx(0.3), pytest.approx(1), 4)
    assert before["gini_index"] == pytest.approx(0.25 * 4 / 3)  # raw Gini of 1..4 is .25, corrected by n ÷ (n − 1)


def test_concentration_leaves_negative_revenue_out_and_says_so():
    now = finance.concentration_table(mart_of(revenue=[50.0, 50, -10], revenue_prev=[0.0, 0, 0])).to_dict("records")[0]
    assert (now["n_accounts"], now["hhi_index"], now["negative_revenue"]) == (2, 5000, -10)


@settings(max_examples=50, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_shares_sum_to_one_and_do_not_depend_on_the_order_of_rows(revenue, random):
    mart = mart_of(revenue=revenue, revenue_prev=revenue)
    table = finance.pareto_table(mart)
    assert table["revenue"].sum() == pytest.approx(sum(revenue), abs=0.005)
    if table["revenue"].sum() > 0:
        assert table["revenue_share"].sum() == pytest.approx(1)
    shuffled = mart.sample(frac=1, random_state=random.randrange(1000))
    pd.testing.assert_frame_equal(table, finance.pareto_table(shuffled))
    now = finance.concentration_table(mart).iloc[0]
    if now["n_accounts"] > 1:
        assert -1e-12 <= now["gini_index"] <= 1 + 1e-12
        assert 1e4 / now["n_accounts"] - 1e-6 <= now["hhi_index"] <= 1e4 + 1e-6
        ratios = [now["cr1_share"], now["cr5_share"], now["cr10_share"], 1]
        assert all(small <= large + 1e-12 for small, large in pairwise(ratios))


def test_waterfall_of_one_account_by_hand():
    table = finance.waterfall_table(book([(1000, 100, 50, 500, 200), (9, 0, 0, 1, 1)]), account="A", unallocated=77)
    assert table[["step", "amount", "level"]].to_numpy().tolist() == [
        ["list_revenue", 1000, 1000], ["discount", -100, 900], ["returns_amount", -50, 850], ["revenue", 850, 850],
        ["cogs", -500, 350], ["gross_margin", 350, 350], ["cost_to_serve", -200, 150], ["contribution", 150, 150],
    ]  # fmt: skip
    assert table["start_share"].iloc[-1] == 0.15


@settings(max_examples=50, deadline=None)
@given(books, st.integers(0, 1_000_000).map(lambda cents: cents / 100))
def test_the_waterfall_closes_to_the_cent(rows, unallocated):
    table = finance.waterfall_table(book(rows), unallocated=unallocated)
    totals = table[table["kind"] == "total"]
    assert totals["amount"].to_numpy() == pytest.approx(totals["level"].to_numpy(), abs=0.005)
    assert table["amount"][table["kind"] == "change"].sum() == pytest.approx(
        totals["amount"].iloc[-1] - totals["amount"].iloc[0], abs=0.005
    )


def test_waterfall_without_cost_ends_at_net_revenue():
    mart = book([(100, 10, 5, 0, 0), (50, 0, 0, 0, 0)]).assign(cogs=np.nan, gross_margin=np.nan, contribution=np.nan)
    assert list(finance.waterfall_table(mart)["step"]) == ["list_revenue", "discount", "returns_amount", "revenue"]
    bare = mart.assign(list_revenue=np.nan, discount=np.nan, returns_amount=np.nan)
    assert list(finance.waterfall_table(bare)["step"]) == ["order_revenue", "revenue"]


def test_waterfall_takes_revenue_without_known_cost_out_before_the_margin():
    mart = book([(100, 0, 0, 40, 10), (60, 0, 0, 0, 5)])
    mart.loc[1, ["cogs", "gross_margin", "contribution"]] = np.nan
    table = finance.waterfall_table(mart).set_index("step")
    assert table.at["uncosted_revenue", "amount"] == -60
    assert table.at["contribution", "amount"] == table.at["contribution", "level"] == 50


def test_an_unknown_account_is_refused_with_a_suggestion():
    mart = mart_of(revenue=[1.0, 2.0]).assign(account_id=["A-0001", "A-0002"])
    with pytest.raises(kam.InputError, match=r"account = 'A-002'.*Did you mean 'A-0002'"):
        finance.waterfall_table(mart, account="A-002")
    assert finance.find_account(mart)["account_id"] == "A-0002"


@pytest.mark.parametrize("rows", [[(5, 0, 0, 1, 1)], [(0, 0, 9, 0, 0)], [(7, 0, 0, 1, 1)] * 40])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_and_claims_survive_one_account_negative_totals_and_ties(rows, lang):
    mart = book(rows)
    pareto, waterfall = finance.pareto_table(mart), finance.waterfall_table(mart)
    finance.plot_pareto(pareto, top_n=3)
    finance.plot_waterfall(waterfall)
    for claim in (finance.pareto_claim(pareto, lang), finance.waterfall_claim(waterfall, lang)):
        assert "nan" not in claim
    assert finance.waterfall_table(mart.head(0)).empty
    assert finance.pareto_table(mart.head(0)).empty


def test_the_pareto_chart_shows_what_the_table_says():
    table = finance.pareto_table(mart_of(revenue=[50.0, 30, 10, 6, 4]))
    ax = finance.plot_pareto(table, top_n=3)
    assert [bar.get_height() for bar in ax.patches] == [50, 30, 10, 10]
    assert ax.get_xticklabels()[-1].get_text() == "other (2)"
    assert [50, 80, 90, 100] in [list(line.get_ydata()) for line in ax.lines]


def test_claims_carry_the_numbers():
    table = finance.pareto_table(mart_of(revenue=[50.0, 30, 10, 6, 4]))
    assert finance.pareto_claim(table) == (
        "The 5 largest of 5 accounts bring 100 % of net revenue; Account A alone 50.0 %, above the 10 % flag."
    )
    assert "50.0 %" in finance.pareto_claim(table, "zh")
    walk = finance.waterfall_table(book([(1000, 100, 50, 500, 200)]))
    assert finance.waterfall_claim(walk, name="Ada").startswith("Ada: contribution CNY 150, 15 % of")


@pytest.fixture
def ledger(tmp_path):
    """Two accounts; window 2025. A has an order before it, B an order without cost, one cost names nobody."""
    files = {
        "accounts": "account_id,account_name\nA,Ada\nB,Bo\n",
        "orders": "order_id,account_id,order_date,list_amount,amount,cogs\n"
        "1,A,2024-12-31,900,900,100\n2,A,2025-01-01,110.10,100.05,60.01\n3,A,2025-12-31,50,50.00,20.02\n4,B,2025-06-01,30,30,\n",
        "returns": "return_id,account_id,return_date,amount\n1,A,2025-02-01,10.01\n",
        "service_costs": "cost_id,account_id,cost_date,activity,amount\n1,A,2025-03-01,visit,7.07\n2,,2025-03-01,visit,3.03\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return kam.load(tmp_path, as_of="2025-12-31")


def test_totals_tie_to_the_delivered_tables(ledger):
    table = finance.reconciliation_table(ledger).set_index("measure")
    assert table.loc["order_revenue"].tolist() == [180.05, 180.05, 0, 0]
    assert table.loc["returns_amount"].tolist() == [10.01, 10.01, 0, 0]
    assert table.loc["cost_to_serve"].tolist() == [10.10, 7.07, 3.03, 0]
    assert table.at["cogs", "difference"] == 0
    assert "receivable" not in table.index
    assert finance.unallocated_cost(ledger) == 3.03


def test_currencies_are_never_mixed(tmp_path):
    """D.11-18: dollars are converted before anything is added up, and the totals tie in the one currency that is named;
    without a rate nothing is computed."""
    files = {
        "accounts": "account_id,account_name\nA,Ada\nB,Bo\n",
        "orders": "order_id,account_id,order_date,amount,cogs,currency\n1,A,2025-05-01,100,60,CNY\n2,B,2025-06-01,100,60,USD\n",
        "returns": "return_id,account_id,return_date,amount,currency\n1,B,2025-07-01,10,USD\n",
        "service_costs": "cost_id,account_id,cost_date,activity,amount,currency\n1,B,2025-07-01,visit,1,USD\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "kam.toml").write_text('currency = "CNY"\n', encoding="utf-8")
    with pytest.raises(kam.InputError, match="USD"):
        kam.load(tmp_path, as_of="2025-12-31")
    (tmp_path / "kam.toml").write_text('currency = "CNY"\nrates = { USD = 7 }\n', encoding="utf-8")
    data = kam.load(tmp_path, as_of="2025-12-31")
    walk = finance.waterfall_table(data.mart).set_index("step")["amount"]
    assert walk.to_dict() == {
        "order_revenue": 800, "returns_amount": -70, "revenue": 730, "cogs": -480, "gross_margin": 250,
        "cost_to_serve": -7, "contribution": 243,
    }  # fmt: skip
    assert finance.pareto_table(data.mart)["revenue_share"].tolist() == pytest.approx([630 / 730, 100 / 730])
    assert (finance.reconciliation_table(data)["difference"] == 0).all()


def test_a_difference_would_show(ledger):
    ledger.mart.loc[0, "order_revenue"] += 0.01
    assert finance.reconciliation_table(ledger)["difference"].abs().max() == pytest.approx(0.01)


# --- The sample company, and data that lack something -------------------------------------------------------------


def test_story_a_top_five_account_loses_money_after_cost_to_serve(sample):
    pareto = finance.pareto_table(sample.mart)
    assert COSTLY_ACCOUNT in set(pareto["account_id"].head(5))
    whale = profitability.whale_table(sample.mart, unallocated=finance.unallocated_cost(sample))
    assert profitability.loss_makers(whale)["account_id"].iloc[0] == COSTLY_ACCOUNT
    matrix = margins.matrix_table(sample.mart).set_index("account_id")
    assert matrix.at[COSTLY_ACCOUNT, "advice"] == "reprice"
    walk = finance.waterfall_table(sample.mart, account=COSTLY_ACCOUNT).set_index("step")
    assert walk.at["gross_margin", "amount"] > 0 > walk.at["contribution", "amount"]


def test_the_sample_ties_to_its_ledger_and_to_the_mart(sample):
    table = finance.reconciliation_table(sample)
    assert len(table) == 5
    assert (table["difference"] == 0).all()
    ageing = receivables.ageing_table(sample.mart, sample.frame("invoices"), sample.frame("payments"), sample.as_of)
    mart = sample.mart.set_index("account_id")
    ageing = ageing.set_index("account_id").reindex(mart.index).fillna({"receivable": 0.0, "overdue": 0.0})
    assert (ageing["receivable"] - mart["receivable"]).abs().max() < 0.005
    assert (ageing["overdue"] - mart["overdue"]).abs().max() < 0.005


def test_the_portfolio_and_every_account_of_the_sample_close_to_the_cent(sample):
    for account in ["", *sample.mart["account_id"].head(20)]:
        table = finance.waterfall_table(sample.mart, account=account, unallocated=finance.unallocated_cost(sample))
        totals = table[table["kind"] == "total"]
        assert (totals["amount"] - totals["level"]).abs().max() < 0.005


def test_months_of_the_sample_sum_to_its_windows(sample):
    monthly = growth.monthly_table(sample.months, sample.as_of)
    rates = growth.growth_rates(monthly).set_index("period")
    assert rates.at["last_12_months", "current"] == pytest.approx(sample.mart["revenue"].sum(), abs=0.01)
    assert rates.at["last_12_months", "base"] == pytest.approx(sample.mart["revenue_prev"].sum(), abs=0.01)


@pytest.fixture
def orders_only(tmp_path):
    """Like Northwind: accounts and orders, no cost, no list price, no invoices."""
    (tmp_path / "accounts.csv").write_text("account_id,account_name\nA,Ada\nB,Bo\n", encoding="utf-8")
    rows = [f"{i},{'AB'[i % 2]},2025-{i:02d}-15,{100 + i}" for i in range(1, 13)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,account_id,order_date,amount", *rows]), encoding="utf-8")
    return kam.load(tmp_path, as_of="2025-12-31")


def test_without_cost_or_invoices_everything_else_is_delivered(orders_only):
    mart = orders_only.mart
    invoices, payments = orders_only.frame("invoices"), orders_only.frame("payments")
    assert len(finance.pareto_table(mart)) == 2
    assert list(finance.waterfall_table(mart)["step"]) == ["order_revenue", "revenue"]
    assert list(profitability.key_share_table(mart)["measure"]) == ["largest_accounts", "revenue"]
    assert len(growth.monthly_table(orders_only.months, orders_only.as_of)) == 12
    assert finance.unallocated_cost(orders_only) == 0
    assert list(finance.reconciliation_table(orders_only)["measure"]) == ["order_revenue"]
    ageing = receivables.ageing_table(mart, invoices, payments, orders_only.as_of)
    for table in (profitability.whale_table(mart), margins.matrix_table(mart), ageing):
        assert table.empty
    assert margins.actions_table(margins.matrix_table(mart), ageing, orders_only.as_of).empty


# --- Practice -----------------------------------------------------------------------------------------------------

QUESTIONS = {question.id: question for question in practice.QUESTIONS}
WRONG = {
    "05.p1": (0.5, "if all accounts were equal"),
    "05.p2": (lambda data: practice.price_rise(data, "list_revenue"), "list revenue"),
    "05.p3": (practice.earning_accounts, "before the peak"),
    "05.p4": (lambda data: {"yes": "no", "no": "yes"}[practice.discount_affordable(data)], "two amounts"),
}


@pytest.mark.parametrize("id", QUESTIONS)
def test_practice_accepts_the_right_answer_and_answers_the_likeliest_wrong_one(sample, id):
    check = kam.Practice(sample, "05")
    assert check(id, None).right is None
    assert check(id, QUESTIONS[id].answer(sample)).right
    wrong, hint = WRONG[id]
    verdict = check(id, wrong(sample) if callable(wrong) else wrong)
    assert verdict.right is False
    assert hint in verdict.text
    assert [check(id, -7.7).text[:16] for _ in range(3)] == [f"Not yet. Hint {i}:"[:16] for i in (1, 2, 3)]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("id", ["05.p1", "05.p2", "05.p3"])
def test_no_hint_holds_the_answer(sample, id, lang):
    answer = QUESTIONS[id].answer(sample)
    told = {f"{answer:.2f}", f"{answer:.3f}", f"{100 * answer:.0f} %"} if isinstance(answer, float) else {f" {answer} "}
    texts = [*QUESTIONS[id].hints, *(hint for _, hint in QUESTIONS[id].traps)]
    assert not any(part in text[lang == "zh"] for part in told for text in texts)


def test_practice_survives_data_without_cost(orders_only):
    check = kam.Practice(orders_only, "05", lang="zh")
    for id in QUESTIONS:
        assert check(id, 0.123).right is False
