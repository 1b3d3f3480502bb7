"""The first look: tier and why, the figures that matter beside those of the key accounts, and the two axes of time —
what the account bought and how often we talked. Part of notebook 10."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.dossier import Company
from kamlib.exhibit import chart
from kamlib.mart import key_accounts
from kamlib.words import money, number, say, share, short, word

FIGURES = {
    "composite_score": "score", "revenue": "money", "growth": "share", "contribution": "money", "gross_margin_share": "share",
    "wallet_share": "share", "n_orders": "count", "late_delivery_share": "share", "open_pipeline": "money", "n_active_contacts": "count",
    "satisfaction_mean": "score", "n_open_cases": "count", "overdue": "money",
}  # fmt: skip
"""The figures of the card and how each is written."""


def written(kind: str, value: float, lang: str | None = None) -> str:
    """Write a figure as its kind wants it; "–" when it is not known."""
    if value is None or pd.isna(value):
        return "–"
    return {"share": share, "money": lambda v: money(v, lang), "score": lambda v: number(v, 1), "count": number}[kind](
        float(value)
    )


def card_table(company: Company, account_id: str) -> pd.DataFrame:
    """Return the figures of one account beside the median of the key accounts (itself left out).

    account_name, tier, next_tier, gap_score, lever, lifecycle_state, next_order (these repeat in every row), figure,
    own_text, peers_text (as a reader wants them), above (own above the peers' median; missing where either is).
    """
    accounts = company.accounts.assign(wallet_share=lambda a: (a["revenue"] / a["wallet"]).where(a["wallet"] > 0))
    me = accounts.set_index("account_id").loc[account_id]
    peers = key_accounts(accounts)
    peers = peers[peers["account_id"] != account_id]
    rows = []
    for name, kind in FIGURES.items():
        own, other = me.get(name), peers[name].astype(float).median() if len(peers) else np.nan
        known = pd.notna(own) and pd.notna(other)
        rows.append([name, written(kind, own), written(kind, other), bool(float(own) > other) if known else None])
    table = pd.DataFrame(rows, columns=["figure", "own_text", "peers_text", "above"])
    lift, state, due = (company.of(t, account_id) for t in (company.next_tier, company.states, company.next_orders))
    head = {
        "account_name": me["account_name"], "tier": me["tier"],
        "next_tier": lift["next_tier"].iloc[0] if len(lift) else None,
        "gap_score": lift["gap_score"].iloc[0] if len(lift) else np.nan,
        "lever": lift["lever"].iloc[0] if len(lift) else None,
        "lifecycle_state": state["state"].iloc[0] if len(state) else None,
        "next_order": due["next_order"].iloc[0] if len(due) else pd.NaT,
    }  # fmt: skip
    return table.assign(**head)[[*head, "figure", "own_text", "peers_text", "above"]]


@chart("table", y="figure", label="own_text", size=(8, 4.8))
def plot_card(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Write the figures in two columns, own beside peers."""
    ax = ax or style.new_axes(plot_card.size)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(table) + 0.2, -1.2)
    for x, text, align in (
        (0.62, say(None, "this account", "本客户"), "right"),
        (0.9, say(None, "key accounts, median", "大客户中位数"), "right"),
    ):
        ax.text(x, -0.6, text, ha=align, fontsize=9, color=style.GREY)
    for i, row in enumerate(table.itertuples()):
        if i % 2 == 0:
            ax.axhspan(i - 0.1, i + 0.9, color=style.GRID, alpha=0.5, lw=0)
        ax.text(0.02, i + 0.4, word(row.figure), va="center", fontsize=10)
        ax.text(0.62, i + 0.4, row.own_text, va="center", ha="right", fontsize=11)
        ax.text(0.9, i + 0.4, row.peers_text, va="center", ha="right", fontsize=10, color=style.GREY)
    ax.axis("off")
    return ax


