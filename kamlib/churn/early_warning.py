"""Early warning: which customers may leave next, for which reasons, and how much hangs on them?

Every signal is a rule that can be read, worth a fixed number of points; the points of an account are their sum. Points
rank accounts. They are not probabilities: how often accounts with so many points did leave is counted in the past, by
`kamlib.churn.backtest`. Everything is computed from what was known on the as-of date.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import lifecycle, style
from kamlib.exhibit import chart
from kamlib.words import money, names, say, word
from kamlib.workspace import Data

POINTS = {
    "dormant_signal": 4, "order_late": 3, "order_slow": 2, "champion_left": 2, "dissatisfied": 2, "late_deliveries": 2,
    "nobody_answers": 2, "revenue_down": 1, "contract_ending": 1, "complaints_up": 1, "single_threaded_signal": 1,
    "payment_late": 1, "competitor_named": 1,
}  # fmt: skip
"""Points per signal, by judgement: silence weighs most, then what drives customers away, then what surrounds it."""
SILENCE = ("dormant_signal", "order_late", "order_slow")
"""Degrees of one thing: only the heaviest counts."""
NEEDS = {
    "champion_left": ("contacts", "relationships"), "dissatisfied": ("surveys",), "contract_ending": ("contracts",),
    "complaints_up": ("cases",), "nobody_answers": ("contacts", "activities"),
    "single_threaded_signal": ("contacts", "activities"), "payment_late": ("invoices", "payments"),
    "competitor_named": ("deals",),
}  # fmt: skip
"""The tables, besides accounts and orders, that a signal is read from; without them it is not measured."""
ALERT = 3
"""From so many points on somebody should go and see."""
DAY, HALF, YEAR = pd.Timedelta(days=1), pd.DateOffset(months=6), pd.DateOffset(years=1)
SLOW = 1.5
"""Silence from so many of the account's median gaps on."""
DOWN = 0.7
"""Revenue of half a year at or below this part of the same half a year before."""
LATE = 0.3
"""Share of deliveries after the promised day, of at least three."""


# --- Signals -------------------------------------------------------------------------------------------------------


def signal_table(data: Data) -> pd.DataFrame:
    """Return the points of every customer by signal, as known on the as-of date.

    One row per account that has bought and is not lost: account_id, state, one column per signal of `POINTS` (its
    points, 0 when it is quiet, missing when its tables were not delivered), risk_points (their sum), n_measured.
    """
    accounts = data.frame("accounts")
    facts = (data.order_days, data.as_of, data.settings, accounts, data.frame("contracts"))
    known = lifecycle.silences(*facts)
    now = lifecycle.current_states(known, data.as_of, data.settings, accounts)
    now = now[now["state"].isin(lifecycle.CUSTOMERS)].set_index("account_id")
    rules = _order_signals(known, now, data) | _other_signals(data)
    table = pd.DataFrame(index=now.index)
    for name, points in POINTS.items():
        on = rules[name].reindex(table.index).fillna(False).astype(bool)
        table[name] = on * float(points) if data.has(*NEEDS.get(name, ())) else np.nan
    lighter = table[list(SILENCE)].cumsum(axis=1).shift(axis=1, fill_value=0) > 0
    table[list(SILENCE)] = table[list(SILENCE)].mask(lighter, 0.0)
    table["risk_points"], table["n_measured"] = table[list(POINTS)].sum(axis=1), table[list(POINTS)].notna().sum(axis=1)
    return table.assign(state=now["state"]).reset_index()[["account_id", "state", *POINTS, "risk_points", "n_measured"]]


def _order_signals(known: pd.DataFrame, now: pd.DataFrame, data: Data) -> dict[str, pd.Series]:
    mart, today = data.mart.set_index("account_id"), pd.Timestamp(data.as_of)
    gaps = known.groupby("account_id")["gap_days"].count()
    half, before = (_ordered(data.order_days, today - shift) for shift in (pd.DateOffset(0), YEAR))
    orders = data.frame("orders")
    due = orders[
        (orders["order_date"] > today - HALF) & orders["promised_at"].notna() & (orders["promised_at"] < today)
    ]
    late = (due["delivered_at"].fillna(today) > due["promised_at"]).groupby(due["account_id"]).agg(["mean", "size"])
    return {
        "dormant_signal": now["state"] == "dormant",
        "order_late": (mart["recency_days"] > mart["p90_gap_days"]) & (gaps.reindex(mart.index) >= 5),
        "order_slow": (mart["gap_ratio"] >= SLOW) & (gaps.reindex(mart.index) >= 2),
        "revenue_down": (before > 0) & (half.reindex(before.index).fillna(0) <= DOWN * before),
        "late_deliveries": (late["mean"] > LATE) & (late["size"] >= 3),
    }


