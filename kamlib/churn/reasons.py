"""Loss reasons: why do customers leave, what did it cost, and who does what about it?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.tables import REASONS
from kamlib.words import money, number, say, share, word

DAY = pd.Timedelta(days=1)
YEAR = pd.DateOffset(years=1)
CONTROLLABLE = ("price", "product", "service")
"""Reasons that are ours to change; a competitor, other and unknown reasons are not, or not known to be."""


def loss_table(
    losses: pd.DataFrame, events: pd.DataFrame, revenue: pd.DataFrame, as_of: dt.date, *, years: int = 2
) -> pd.DataFrame:
    """List the losses of the last `years` years: those that sales recorded, and those that only silence shows.

    `losses` is the table of that name, `events` the confirmed losses of `kamlib.lifecycle`, `revenue` dated rows of net
    revenue. One row per loss and reason: account_id, lost_at (as recorded, else the churn date), churn_reason ("unknown"
    without a record), reason_share (reasons of one loss share it by their weights, equally without), competitor,
    lost_revenue (net revenue of the year up to the last order before, times reason_share), recorded. A silence counts
    only while it lasts and when nothing was recorded since the order before it.
    """
    since = pd.Timestamp(as_of) - YEAR * years
    noted = losses[losses["lost_at"] > since].rename(columns={"reason": "churn_reason"})
    weight = noted["weight"].fillna(1.0)
    whole = weight.groupby([noted["account_id"], noted["lost_at"]]).transform("sum")
    noted = noted.assign(reason_share=weight / whole.where(whole > 0), recorded=True)
    latest = losses.groupby("account_id")["lost_at"].max()
    silent = events[events["returned"].isna() & (events["churn_date"] > since)]
    silent = silent[~(latest.reindex(silent["account_id"]).to_numpy() >= silent["last_order"])].rename(
        columns={"churn_date": "lost_at"}
    )
    silent = silent.assign(churn_reason="unknown", reason_share=1.0, recorded=False)
    table = pd.concat([noted, silent]).reindex(columns=_LOSS[:-2] + _LOSS[-1:])
    table["lost_revenue"] = _year_before(revenue, table) * table["reason_share"]
    return table.sort_values(["lost_at", "account_id", "churn_reason"], ignore_index=True)[_LOSS]


_LOSS = ["account_id", "lost_at", "churn_reason", "reason_share", "competitor", "lost_revenue", "recorded"]


def _year_before(revenue: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Return the net revenue of the year up to the last sale before each row's lost_at."""
    if rows.empty:
        return np.zeros(0)
    keys = rows[["account_id", "lost_at"]].drop_duplicates()
    pairs = keys.merge(revenue, on="account_id")
    pairs = pairs[pairs["day"] <= pairs["lost_at"]]
    last = pairs[pairs["amount"] > 0].groupby(["account_id", "lost_at"])["day"].max().rename("last_sale")
    pairs = pairs.join(last, on=["account_id", "lost_at"])
    inside = pairs[(pairs["day"] > pairs["last_sale"] - YEAR)]
    sums = inside.groupby(["account_id", "lost_at"])["amount"].sum().rename("sum")
    return rows.join(sums, on=["account_id", "lost_at"])["sum"].fillna(0.0).to_numpy()


def reasons_table(losses: pd.DataFrame) -> pd.DataFrame:
    """Sum `loss_table` up by reason, the most costly first.

    One row per reason: churn_reason, n_accounts (that named it), weighted_index (losses, fractions added up),
    loss_share, lost_revenue, revenue_share, cum_revenue_share.
    """
    table = losses.groupby("churn_reason").agg(
        n_accounts=("account_id", "nunique"),
        weighted_index=("reason_share", "sum"),
        lost_revenue=("lost_revenue", "sum"),
    )
    table = table.reset_index().sort_values(["lost_revenue", "weighted_index"], ascending=False, ignore_index=True)
    table["loss_share"] = table["weighted_index"] / table["weighted_index"].sum()
    total = table["lost_revenue"].sum()
    table["revenue_share"] = table["lost_revenue"] / total if total > 0 else np.nan
    table["cum_revenue_share"] = table["revenue_share"].cumsum()
    return table[
        [
            "churn_reason",
            "n_accounts",
            "weighted_index",
            "loss_share",
            "lost_revenue",
            "revenue_share",
            "cum_revenue_share",
        ]
    ]


