"""Complaints: about what, how long until they are closed, how many come back, and at whom more than revenue explains?
(Part of satisfaction.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.models.competing_risks import cumulative_incidence, time_until

SEVERITIES = ("high", "medium", "low")
SEVERITY_COLOURS = (style.VERMILION, style.ORANGE, style.PALE)


def complaints_table(cases: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Complaints opened in the last `months` by topic, most first.

    One row per topic (unknown kept): topic, n_complaints, n_high, n_medium, n_low, complaint_share (sum 1), n_open,
    resolution_days (Kaplan–Meier median: open ones count as not yet closed; NaN while fewer than half are), n_closed,
    reopened_rate (reopened ÷ closed) with its Wilson interval.
    """
    since = pd.Timestamp(as_of) - pd.DateOffset(months=months)
    rows = cases[(cases.type == "complaint") & (cases.opened_at > since)].copy()
    rows["topic"] = rows.topic.fillna("unknown")
    end = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    rows["days"] = (rows.closed_at.fillna(end) - rows.opened_at).dt.total_seconds() / 86400
    rows["end"] = np.where(rows.closed_at.notna(), "closed", "")
    rows["again"] = (rows.reopened.fillna(0) > 0) & rows.closed_at.notna()
    by = rows.groupby("topic")
    table = by.agg(
        n_complaints=("case_id", "size"),
        n_closed=("closed_at", "count"),
        n_again=("again", "sum"),
    )
    for severity in SEVERITIES:
        table[f"n_{severity}"] = by.severity.agg(lambda values, level=severity: (values == level).sum())
    table["resolution_days"] = pd.Series(
        {topic: time_until(cumulative_incidence(some.days, some.end, ("closed",))) for topic, some in by}, dtype=float
    )
    table["complaint_share"] = table.n_complaints / table.n_complaints.sum()
    table["n_open"] = table.n_complaints - table.n_closed
    table["reopened_rate"] = table.n_again / table.n_closed.replace(0, np.nan)
    table["reopened_rate_low"], table["reopened_rate_high"] = stats.wilson(table.n_again, table.n_closed)
    table = table.sort_values(["n_complaints", "n_high"], ascending=False, kind="stable").reset_index()
    return table[_COMPLAINT_COLUMNS]


_COMPLAINT_COLUMNS = [
    "topic", "n_complaints", "complaint_share", "n_high", "n_medium", "n_low", "n_open", "n_closed",
    "resolution_days", "reopened_rate", "reopened_rate_low", "reopened_rate_high",
]  # fmt: skip


