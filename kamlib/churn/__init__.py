"""Churn: how many customers, and how much revenue, leave in a period?

A customer leaves on its churn date: the day on which its silence passed τ1, confirmed when it passed τ2 or its contract
ended (see `kamlib.lifecycle`). Rates have the customers at the start of the period below the line, and nobody else: who
is won during the period is in neither count. Recent periods stay open until every silence in them has been decided.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import lifecycle, stats, style
from kamlib.exhibit import chart
from kamlib.settings import Settings
from kamlib.words import say, share

DAY = pd.Timedelta(days=1)


# --- Who is a customer on a day, and what is it worth? -------------------------------------------------------------


def customers_on(known: pd.DataFrame, events: pd.DataFrame, day: dt.date) -> pd.Index:
    """Return the account_ids that had ordered by `day` and had not left: `known` silences, `events` confirmed losses."""
    day = pd.Timestamp(day)
    bought = known.loc[known["first_order"] <= day, "account_id"].unique()
    gone = events[(events["churn_date"] <= day) & (events["returned"].isna() | (events["returned"] > day))]
    return pd.Index(bought).difference(gone["account_id"])


def revenue_rows(order_days: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """Return net revenue as dated rows, account_id, day, amount: order days after discount, and returns as negatives."""
    sold = order_days[["account_id", "order_date", "amount"]].rename(columns={"order_date": "day"})
    back = returns[["account_id", "return_date", "amount"]].rename(columns={"return_date": "day"})
    return pd.concat([sold, back.assign(amount=-back["amount"])], ignore_index=True)


def revenue_year(rows: pd.DataFrame, day: dt.date) -> pd.Series:
    """Return the net revenue of the 12 months up to `day` by account_id."""
    day = pd.Timestamp(day)
    inside = rows[(rows["day"] <= day) & (rows["day"] > day - pd.DateOffset(years=1))]
    return inside.groupby("account_id")["amount"].sum()


# --- How many leave, and with how much revenue? --------------------------------------------------------------------


def churn_table(
    known: pd.DataFrame, revenue: pd.DataFrame, as_of: dt.date, settings: Settings, *, months: int = 6, periods: int = 4
) -> pd.DataFrame:
    """Return logo and revenue churn of the last `periods` periods of `months` months that end on `as_of`.

    One row per period: period, period_start (last day before it), period_end, n_start (customers on period_start),
    n_churned (of these, left and not back on period_end), churn_rate with its Wilson interval, yearly_rate (1 − (1 −
    rate)^(12 ÷ months)), revenue_start (their net revenue of the 12 months before), lost_revenue (of those lost),
    revenue_churn_rate with a bootstrap interval over accounts, n_pending (silent beyond τ1 on period_end and not
    decided on `as_of`), mature (the time from τ1 to τ2 has passed since). Periods before the first full year of data
    are left out, and those that begin without a customer.
    """
    events = lifecycle.loss_events(known, as_of)
    wait = pd.Timedelta(days=settings.lifecycle.lost_floor_days - settings.lifecycle.dormant_floor_days)
    rows = []
    for start, end in period_bounds(as_of, months, periods):
        if reaches_back(known, start):
            flags = lost_flags(known, events, start, end)
            if flags.empty:
                continue
            row = {"period_start": start, "period_end": end} | _rates(flags, revenue_year(revenue, start), months)
            row["n_pending"] = int(flags.index.isin(pending(known, end, as_of)).sum())
            rows.append(row | {"mature": end + wait <= pd.Timestamp(as_of)})
    table = pd.DataFrame(rows, columns=_CHURN[1:])
    table.insert(
        0,
        "period",
        [_months(a + DAY, b) for a, b in zip(table["period_start"], table["period_end"], strict=True)],
    )
    return table


_CHURN = [
    "period", "period_start", "period_end", "n_start", "n_churned", "churn_rate", "churn_rate_low", "churn_rate_high",
    "yearly_rate", "revenue_start", "lost_revenue", "revenue_churn_rate", "revenue_churn_rate_low",
    "revenue_churn_rate_high", "n_pending", "mature",
]  # fmt: skip


def _months(first: pd.Timestamp, last: pd.Timestamp) -> str:
    return f"{last:%Y-%m}" if f"{first:%Y-%m}" == f"{last:%Y-%m}" else f"{first:%Y-%m} – {last:%Y-%m}"


def period_bounds(as_of: dt.date, months: int, periods: int) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return (last day before, last day) of the last `periods` periods, the oldest first; month-ends stay month-ends."""
    last = pd.Timestamp(as_of)
    ends = [last - pd.DateOffset(months=months * i) for i in range(periods, -1, -1)]
    if last.is_month_end:
        ends = [day + pd.offsets.MonthEnd(0) for day in ends]
    return list(zip(ends[:-1], ends[1:], strict=True))


def reaches_back(known: pd.DataFrame, day: dt.date) -> bool:
    """Return whether orders are known for the whole year before `day`, give or take a month."""
    return bool(len(known)) and pd.Timestamp(day) - pd.DateOffset(years=1) >= known["order_date"].min() - 31 * DAY


def lost_flags(known: pd.DataFrame, events: pd.DataFrame, start: dt.date, end: dt.date) -> pd.Series:
    """Return for each customer on `start` whether it was no customer any more on `end`, indexed by account_id."""
    before, after = customers_on(known, events, start), customers_on(known, events, end)
    return pd.Series(~before.isin(after), index=before, dtype=bool)