@chart("pareto", x="churn_reason", y="lost_revenue", line="cum_revenue_share", size=(9, 4))
def plot_reasons(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw lost revenue by reason with its running share, and beside it the number of losses."""
    ax = ax or style.new_axes(plot_reasons.size)
    left, right = style.panels(ax, 1, 2)[0]
    at, names = np.arange(len(table)), [style.wrapped(word(_key(reason))) for reason in table["churn_reason"]]
    colours = [style.PALE if reason == "unknown" else style.BLUE for reason in table["churn_reason"]]
    bars = left.bar(at, table["lost_revenue"], color=colours, width=0.7)
    texts = left.bar_label(bars, [share(part) for part in table["revenue_share"]], label_type="center", fontsize=9)
    for text, reason in zip(texts, table["churn_reason"], strict=True):
        text.set_color(style.INK if reason == "unknown" else "white")
    total = table["lost_revenue"].sum()
    if total > 0:
        left.plot(at, table["cum_revenue_share"] * total, color=style.ORANGE, marker="o", ms=4)
    left.set_ylabel(say(None, "lost net revenue a year", "流失的年净收入"))
    style.money_axis(left.yaxis)
    bars = right.bar(at, table["weighted_index"], color=colours, width=0.7)
    right.bar_label(bars, [number(value, 1) for value in table["weighted_index"]], padding=2, fontsize=9)
    right.set_ylabel(say(None, "lost customers (shared among reasons)", "流失客户数（多原因按权重分摊）"))
    for panel in (left, right):
        panel.set_xticks(at, names, fontsize=8)
        panel.grid(axis="x", visible=False)
        panel.margins(y=0.12)
    return left


def _key(reason: str) -> str:
    return f"reason_{reason}" if reason in REASONS else reason


def reasons_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which reason cost most, which is named most often, and how many losses have no reason."""
    costly, often = table.iloc[0], table.loc[table["weighted_index"].idxmax()]
    unknown = float(table.loc[table["churn_reason"] == "unknown", "weighted_index"].sum())
    n = float(table["weighted_index"].sum())
    cost = f"{money(costly['lost_revenue'], lang)}, {share(costly['revenue_share'])}"
    first, second = (word(_key(row["churn_reason"]), lang) for row in (costly, often))
    en, zh = f"{first} cost most ({cost} of lost revenue)", f"{first}损失最大（{cost}）"
    if second != first:
        en += f"; {second} is named most often ({share(often['loss_share'])})"
        zh += f"；{second}次数最多（{share(often['loss_share'])}）"
    en, zh = (
        f"{en}; of {number(n)} losses {number(unknown)} have no known reason",
        f"{zh}；{number(n)} 个流失中 {number(unknown)} 个原因不明",
    )
    ours = controllable_share(table)
    if np.isfinite(ours):
        en, zh = f"{en}; {share(ours)} of the money is ours to change", f"{zh}；其中 {share(ours)} 的金额属可控原因"
    return say(lang, f"{en}.", f"{zh}。")


def controllable_share(reasons: pd.DataFrame) -> float:
    """Return the share of lost revenue whose reason is ours to change; NaN without lost revenue."""
    total = reasons["lost_revenue"].sum()
    ours = reasons.loc[reasons["churn_reason"].isin(CONTROLLABLE), "lost_revenue"].sum()
    return float(ours / total) if total > 0 else np.nan


def playbook_table(
    losses: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, lang: str | None = None
) -> pd.DataFrame:
    """Turn reasons into work: what to change, who owns it, what it cost, by when a proposal is due.

    One row per reason, the most costly first: churn_reason, controllable (ours to change), action, responsible (a role),
    n_accounts, tiers (of the accounts lost for it, "A 1, C 3"), lost_revenue, example (the largest account lost for it),
    due (30 days after `as_of`; 14 for unknown reasons, which can be asked).
    """
    table = reasons_table(losses)
    names = accounts.set_index("account_id")["account_name"]
    largest = (
        losses.sort_values("lost_revenue", ascending=False).groupby("churn_reason")["account_id"].first().map(names)
    )
    tier = losses["account_id"].map(accounts.set_index("account_id")["account_tier"]).fillna("?")
    by_tier = losses.groupby(["churn_reason", tier])["account_id"].nunique()
    tiers = {
        reason: ", ".join(f"{name} {n}" for name, n in by_tier[reason].items()) for reason in table["churn_reason"]
    }
    days = np.where(table["churn_reason"] == "unknown", 14, 30)
    return pd.DataFrame(
        {
            "churn_reason": [word(_key(reason), lang) for reason in table["churn_reason"]],
            "controllable": table["churn_reason"].isin(CONTROLLABLE),
            "action": [word(f"change_{reason}", lang) for reason in table["churn_reason"]],
            "responsible": [word(f"duty_{reason}", lang) for reason in table["churn_reason"]],
            "n_accounts": table["n_accounts"],
            "tiers": table["churn_reason"].map(tiers),
            "lost_revenue": table["lost_revenue"],
            "example": table["churn_reason"].map(largest),
            "due": pd.Timestamp(as_of) + pd.to_timedelta(days, unit="D"),
        }
    )
