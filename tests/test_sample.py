"""The sample company: same bytes everywhere, sound books, and nine stories that can be found in the tables."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE

import kamlib as kam
from kamlib.errors import InputError
from kamlib.sample import catalog, generate, names, stories
from kamlib.sample.longtail import draws, money
from kamlib.sample.stream import Stream, grow, mix
from kamlib.sample.write import MADE
from kamlib.tables import TABLES

DAY = pd.Timedelta(days=1)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()
    }


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The company of another seed."""
    folder = tmp_path_factory.mktemp("other")
    generate(folder, seed=8)
    return folder


@pytest.fixture(scope="module", params=["committed", "another seed"])
def data(request):
    """The sample, and the company of another seed: stories must not depend on luck."""
    return (
        request.getfixturevalue("sample")
        if request.param == "committed"
        else kam.load(request.getfixturevalue("other"))
    )


# --- random numbers -------------------------------------------------------------------------------------------------


def test_the_mixer_gives_the_published_splitmix64_sequence():
    stream = Stream(0)
    stream.key = 1234567
    assert [stream.bits() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_numpy_and_python_draw_the_same_bits():
    stream = Stream(5, "tail line")
    assert draws(5, "tail line", np.arange(1, 50)).tolist() == [stream.bits() for _ in range(49)]
    assert mix(np.array([2**64 - 1], dtype=np.uint64)).tolist() == [mix(2**64 - 1)]


def test_draws_have_the_shape_they_promise():
    draw = Stream(1, "shape")
    bells = [draw.bell() for _ in range(20_000)]
    waits = [draw.wait(4) for _ in range(20_000)]
    assert np.mean(bells) == pytest.approx(0, abs=25)
    assert np.std(bells) == pytest.approx(1000, rel=0.02)
    assert np.mean(waits) == pytest.approx(1000, rel=0.02)
    assert np.std(waits) == pytest.approx(500, rel=0.04)  # gamma with shape 4
    assert np.median([draw.skewed(5000, 600) for _ in range(20_000)]) == pytest.approx(5000, rel=0.03)
    assert grow(1_000_000, 1000) == 2_718_281
    assert sorted(draw.shuffled(range(9))) == list(range(9))


# --- same bytes -----------------------------------------------------------------------------------------------------


def test_generating_again_gives_the_committed_files_byte_for_byte(tmp_path):
    generate(tmp_path)
    assert digests(tmp_path) == digests(SAMPLE)


def test_another_seed_gives_another_company(other):
    same = {name for name, digest in digests(other).items() if digest == digests(SAMPLE)[name]}
    assert same == {"kam.toml", "products.csv"}


def test_the_files_are_small_enough_to_live_in_the_repository():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*")) < 12_000_000


# --- sound books ----------------------------------------------------------------------------------------------------


def test_every_table_is_there_and_no_row_is_set_aside_or_emptied(data):
    assert data.measured == frozenset(MADE)
    assert all(entry.read == entry.kept and entry.set_aside == 0 and not entry.blanked for entry in data.ledger.entries)
    assert all(entry.kept > 0 for entry in data.ledger.entries)


def test_the_company_has_the_size_that_was_asked_for(data):
    accounts, orders, deals = (data.frame(name) for name in ("accounts", "orders", "deals"))
    assert (len(accounts), accounts.is_key_account.sum()) == (150, 30)
    assert orders.order_date.dt.to_period("M").nunique() == 36
    assert 900 <= len(deals) <= 1500
    assert set(deals.status) == {"open", "won", "lost", "invalid"}
    assert orders.order_date.max() <= pd.Timestamp(data.as_of)
    assert accounts.region.isna().any()
    assert accounts.country.nunique() > 5


def test_order_headers_equal_their_lines_to_the_cent():
    totals = (
        "SELECT order_id, sum(list_amount::DECIMAL(18,2)) l, sum(amount::DECIMAL(18,2)) a, sum(cogs::DECIMAL(18,2)) c"
    )
    wrong = duckdb.sql(
        f"SELECT * FROM (SELECT order_id, list_amount::DECIMAL(18,2) l, amount::DECIMAL(18,2) a, cogs::DECIMAL(18,2) c FROM '{SAMPLE}/orders.csv')"
        f" EXCEPT ({totals} FROM '{SAMPLE}/order_lines.csv' GROUP BY order_id)"
    )
    assert wrong.fetchall() == []


def test_invoices_carry_vat_and_payments_never_exceed_them(data):
    accounts = data.frame("accounts").set_index("account_id")
    invoices = data.frame("invoices").merge(
        data.frame("orders")[["order_id", "amount"]], on="order_id", suffixes=("", "_net")
    )
    rate = np.where(invoices.account_id.map(accounts.country) == "China", 0.13, 0)
    assert (invoices.amount - invoices.vat - invoices.amount_net).abs().max() < 0.005
    assert (invoices.vat - invoices.amount_net * rate).abs().max() < 0.0051
    paid = data.frame("payments").groupby("invoice_id").amount.sum().reindex(invoices.invoice_id).fillna(0).to_numpy()
    assert (invoices.amount - paid).min() > -0.005
    assert ((invoices.amount - paid) > 0.005).mean() < 0.1


def test_dates_are_in_order(data):
    deals, history = data.frame("deals"), data.frame("deal_stage_history")
    closed = deals[deals.closed_at.notna()]
    assert (closed.closed_at >= closed.created_at).all()
    assert (closed.status != "open").all()
    last = history.groupby("deal_id").entered_at.max()
    assert (closed.closed_at >= closed.deal_id.map(last)).all()
    accounts = data.frame("accounts").set_index("account_id").created_at
    orders = data.frame("orders")
    assert (orders.order_date >= orders.account_id.map(accounts)).all()
    assert (orders.promised_at > orders.order_date).all()
    assert (data.frame("payments").merge(data.frame("invoices"), on="invoice_id").eval("paid_at > invoice_date")).all()
    activities = data.frame("activities").merge(data.frame("contacts"), on="contact_id")
    assert (activities.left_at.isna() | (activities.happened_at < activities.left_at)).all()


def test_every_won_deal_has_its_order_and_no_other_deal_has_one(data):
    deals, orders = data.frame("deals"), data.frame("orders")
    ordered = deals.deal_id.isin(orders.deal_id)
    assert not ordered[deals.status != "won"].any()
    due = (deals.status == "won") & (deals.closed_at < pd.Timestamp(data.as_of) - 20 * DAY)
    assert ordered[due].all()
    assert set(deals.account_id.dropna()) >= set(orders.account_id[orders.deal_id.notna()])


def test_one_vote_per_invitation_and_comments_fit_the_scores(data):
    surveys = data.frame("surveys")
    asked = surveys.answered_at.isna()
    assert 0.3 < asked.mean() < 0.7
    assert surveys[asked].overall.isna().all()
    late = surveys[surveys.comment.fillna("").str.contains("延期|Deliveries are always late")]
    assert len(late) > 0
    assert (late.delivery_speed <= 2).all()


def test_credit_codes_have_valid_check_characters(data):
    assert names.credit_check("91350100M000100Y4") == "3"  # the example of GB 32100-2015
    assert names.organisation_check("D2143569") == "X"  # the example of GB 11714-1997
    accounts = data.frame("accounts")
    assert accounts.credit_code.notna().eq(accounts.country == "China").all()
    for code in accounts.credit_code.dropna():
        assert names.credit_check(code[:17]) == code[17]
        assert names.organisation_check(code[8:16]) == code[16]


def test_nobody_can_be_reached(data):
    contacts = data.frame("contacts")
    assert contacts.email.str.fullmatch(r"[a-z]+\.[a-z]+@a\d{4}\.example\.com").all()
    assert contacts.phone.dropna().str.contains(r" 555").all()
    assert contacts.email.is_unique


def test_score_snapshots_follow_the_weights_and_cuts(sample):
    snapshots, rules = sample.frame("score_snapshots"), sample.settings.tiers
    weights = pd.Series(rules.weights)
    scores = snapshots[list(weights.index)]
    composite = (scores * weights).sum(axis=1) / (scores.notna() * weights).sum(axis=1)
    assert (composite - snapshots.composite).abs().max() < 0.21  # both sides are cut to a tenth
    tiers = np.select([snapshots.composite >= cut for cut in rules.cuts.values()], list(rules.cuts), "D")
    assert (tiers == snapshots.tier).all()


def test_the_files_have_the_columns_of_their_tables():
    for name, table in MADE.items():
        assert list(pd.read_csv(SAMPLE / f"{name}.csv", nrows=0).columns) == table.names


def test_an_earlier_date_sees_less(sample):
    then = kam.load(SAMPLE, as_of="2024-06-30")
    for name, table in MADE.items():
        if table.dated:
            assert then.frame(name)[table.dated].max() <= pd.Timestamp("2024-07-01")
            assert len(then.frame(name)) < len(sample.frame(name))
    champion = then.frame("contacts").set_index("contact_id").loc[stories.CHAMPION_CONTACT]
    assert pd.isna(champion.left_at)
    assert (then.frame("deals").closed_at.dropna() <= pd.Timestamp("2024-06-30")).all()


# --- code book ------------------------------------------------------------------------------------------------------


def test_the_code_book_names_every_table_column_and_row_count():
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for name, table in TABLES.items():
        n = len(pd.read_csv(SAMPLE / f"{name}.csv", dtype=str)) if name in MADE else 0
        assert f"| [{name}](#{name}) | {table.en} | {table.zh} | {n} |" in text
        section = text.split(f"### {name}\n")[1].split("\n##")[0]
        rows = [
            line.split(" | ")
            for line in section.splitlines()
            if line.startswith("| ") and not line.startswith("| Column")
        ]
        assert [row[0].removeprefix("| ") for row in rows] == table.names
        assert [tuple(row[1:3]) for row in rows] == [(column.en, column.zh) for column in table.columns]
    assert stories.COSTLY_ACCOUNT in text
    assert not re.search(r"\{[A-Z_]+\}", text)


# --- stories --------------------------------------------------------------------------------------------------------


def stage_times(data) -> pd.DataFrame:
    """One row per stage visit that has ended: days in it, and whether the deal was lost from it."""
    deals = data.frame("deals").set_index("deal_id")
    visits = data.frame("deal_stage_history").sort_values(["deal_id", "entered_at"], kind="stable")
    after = visits.groupby("deal_id").entered_at.shift(-1)
    visits["left"] = after.fillna(visits.deal_id.map(deals.closed_at))
    visits["status"] = visits.deal_id.map(deals.status)
    visits["lost"] = after.isna() & (visits.status == "lost")
    visits["days"] = (visits["left"] - visits.entered_at).dt.days
    return visits[visits["left"].notna() & (visits.status != "invalid")]


def test_story_1_slow_follow_up_makes_the_bottleneck(data):
    visits = stage_times(data)
    lost = visits[visits.lost].groupby("stage").amount.sum()
    assert lost.idxmax() == stories.BOTTLENECK_STAGE
    assert visits.groupby("stage").days.median().idxmax() == stories.BOTTLENECK_STAGE
    quotes = visits[visits.stage == stories.BOTTLENECK_STAGE].drop_duplicates("deal_id")
    touches = data.frame("activities").merge(quotes[["deal_id", "entered_at", "left"]], on="deal_id")
    first = (
        touches[touches.happened_at.between(touches.entered_at, touches["left"] + DAY)]
        .groupby("deal_id")
        .happened_at.min()
    )
    wait = (quotes.deal_id.map(first) - quotes.entered_at).dt.days
    slow, fast = quotes[wait > stories.SLOW_FOLLOW_UP_DAYS], quotes[wait <= 6]
    assert slow.lost.mean() > fast.lost.mean() + 0.25
    assert slow.days.median() > 1.8 * fast.days.median()
    other = visits[visits.stage != stories.BOTTLENECK_STAGE].groupby("stage").lost.mean()
    assert fast.lost.mean() < other.max()  # it is the waiting, not the stage


def test_story_2_late_delivery_low_satisfaction_loss(data):
    orders = data.frame("orders").dropna(subset=["delivered_at"])
    orders["late"] = orders.delivered_at > orders.promised_at
    lines = data.frame("order_lines").merge(data.frame("products"), on="product_id")
    main = lines.sort_values("amount").groupby("order_id").product_category.last()
    moved = orders.order_id.map(main).eq(stories.LATE_CATEGORY) & orders.order_date.between(
        pd.Timestamp(stories.LATE_FROM), pd.Timestamp(stories.LATE_UNTIL)
    )
    assert orders[moved].late.mean() > 0.5
    assert orders[~moved].late.mean() < 0.2
    answers = data.frame("surveys").dropna(subset=["overall"])
    hit = answers.account_id.isin(stories.LATE_ACCOUNTS)
    during = answers.wave.isin(["2024-H1", "2024-H2"])
    for score, gap in (("delivery_speed", 0.8), ("overall", 0.3)):
        before = answers[hit & answers.wave.str.startswith("2023")][score].mean()
        assert answers[hit & during][score].mean() < before - gap
        assert answers[hit & during][score].mean() < answers[~hit & during][score].mean() - gap
    losses = data.frame("losses")
    gone = set(losses.account_id[losses.lost_at > pd.Timestamp(stories.LATE_FROM)])
    assert set(stories.LATE_LOST) <= gone
    rest = set(data.frame("accounts").account_id) - set(stories.LATE_ACCOUNTS)
    assert len(gone & set(stories.LATE_ACCOUNTS)) / len(stories.LATE_ACCOUNTS) > 3 * len(gone & rest) / len(rest)
    assert set(stories.LATE_LOST) <= set(losses.account_id[losses.reason == "service"])


def test_story_3_a_top_five_account_loses_money_after_cost_to_serve(data):
    mart = data.mart.set_index("account_id")
    account = mart.loc[stories.COSTLY_ACCOUNT]
    assert mart.revenue.rank(ascending=False)[stories.COSTLY_ACCOUNT] <= 5
    assert account.gross_margin > 0 > account.contribution
    assert account.contribution_prev < 0
    assert (mart.nlargest(5, "revenue").contribution < 0).sum() == 1


def test_story_4_the_champion_of_a_single_threaded_key_account_has_left(data):
    contacts = data.frame("contacts").set_index("contact_id")
    champion = contacts.loc[stories.CHAMPION_CONTACT]
    assert champion.account_id == stories.CHAMPION_ACCOUNT
    assert champion.left_at == pd.Timestamp(stories.CHAMPION_LEFT)
    mart = data.mart.set_index("account_id")
    assert mart.is_key_account[stories.CHAMPION_ACCOUNT]
    assert mart.n_active_contacts[stories.CHAMPION_ACCOUNT] == 0
    activities = data.frame("activities")
    ours = activities[(activities.account_id == stories.CHAMPION_ACCOUNT) & activities.two_way]
    assert (ours.contact_id == stories.CHAMPION_CONTACT).mean() > 0.95
    orders = data.frame("orders")
    orders = orders[orders.account_id == stories.CHAMPION_ACCOUNT].set_index("order_date").amount
    left = pd.Timestamp(stories.CHAMPION_LEFT)
    assert orders[left:].sum() / 110 < 0.65 * orders[left - 365 * DAY : left].sum() / 365


def test_story_5_a_rival_wins_on_price_in_one_region(data):
    region = data.frame("accounts").set_index("account_id").region
    deals = data.frame("deals")
    met = deals[(deals.competitor == stories.RIVAL) & (deals.closed_at >= pd.Timestamp(stories.RIVAL_FROM))]
    here = met.account_id.map(region) == stories.RIVAL_REGION
    win = met.status.eq("won")
    assert win[here].mean() < win[~here].mean() - 0.12
    price = met[met.status == "lost"].loss_reason.eq("price")
    assert price[here].mean() > 0.6 > price[~here].mean() + 0.1


def test_story_6_one_promotion_moves_orders_and_the_other_adds_some(data):
    region = data.frame("accounts").set_index("account_id").region
    orders = data.frame("orders")
    orders = orders[orders.deal_id.isna()]
    orders["region"] = orders.account_id.map(region)

    def count(regions, start, end, years_before=0) -> int:
        start, end = (pd.Timestamp(day) - pd.DateOffset(years=years_before) for day in (start, end))
        return (orders.region.isin(regions) & orders.order_date.between(start, end)).sum()

    where = stories.PROMOTION_REGIONS
    during = stories.PROMOTION_FROM, stories.PROMOTION_UNTIL
    whole = stories.PROMOTION_FROM, stories.PAYBACK_UNTIL
    control = [name for name in catalog.HOME if name not in where]
    assert count(where, *during) > 1.7 * count(where, *during, years_before=1)
    expected = count(where, *whole, years_before=1) * count(control, *whole) / count(control, *whole, years_before=1)
    assert count(where, *whole) == pytest.approx(expected, rel=0.25)
    assert set(orders.region[orders.promotion == stories.PROMOTION].dropna()) == set(where)
    adding = stories.ADDING_FROM, stories.PAYBACK_UNTIL.replace(year=2025, month=6)
    before = count(stories.ADDING_REGIONS, *adding, years_before=1)
    assert count(stories.ADDING_REGIONS, *adding) > 1.1 * before


def test_story_7_orders_follow_spring_festival(data):
    home = data.frame("accounts").set_index("account_id").country == "China"
    orders = data.frame("orders")
    days = orders.order_date[orders.account_id.map(home) & orders.deal_id.isna()]
    for festival in map(pd.Timestamp, catalog.FESTIVALS):
        offset = (days - festival).dt.days
        assert offset.between(-7, 6).sum() < 0.4 * offset.between(10, 23).sum()
    month = {(year, m): ((days.dt.year == year) & (days.dt.month == m)).sum() for year in (2023, 2024) for m in (1, 2)}
    assert month[2023, 1] < month[2023, 2]
    assert month[2024, 1] > 1.5 * month[2024, 2]


def test_story_8_the_rep_looks_poor_only_because_of_his_portfolio(data):
    deals = data.frame("deals").merge(data.frame("accounts")[["account_id", stories.MIX_SEGMENT]], on="account_id")
    deals = deals[deals.status.isin(["won", "lost"])].assign(
        won=lambda d: d.status == "won", his=lambda d: d.owner == stories.MIX_REP
    )
    overall = deals.groupby("his").won.mean()
    assert overall[True] < overall[False] - 0.04
    by_segment = deals.groupby([stories.MIX_SEGMENT, "his"]).won.agg(["mean", "size"]).unstack()
    by_segment = by_segment["mean"][by_segment["size"][True] >= 5]
    assert len(by_segment) >= 2
    assert (by_segment[True] >= by_segment[False]).all()
    assert (deals[deals.his][stories.MIX_SEGMENT] == stories.MIX_HARD).mean() > 0.6


def test_story_9_an_account_grows_out_of_tier_c(data):
    snapshots = data.frame("score_snapshots")
    tiers = snapshots[snapshots.account_id == stories.GROWING_ACCOUNT].sort_values("scored_at").tier.tolist()
    account = data.frame("accounts").set_index("account_id").loc[stories.GROWING_ACCOUNT]
    assert account.account_tier == "C"
    assert "C" in tiers
    assert tiers[-1] == "B"
    orders = data.frame("orders")
    yearly = orders[orders.account_id == stories.GROWING_ACCOUNT].groupby(orders.order_date.dt.year).amount.sum()
    assert yearly[2025] > 2 * yearly[2023]


# --- any size -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    told: list[str] = []
    generate(folder, accounts=700, progress=told.append)
    assert told[-1] == "700 of 700 accounts"
    return folder


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def test_a_large_company_begins_with_the_sample(large, sample):
    assert len(read(large, "accounts")) == 700
    core = kam.load(large)
    for name, table in TABLES.items():
        columns = list(table.key)
        expected, got = sample.frame(name), core.frame(name)
        if "account_id" in got:
            got = got[got.account_id.isna() | got.account_id.isin(sample.frame("accounts").account_id)]
        elif name == "order_lines":
            got = got[got.order_id.isin(expected.order_id)]
        pd.testing.assert_frame_equal(
            got.sort_values(columns).reset_index(drop=True),
            expected.sort_values(columns).reset_index(drop=True),
            check_dtype=False,
        )
    assert all(entry.set_aside == 0 and not entry.blanked for entry in core.ledger.entries)


def test_the_long_tail_adds_up_and_stays_in_its_dates(large):
    orders, lines = read(large, "orders").set_index("order_id"), read(large, "order_lines")
    for column in ("list_amount", "amount", "cogs"):
        assert (lines.groupby("order_id")[column].sum().reindex(orders.index) == orders[column]).all()
    assert orders.index.is_unique
    assert not lines.duplicated(["order_id", "line_no"]).any()
    assert orders.order_date.min() >= catalog.FIRST_DAY
    assert orders.order_date.max() <= catalog.LAST_DAY
    assert set(lines.product_id) == set(catalog.PRODUCTS)
    invoices, payments = read(large, "invoices").set_index("invoice_id"), read(large, "payments")
    assert payments.payment_id.is_unique
    paid = payments.groupby("invoice_id").amount.sum()
    assert (paid <= invoices.amount.reindex(paid.index)).all()
    assert payments.paid_at.max() <= catalog.LAST_DAY


def test_a_larger_company_begins_with_the_smaller_one(large, tmp_path):
    generate(tmp_path, accounts=400)
    for name in ("accounts", "orders", "order_lines", "invoices", "payments"):
        small = read(tmp_path, name)
        pd.testing.assert_frame_equal(read(large, name).head(len(small)), small)


def test_money_keeps_every_fen_and_sign():
    assert [str(value) for value in money(np.array([-1, 0, 12345, 10**16])).to_pylist()] == [
        "-0.01",
        "0.00",
        "123.45",
        "100000000000000.00",
    ]


def test_sizes_and_folders_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(InputError, match="150 accounts"):
        generate(tmp_path / "few", accounts=10)
    (tmp_path / "orders.csv").write_text("order_id\n")
    with pytest.raises(InputError, match=r"already holds orders\.csv"):
        generate(tmp_path, accounts=200)