def pending(known: pd.DataFrame, day: dt.date, as_of: dt.date) -> pd.Index:
    """Return the accounts whose silence had passed τ1 on `day` and is still undecided on `as_of`."""
    last = known[known["next_order"].isna()]
    undecided = (last["dormant_from"] <= pd.Timestamp(day)) & (last["lost_from"] > pd.Timestamp(as_of))
    return pd.Index(last.loc[undecided, "account_id"])


def _rates(lost: pd.Series, revenue: pd.Series, months: int) -> dict:
    n, k = len(lost), int(lost.sum())
    low, high = stats.wilson(k, n)
    worth = revenue.reindex(lost.index).fillna(0.0)
    total, gone = worth.sum(), worth[lost].sum()
    pairs = np.column_stack([worth, worth.where(lost, 0.0)])
    spread = stats.bootstrap_interval(pairs, _ratio_of_sums) if n and total > 0 else (np.nan, np.nan)
    rate = k / n if n else np.nan
    return {
        "n_start": n, "n_churned": k, "churn_rate": rate, "churn_rate_low": low, "churn_rate_high": high,
        "yearly_rate": 1 - (1 - rate) ** (12 / months), "revenue_start": total, "lost_revenue": gone,
        "revenue_churn_rate": gone / total if total > 0 else np.nan,
        "revenue_churn_rate_low": spread[0], "revenue_churn_rate_high": spread[1],
    }  # fmt: skip


def _ratio_of_sums(pairs: np.ndarray) -> float:
    whole, part = pairs.sum(axis=0)
    return part / whole if whole > 0 else np.nan


@chart("dots", x="period", y="churn_rate", low="churn_rate_low", high="churn_rate_high", size=(8, 4.2))
def plot_churn(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw both rates per period with intervals; hollow marks are periods that are not mature."""
    ax = ax or style.new_axes(plot_churn.size)
    at = np.arange(len(table))
    customers = say(None, "customers (logo churn)", "客户数流失")
    money = say(None, "their net revenue of the year before", "收入流失（上年净收入）")
    _draw_rate(ax, at - 0.12, table, "churn_rate", style.BLUE, customers, side=-1)
    _draw_rate(ax, at + 0.12, table, "revenue_churn_rate", style.ORANGE, money, side=1)
    ax.set_xticks(at, [_period_label(row) for row in table.itertuples()], fontsize=9 if len(table) <= 6 else 7)
    ax.set_xlim(-0.5, len(table) - 0.5)
    ax.set_ylim(0, max(table[["churn_rate_high", "revenue_churn_rate_high"]].max().max() * 1.3, 0.02))
    ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    style.percent_axis(ax.yaxis)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(say(None, "lost in the period ÷ customers at its start", "期内流失 ÷ 期初客户"))
    ax.legend(loc="upper left", fontsize=9)
    return ax


def _draw_rate(ax: Axes, at: np.ndarray, table: pd.DataFrame, name: str, colour: str, label: str, *, side: int) -> None:
    rates, mature = table[name].to_numpy(float), table["mature"].to_numpy(bool)
    ax.vlines(at, table[f"{name}_low"], table[f"{name}_high"], color=colour, lw=1.5)
    ax.scatter(at, rates, s=60, fc=np.where(mature, colour, "white"), ec=colour, lw=1.8, zorder=3)
    ax.scatter([], [], s=60, color=colour, label=label)
    for x, rate in zip(at, rates, strict=True):
        place = {"va": "center", "ha": "left" if side > 0 else "right", "fontsize": 9}
        ax.annotate(share(rate), (x, rate), (8 * side, 0), textcoords="offset points", **place)


def _period_label(row) -> str:
    lines = [row.period, say(None, f"{row.n_churned} of {row.n_start}", f"{row.n_start} 个中 {row.n_churned} 个")]
    if row.n_pending or not row.mature:
        lines.append(say(None, f"{row.n_pending} undecided", f"待定 {row.n_pending} 个"))
    return "\n".join(lines)


def churn_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the rates of the last mature period, and what is undecided in the newest."""
    ripe = table[table["mature"].astype(bool)]
    row, newest = (ripe if len(ripe) else table).iloc[-1], table.iloc[-1]
    spread = f"{share(row['churn_rate_low'])} – {share(row['churn_rate_high'])}"
    en = f"{row['period']}: {row['n_churned']} of {row['n_start']} customers left ({share(row['churn_rate'])}, 95 % interval {spread})"
    zh = f"{row['period']}：期初 {row['n_start']} 个客户流失 {row['n_churned']} 个（{share(row['churn_rate'])}，95 % 区间 {spread}）"
    en += f" with {share(row['revenue_churn_rate'])} of revenue"
    zh += f"，带走 {share(row['revenue_churn_rate'])} 的收入"
    if not newest["mature"] and ripe.empty:
        en, zh = f"{en}; {newest['n_pending']} undecided", f"{zh}；另 {newest['n_pending']} 个待定"
    elif not newest["mature"]:
        en += f"; since then {newest['n_churned']} more, {newest['n_pending']} undecided"
        zh += f"；其后又有 {newest['n_churned']} 个，另 {newest['n_pending']} 个待定"
    return say(lang, f"{en}.", f"{zh}。")