@chart("stacked_bar", y="topic", x=["n_high", "n_medium", "n_low"])
def plot_complaints(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Complaints by topic and severity; resolution time and the reopened share stand at the end of each bar."""
    ax = ax or style.new_axes()
    table = table.iloc[::-1]
    place, left = np.arange(len(table)), np.zeros(len(table))
    for severity, colour in zip(SEVERITIES, SEVERITY_COLOURS, strict=True):
        width = table[f"n_{severity}"].to_numpy()
        ax.barh(place, width, left=left, color=colour, label=words.word(severity))
        left = left + width
    for y, row in zip(place, table.itertuples(), strict=True):
        days = words.number(row.resolution_days, 1)
        text = words.say(
            None,
            f"{row.n_complaints}; {days} days; {words.share(row.reopened_rate)} reopened",
            f"{row.n_complaints}件；{days}天；重开{words.share(row.reopened_rate)}",
        )
        ax.annotate(text, (row.n_complaints, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(place, [words.word(topic) for topic in table.topic])
    ax.set_xlim(0, table.n_complaints.max() * 1.35)
    ax.set_xlabel(
        words.say(
            None,
            "Complaints opened in the window; median days to close; share reopened",
            "期内投诉件数；处理天数中位数；重开比例",
        )
    )
    ax.legend(title=words.word("severity"), loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def complaints_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the topic with most complaints, its share, and how long closing takes."""
    top, n = table.iloc[0], int(table.n_complaints.sum())
    days = words.number(top.resolution_days, 1)
    return words.say(
        lang,
        en=f"{words.word(top.topic, 'en')} brings {words.share(top.complaint_share)} of {n} complaints; half of them take more than {days} days to close.",
        zh=f"{n} 件投诉中{words.word(top.topic, 'zh')}占{words.share(top.complaint_share)}，处理天数中位数为 {days} 天。",
    )


# Effort


def effort_table(cases: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Customer effort per kind of case: how far customers agree, 1–7, that it was made easy for them.

    One row per type and one of all, for cases opened in the last `months`: type, n_cases, n_answers, effort_mean with its
    t-interval (from five answers), t3b_rate (5–7) with its Wilson interval, cases of one account counting for less where they
    agree. It is asked per case, so cases count, not accounts. Empty where nobody was asked. Source: Dixon et al. (2010).
    """
    rows = cases[(cases.opened_at > pd.Timestamp(as_of) - pd.DateOffset(months=months))]
    if rows.effort.notna().sum() == 0:
        return pd.DataFrame(columns=_EFFORT)
    found = []
    for kind, some in [*rows.groupby("type"), ("all_cases", rows)]:
        asked = some[some.effort.notna()]
        low, high = stats.mean_interval(asked.effort) if len(asked) >= 5 else (np.nan, np.nan)
        easy = asked.effort >= 5
        n = stats.effective_trials(easy, asked.account_id)
        rate = easy.mean() if len(asked) else np.nan
        bounds = stats.wilson(rate * n, n) if n else (np.nan, np.nan)
        found.append([kind, len(some), len(asked), asked.effort.mean(), low, high, rate, *bounds])
    return pd.DataFrame(found, columns=_EFFORT)


_EFFORT = [
    "type",
    "n_cases",
    "n_answers",
    "effort_mean",
    "effort_mean_low",
    "effort_mean_high",
    "t3b_rate",
    "t3b_rate_low",
    "t3b_rate_high",
]


def effort_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State the share of cases that were made easy with n and interval, or that it is not measured."""
    if table.empty:
        return words.say(
            lang,
            "Customer effort (CES) is not measured: no case carries an answer.",
            "客户费力度（CES）未测量：没有工单带有评分。",
        )
    row = table.iloc[-1]
    if row.n_answers < 10:
        return words.say(
            lang,
            f"Customer effort cannot be said: {row.n_answers} answers, 10 needed.",
            f"费力度无法判断：仅 {row.n_answers} 份评分，至少需要 10 份。",
        )
    rate, span = words.share(row.t3b_rate), f"{words.share(row.t3b_rate_low)}–{words.share(row.t3b_rate_high)}"
    return words.say(
        lang,
        f"In {rate} of cases ({span}, n = {row.n_answers}) customers found it was made easy.",
        f"{rate}的工单（{span}，n = {row.n_answers}）客户认为办理省力。",
    )


# Per revenue


def per_revenue_table(cases: pd.DataFrame, mart: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Complaints of each account against its revenue in the same months, most beyond expectation first.

    One row per account with revenue: account_id, account_name, owner, n_complaints, revenue, n_expected (at the rate of all
    accounts), per_million_ratio (complaints per million of revenue) with its exact Poisson interval (Garwood 1936), holm_rate
    (chance of so many or more at that rate, adjusted for all accounts; Holm 1979), is_above (below 5 %).
    `mart.revenue` must cover the same `months`.
    """
    since = pd.Timestamp(as_of) - pd.DateOffset(months=months)
    counted = cases[(cases.type == "complaint") & (cases.opened_at > since)].groupby("account_id").size()
    table = mart.loc[mart.revenue > 0, ["account_id", "account_name", "owner", "revenue"]].copy()
    k = table.account_id.map(counted).fillna(0).astype(int)
    if not k.sum():
        return pd.DataFrame(columns=_PER_REVENUE)
    table["n_complaints"] = k
    table["n_expected"] = k.sum() * table.revenue / table.revenue.sum()
    millions = table.revenue / 1e6
    table["per_million_ratio"] = k / millions
    table["per_million_ratio_low"] = np.where(k > 0, sp.chi2.ppf(0.025, 2 * k), 0) / 2 / millions
    table["per_million_ratio_high"] = sp.chi2.ppf(0.975, 2 * k + 2) / 2 / millions
    p = pd.Series(sp.poisson.sf(k - 1, table.n_expected), index=table.index)
    table["holm_rate"] = stats.holm(p)
    table["is_above"] = table.holm_rate < 0.05
    order = table.assign(p=p).sort_values(["p", "account_id"], kind="stable").index
    return table.loc[order, _PER_REVENUE].reset_index(drop=True)


_PER_REVENUE = [
    "account_id", "account_name", "owner", "n_complaints", "revenue", "n_expected", "per_million_ratio",
    "per_million_ratio_low", "per_million_ratio_high", "holm_rate", "is_above",
]  # fmt: skip


@chart("scatter", x="revenue", y="n_complaints", label="account_name")
def plot_per_revenue(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Complaints over revenue as a funnel plot: the rate of all accounts and its 95 % limits; red beyond chance."""
    ax = ax or style.new_axes()
    revenue = np.geomspace(max(table.revenue.min(), 1), table.revenue.max(), 60)
    expected = revenue * table.n_complaints.sum() / table.revenue.sum()
    limits = [sp.poisson.ppf(q, expected) for q in (0.025, 0.975)]
    ax.fill_between(revenue, *limits, color=style.PALE, alpha=0.5, lw=0)
    ax.plot(revenue, expected, color=style.GREY, lw=1)
    ax.scatter(table.revenue, table.n_complaints, color=np.where(table.is_above, style.BAD, style.BLUE), s=22, zorder=3)
    named = table[table.is_above].head(8)
    for row in named.itertuples():
        at = (row.revenue, row.n_complaints)
        ax.annotate(words.short(row.account_name), at, xytext=(6, 4), textcoords="offset points", fontsize=9)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set_xscale("log")
    style.money_axis(ax.xaxis)
    ax.set_xlabel(words.say(None, "Revenue in the same months (logarithmic)", "同期收入（对数刻度）"))
    en = "Complaints (band: where 95 % lie at the same rate)"
    ax.set_ylabel(words.say(None, en, "投诉数（阴影：同一投诉率下95%的范围）"))
    return ax


def per_revenue_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the accounts that complain more than their revenue explains, beyond chance."""
    rate, n = table.n_complaints.sum() / table.revenue.sum() * 1e6, len(table)
    above = table[table.is_above]
    unit = words.say(
        lang,
        f"per {words.currency()} million",
        "每百万元收入" if words.currency() == "CNY" else f"每百万 {words.currency()} 收入",
    )
    if above.empty:
        return words.say(
            lang,
            f"Complaints follow revenue: {rate:.2f} {unit}, no account of {n} is beyond chance.",
            f"投诉数与收入相称：{unit}{rate:.2f} 件，{n} 个客户均未明显偏高。",
        )
    who = words.names(above.account_name.map(words.short).tolist(), lang)
    return words.say(
        lang,
        en=f"{len(above)} of {n} accounts complain more than their revenue explains ({rate:.2f} {unit} on average): {who}.",
        zh=f"{n} 个客户中有 {len(above)} 个的投诉明显多于其收入所应有（平均{unit}{rate:.2f} 件）：{who}。",
    )