def _ordered(order_days: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    rows = order_days[(order_days["order_date"] <= day) & (order_days["order_date"] > day - HALF)]
    return rows.groupby("account_id")["amount"].sum()


def _other_signals(data: Data) -> dict[str, pd.Series]:
    mart, today = data.mart.set_index("account_id"), pd.Timestamp(data.as_of)
    deals = data.frame("deals")
    rival = deals[(deals["closed_at"] > today - YEAR) & deals["competitor"].notna() & (deals["status"] == "lost")]
    rivals = rival.groupby("account_id").size()
    end = mart["contract_end"]
    active = mart["n_active_contacts"]
    return {
        "champion_left": _there(_champions_gone(data)),
        "dissatisfied": _dissatisfied(data.frame("surveys"), today),
        "contract_ending": (end >= today) & (end <= today + 90 * DAY),
        "complaints_up": _complaints_up(data.frame("cases"), today),
        "nobody_answers": active == 0,
        "single_threaded_signal": active == 1,
        "payment_late": (mart["overdue"] > 0) & (mart["overdue"] >= 0.5 * mart["receivable"]),
        "competitor_named": rivals >= 2,
    }


def _there(accounts: pd.Series) -> pd.Series:
    return pd.Series(True, index=pd.Index(accounts.dropna().unique(), name="account_id"), dtype=bool)


def _champions_gone(data: Data) -> pd.Series:
    """Return the accounts where somebody who spoke for us left within the last year."""
    ties, contacts = data.frame("relationships"), data.frame("contacts")
    spoke = ties[ties["role"].isin(["champion", "coach"]) | (ties["stance"] == 2)]["contact_id"]
    left = contacts[contacts["left_at"] > pd.Timestamp(data.as_of) - YEAR]
    return left[left["contact_id"].isin(spoke)]["account_id"]


def _dissatisfied(surveys: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """The mean of the last year's answers is 2.5 or less, or a point or more below the year before."""
    answered = surveys[surveys["overall"].notna() & (surveys["answered_at"] <= today)]
    now = answered[answered["answered_at"] > today - YEAR].groupby("account_id")["overall"].mean()
    then = answered[answered["answered_at"] <= today - YEAR]
    then = then[then["answered_at"] > today - YEAR - YEAR].groupby("account_id")["overall"].mean()
    return (now <= 2.5) | (now <= then.reindex(now.index) - 1)


def _complaints_up(cases: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    """Two or more complaints in 90 days, and more than twice the pace of the year before them."""
    rows = cases[(cases["type"] == "complaint") & (cases["opened_at"] < today + DAY)]
    recent = rows[rows["opened_at"] >= today - 89 * DAY].groupby("account_id").size()
    year = rows[(rows["opened_at"] < today - 89 * DAY) & (rows["opened_at"] >= today - 454 * DAY)]
    usual = year.groupby("account_id").size().reindex(recent.index).fillna(0) * 90 / 365
    return (recent >= 2) & (recent > 2 * usual)


def points_table(lang: str | None = None) -> pd.DataFrame:
    """Return the signals in words with their points: signal, risk_points."""
    return pd.DataFrame({"signal": [word(name, lang) for name in POINTS], "risk_points": POINTS.values()})


# --- The list ------------------------------------------------------------------------------------------------------


def band_of(signals: pd.DataFrame) -> pd.Series:
    """Return the band of points each account is in: "dormant", or "points_0", "points_1", "points_3", "points_5" (from
    so many points on) for those who still buy."""
    lowest = pd.cut(
        signals["risk_points"], [-1, 0, 2, 4, np.inf], labels=["points_0", "points_1", "points_3", "points_5"]
    )
    return lowest.astype(object).mask(signals["state"] == "dormant", "dormant")


def warning_table(signals: pd.DataFrame, mart: pd.DataFrame, bands: pd.DataFrame) -> pd.DataFrame:
    """Rank the customers that raise a signal by points, and those with equal points by what hangs on them.

    One row per customer with at least one point: account_id, account_name, owner, state, risk_points, yearly_margin
    (contribution of the window, net revenue where cost is not measured, 0 when negative), past_loss_rate (how often
    accounts of the same band left within six months in the past: `bands` of `backtest`), value_at_risk (the
    product of both), then the points of each signal.
    """
    rows = signals.assign(band=band_of(signals))[signals["risk_points"] > 0]
    rows = rows.merge(mart[["account_id", "account_name", "owner", "contribution", "revenue"]], on="account_id")
    rows["yearly_margin"] = rows["contribution"].fillna(rows["revenue"]).fillna(0.0).clip(lower=0)
    rows["past_loss_rate"] = rows["band"].map(bands.set_index("band")["past_loss_rate"]).astype(float)
    rows["value_at_risk"] = rows["yearly_margin"] * rows["past_loss_rate"]
    rows = rows.sort_values(
        ["risk_points", "yearly_margin", "account_id"], ascending=[False, False, True], ignore_index=True
    )
    first = [
        "account_id",
        "account_name",
        "owner",
        "state",
        "risk_points",
        "yearly_margin",
        "past_loss_rate",
        "value_at_risk",
    ]
    return rows[[*first, *POINTS]].astype({"risk_points": int} | dict.fromkeys(POINTS, "Int64"))


@chart("matrix", x="signal", y="account_name", size=(9, 5))
def plot_warnings(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Draw the first `top_n` accounts against the signals: the points each one raises, their sum, and what hangs on them."""
    ax = ax or style.new_axes(plot_warnings.size)
    rows = table.head(top_n)
    columns = [name for name in POINTS if rows[name].notna().any()]
    points = rows[columns].astype(float)
    for (i, j), value in np.ndenumerate(points.to_numpy()):
        if value > 0:
            colour = style.VERMILION if value > 2 else style.ORANGE if value == 2 else style.SKY
            ax.scatter(j, i, s=150, marker="s", color=colour)
            ax.text(
                j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color="white" if value > 2 else style.INK
            )
    for i, row in enumerate(rows.itertuples()):
        ax.text(len(columns) + 0.1, i, f"{row.risk_points}", ha="center", va="center", fontsize=9)
        ax.text(len(columns) + 0.7, i, money(row.yearly_margin), va="center", fontsize=8)
    ax.text(len(columns) + 0.1, -1, say(None, "sum", "合计"), ha="center", va="center", fontsize=8)
    ax.text(len(columns) + 0.7, -1, say(None, "a year", "年金额"), va="center", fontsize=8)
    ax.set_xticks(range(len(columns)), [word(name) for name in columns], rotation=35, ha="right", fontsize=8)
    ax.set_xticks(ax.get_xticks(), ax.get_xticklabels(), rotation_mode="anchor")
    ax.set_yticks(range(len(rows)), rows["account_name"], fontsize=8)
    ax.set_xlim(-0.6, len(columns) + 2.4)
    ax.set_ylim(len(rows) - 0.4, -1.5)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def warnings_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many customers stand at five points or more, what hangs on them, and who is first."""
    high = table[table["risk_points"] >= 5]
    rows = high if len(high) else table.head(1)
    worth = money(rows["yearly_margin"].sum(), lang)
    en = f"{len(high)} of {len(table)} customers with a signal stand at 5 points or more; {worth} a year hangs on them"
    zh = f"{len(table)} 个有预警信号的客户中 {len(high)} 个达到 5 分以上，涉及年金额 {worth}"
    if high.empty:
        en = f"No customer reaches 5 points; the highest has {rows['risk_points'].iloc[0]} ({worth} a year)"
        zh = f"没有客户达到 5 分；最高 {rows['risk_points'].iloc[0]} 分（年金额 {worth}）"
    who = names(list(rows["account_name"]), lang)
    return say(lang, f"{en}: {who}.", f"{zh}：{who}。")


def reasons_of(row: pd.Series, lang: str | None = None) -> str:
    """Return the signals of one row of the list in words, the heaviest first."""
    on = [(row[name], name) for name in POINTS if pd.notna(row[name]) and row[name] > 0]
    return say(lang, ", ", "、").join(word(name, lang) for _, name in sorted(on, key=lambda item: -item[0]))


def saves_table(table: pd.DataFrame, as_of: dt.date, lang: str | None = None, *, top_n: int = 5) -> pd.DataFrame:
    """Turn the list into visits: of the accounts with three points or more, the `top_n` with the most value at risk.

    account_name, owner, risk_points, yearly_margin, value_at_risk, reasons (in words), due (within 5 working days).
    """
    by = ["value_at_risk", "risk_points", "yearly_margin"]
    rows = table[table["risk_points"] >= ALERT].sort_values(by, ascending=False, kind="stable")
    rows = rows.head(top_n).reset_index(drop=True)
    due = pd.Timestamp(np.busday_offset(np.datetime64(as_of), 5, roll="backward"))
    reasons = [reasons_of(row, lang) for _, row in rows.iterrows()]
    return rows[["account_name", "owner", "risk_points", "yearly_margin", "value_at_risk"]].assign(
        reasons=reasons, due=due
    )


def upsell_table(mart: pd.DataFrame, signals: pd.DataFrame, as_of: dt.date, *, top_n: int = 5) -> pd.DataFrame:
    """List whom to offer more: satisfied (mean of 4 or more), at most two points, positive contribution, a share
    of wallet below a half.

    account_name, owner, satisfaction_mean, n_answers, wallet_share (net revenue ÷ yearly spend in our category),
    open_wallet (the rest of that spend), contribution, due (30 days after `as_of`). The largest open wallet first.
    """
    calm = signals.loc[signals["risk_points"] <= 2, "account_id"]
    rows = mart[mart["account_id"].isin(calm) & (mart["satisfaction_mean"] >= 4) & (mart["wallet"] > 0)]
    rows = rows.assign(wallet_share=rows["revenue"] / rows["wallet"], open_wallet=rows["wallet"] - rows["revenue"])
    rows = rows[(rows["contribution"].fillna(rows["revenue"]) > 0) & (rows["wallet_share"] < 0.5)]
    columns = ["account_name", "owner", "satisfaction_mean", "n_answers", "wallet_share", "open_wallet", "contribution"]
    rows = rows.nlargest(top_n, "open_wallet").reset_index(drop=True)[columns]
    return rows.assign(due=pd.Timestamp(as_of) + 30 * DAY)