def card_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the tier, what separates it from the next one, and the state."""
    row = table.iloc[0]
    name, score = short(row["account_name"]), table.set_index("figure").at["composite_score", "own_text"]
    state = word(row["lifecycle_state"], lang) if row["lifecycle_state"] else word("unknown", lang)
    if row["next_tier"] is None or pd.isna(row["gap_score"]):
        return say(
            lang,
            f"{name}: tier {row['tier']} ({score} points), {state.lower()}.",
            f"{name}：{row['tier']} 级（{score} 分），{state}。",
        )
    lever = word(row["lever"], lang)
    return say(
        lang,
        f"{name}: tier {row['tier']} ({score} points), {state.lower()}; {number(row['gap_score'], 1)} points short of {row['next_tier']}, most in {lever.lower()}.",
        f"{name}：{row['tier']} 级（{score} 分），{state}；距 {row['next_tier']} 级差 {number(row['gap_score'], 1)} 分，主要在{lever}。",
    )


def axis_table(company: Company, account_id: str, months: int = 24) -> pd.DataFrame:
    """Return month by month what was bought and how often we talked: month, revenue, n_talks, n_two_way, n_cases.

    The `months` up to the as-of date, the last one perhaps not over.
    """
    last = pd.Timestamp(company.data.as_of).to_period("M")
    every = pd.period_range(last - months + 1, last, freq="M")
    bought = company.of(company.data.months, account_id)
    talks, cases = company.of(company.activities, account_id), company.of(company.cases, account_id)

    def monthly(days: pd.Series, values: pd.Series | None = None) -> np.ndarray:
        period = days.dt.to_period("M")
        summed = values.groupby(period).sum() if values is not None else period.value_counts()
        return summed.reindex(every).fillna(0).to_numpy()

    table = pd.DataFrame({
        "month": every.to_timestamp(), "revenue": monthly(bought["month"], bought["revenue"].astype(float)),
        "n_talks": monthly(talks["happened_at"]).astype(int),
        "n_two_way": monthly(talks.loc[talks["two_way"].fillna(False).astype(bool), "happened_at"]).astype(int),
        "n_cases": monthly(cases["opened_at"]).astype(int),
    })  # fmt: skip
    return table if table.drop(columns="month").to_numpy().any() else table.head(0)


@chart("column", x="month", y=["revenue", "n_talks"], size=(8, 4.4))
def plot_axis(table: pd.DataFrame, ax: Axes | None = None, *, months: int = 24) -> Axes:
    """Draw purchases above and contacts below on one axis of time, the last `months`; cases as marks."""
    ax = ax or style.new_axes(plot_axis.size)
    table = table.tail(months)
    top, bottom = style.panels(ax, 2, 1, sharex=True)[:, 0]
    top.bar(table["month"], table["revenue"], width=24, color=style.BLUE)
    style.money_axis(top.yaxis)
    top.set_ylabel(word("revenue"), fontsize=9)
    bottom.bar(table["month"], table["n_talks"], width=24, color=style.PALE, label=word("n_talks"))
    bottom.bar(table["month"], table["n_two_way"], width=24, color=style.SKY, label=word("n_two_way"))
    cases = table[table["n_cases"] > 0]
    bottom.plot(cases["month"], cases["n_talks"] + 0.5, "v", color=style.VERMILION, ms=6, label=word("n_cases_opened"))
    bottom.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, fontsize=8)
    bottom.set_ylim(bottom=0)
    return top


def axis_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Compare the last twelve months with the twelve before: money and dialogue."""
    now, before = table.tail(12), table.iloc[-24:-12]
    sold, sold_before, talks, talks_before = (
        now["revenue"].sum(),
        before["revenue"].sum(),
        now["n_two_way"].sum(),
        before["n_two_way"].sum(),
    )
    return say(
        lang,
        f"In 12 months it bought {money(sold, 'en')} (before: {money(sold_before, 'en')}); we had {talks} two-way contacts (before: {talks_before}).",
        f"近 12 个月采购 {money(sold, 'zh')}（上一年 {money(sold_before, 'zh')}）；双向沟通 {talks} 次（上一年 {talks_before} 次）。",
    )
