"""Margins: what should be done about each account, given its revenue and what is left of it, and who does it by when?

Part of notebook 05. The rules of the founding documents ("high revenue: offer more", "low profit: cut cost") contradict
each other where a large account earns little or loses money. Here contribution decides: a discount is advised only
where the contribution stays positive after it, and a large account that loses money is flagged for repricing.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.words import money, names, say, share, short, word

HIGH_REVENUE = 0.8
"""The largest accounts that together bring this share of revenue count as high-revenue (Pareto's 80 %)."""
EXTRA_DISCOUNT = 0.05
"""The further discount an account must survive with a positive contribution before one is offered."""
ADVICE = {
    ("high_revenue", "high_margin"): "reward",
    ("high_revenue", "low_margin"): "cut_cost",
    ("high_revenue", "loss"): "reprice",
    ("low_revenue", "high_margin"): "grow",
    ("low_revenue", "low_margin"): "standardise",
    ("low_revenue", "loss"): "minimum_order",
}
"""What to do in each cell of the matrix (R106, R108); `words/finance.yml` says it in full."""
UNSERVED = ADVICE | {("high_revenue", "high_margin"): "hold", ("high_revenue", "low_margin"): "hold"}
"""The same where no service cost was measured: the contribution is then the gross margin, on which neither a discount
nor a lower cost of serving can be advised."""
FLOOR = -0.6
"""Margins below −60 % are drawn at the edge, as triangles."""


def matrix_table(mart: pd.DataFrame) -> pd.DataFrame:
    """Place every account with revenue by its size and by its contribution margin, and say what to do.

    account_id, account_name, owner, revenue, cost_to_serve, contribution, contribution_share (÷ revenue), revenue_band (the largest that
    together bring 80 % of revenue are high), margin_band ("loss" below zero, "high_margin" from the margin of the whole
    portfolio on, else "low_margin"), advice (a value of `ADVICE`; "serve" where a 5 % discount would eat the contribution
    of an account to be rewarded, "hold" where no service cost was measured), price_rise_rate (that brings a loss to zero; else missing), stake: the loss, the gap to
    the portfolio's margin, or what a further 5 % discount would cost. Accounts without revenue have no margin: see the loss-makers.
    """
    rows = mart.loc[(mart["revenue"] > 0) & mart["contribution"].notna()]
    rows = rows.sort_values(["revenue", "account_id"], ascending=[False, True], ignore_index=True)
    table = rows[["account_id", "account_name", "owner", "revenue", "cost_to_serve", "contribution"]].copy()
    table["contribution_share"] = table["contribution"] / table["revenue"]
    before = table["revenue"].cumsum() - table["revenue"]
    table["revenue_band"] = np.where(before < HIGH_REVENUE * table["revenue"].sum(), "high_revenue", "low_revenue")
    cut = portfolio_margin(table)
    loss, high = table["contribution"] < 0, table["contribution_share"] >= max(cut, 0)
    table["margin_band"] = np.select([loss, high], ["loss", "high_margin"], "low_margin")
    advice = _advice(table)
    table["advice"] = [advice[cell] for cell in zip(table["revenue_band"], table["margin_band"], strict=True)]
    thin = (table["advice"] == "reward") & (table["contribution"] <= EXTRA_DISCOUNT * table["revenue"])
    table.loc[thin, "advice"] = "serve"
    table["price_rise_rate"] = (-table["contribution_share"]).where(loss)
    gap = cut * table["revenue"] - table["contribution"]
    table["stake"] = np.select([loss, ~high], [-table["contribution"], gap], EXTRA_DISCOUNT * table["revenue"])
    return table


def _advice(matrix: pd.DataFrame) -> dict[tuple[str, str], str]:
    return ADVICE if _served(matrix) else UNSERVED


def _served(matrix: pd.DataFrame) -> bool:
    """Whether any service cost was measured."""
    return matrix["cost_to_serve"].notna().any()


def portfolio_margin(matrix: pd.DataFrame) -> float:
    """Return contribution ÷ revenue over all rows: the cut between high and low margin; NaN without revenue."""
    revenue = matrix["revenue"].sum()
    return matrix["contribution"].sum() / revenue if revenue > 0 else np.nan


@chart("scatter", x="revenue", y="contribution_share", colour="advice", label="account_name", size=(8, 5.2))
def plot_matrix(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 6) -> Axes:
    """Draw accounts by revenue (log) and contribution margin, with the zero line, the cuts, and the advice in each cell;
    name the `top_n` with the largest loss or gap among those with high revenue."""
    ax = ax or style.new_axes(plot_matrix.size)
    y, cut = table["contribution_share"].clip(lower=FLOOR), portfolio_margin(table)
    colours = table["margin_band"].map({"loss": style.BAD, "low_margin": style.ORANGE, "high_margin": style.BLUE})
    inside = table["contribution_share"] >= FLOOR
    ax.scatter(table["revenue"][inside], y[inside], c=colours[inside], s=26, alpha=0.8, lw=0)
    ax.scatter(table["revenue"][~inside], y[~inside], c=colours[~inside], s=30, marker="v")
    ax.set_xscale("log")
    ax.axhline(0, color=style.INK, lw=1)
    ax.axhline(cut, color=style.GREY, lw=1, ls="--")
    high = table["revenue_band"] == "high_revenue"
    edge = table["revenue"][high].min()
    ax.axvline(edge * 0.97, color=style.GREY, lw=1, ls="--")
    flagged = table[high & (table["margin_band"] != "high_margin")].nlargest(top_n, "stake")
    spots = flagged["contribution_share"].clip(lower=FLOOR)
    left, right = table["revenue"].min(), table["revenue"].max()
    ax.set_xlim(left / 1.5, right * 4)
    text = say(None, f" all accounts {share(cut)}", f" 整体 {share(cut)}")
    ax.annotate(text, (left / 1.5, cut), (0, 2), textcoords="offset points", fontsize=8, color=style.GREY)
    style.label_points(ax, flagged["revenue"], spots, [short(name) for name in flagged["account_name"]])
    _advise(ax, _advice(table))
    ax.set_xlabel(word("revenue_log"))
    ax.set_ylabel(word("contribution_share" if _served(table) else "gross_margin_share"))
    style.money_axis(ax.xaxis)
    style.percent_axis(ax.yaxis)
    return ax


def _advise(ax: Axes, cells: dict[tuple[str, str], str]) -> None:
    """Write the advice, in short, above and at the bottom of the halves of high and low revenue."""
    for (size, margin), advice in cells.items():
        if margin == "low_margin":
            continue  # a band too thin for words; its colour says it, and the table
        side = {"x": 1, "ha": "right"} if size == "high_revenue" else {"x": 0.01, "ha": "left"}
        top = {"y": 1.01, "va": "bottom"} if margin == "high_margin" else {"y": 0.015, "va": "bottom"}
        text, colour = f"{word(size)}: {word(f'{advice}_short')}", style.BLUE if margin == "high_margin" else style.BAD
        ax.text(**side, **top, s=text, transform=ax.transAxes, fontsize=8, color=colour)


def matrix_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which high-revenue accounts lose money, or, if none does, how many could carry a discount; that service cost is
    not measured, where it is not."""
    high = table[table["revenue_band"] == "high_revenue"]
    losing = high[high["margin_band"] == "loss"].sort_values("stake", ascending=False)
    if losing.empty and not _served(table):
        return say(
            lang,
            f"None of {len(high)} high-revenue accounts has a negative gross margin; whether they can carry a discount is "
            "not measured: this needs the table service costs (service_costs).",
            f"{len(high)} 个高收入客户毛利均不为负；能否再让利未测量：需要数据表服务成本 (service_costs)。",
        )
    if losing.empty:
        n = int((high["advice"] == "reward").sum())
        return say(
            lang,
            f"None of {len(high)} high-revenue accounts loses money; {n} can carry a further {share(EXTRA_DISCOUNT)} discount.",
            f"{len(high)} 个高收入客户均不亏损；其中 {n} 个可承受再让利 {share(EXTRA_DISCOUNT)}。",
        )
    who, lost = names([short(name) for name in losing["account_name"]], lang), money(losing["stake"].sum(), lang)
    en, zh = ("", "") if _served(table) else (" (service_costs not measured)", "（service_costs 未测量）")
    return say(
        lang,
        f"{len(losing)} of {len(high)} high-revenue accounts lose {lost}{en}: {who}; reprice before any discount.",
        f"{len(high)} 个高收入客户中 {len(losing)} 个亏损 {lost}{zh}：{who}；先调价，不再让利。",
    )


# --- Who does what by when ----------------------------------------------------------------------------------------

LEAST_RISE = 0.005
"""A loss that half a percent on the price would cure is not worth a negotiation."""
DUE_DAYS = {"collect": 7, "reprice": 30, "cut_cost": 60, "reward": 30}
"""Days from the as-of date until an action is due."""


def actions_table(matrix: pd.DataFrame, ageing: pd.DataFrame, as_of: dt.date, *, most: int = 5) -> pd.DataFrame:
    """List what to do next: up to `most` accounts per action, the largest amount first within each.

    action ("collect" what is overdue, "reprice" any loss-maker with high revenue, "cut_cost" of large accounts below the
    portfolio's margin, "reward" the large and profitable that are not to be collected from), account_id, account_name, owner, amount (at stake: what is
    overdue, else `stake` of the matrix), price_rise_rate (reprice), oldest_days (collect), due_date. Either list may be empty.
    """
    late = ageing[ageing["overdue"] > 0].assign(action="collect", amount=lambda rows: rows["overdue"])
    rows = matrix.assign(action=matrix["advice"], amount=matrix["stake"])
    rows = rows[~(rows["price_rise_rate"] < LEAST_RISE)]
    first_to_pay = late.nlargest(most, "amount") if len(late) else rows.head(0)
    rows = rows[(rows["action"] != "reward") | ~rows["account_id"].isin(first_to_pay["account_id"])]
    kinds = [late, *(rows[rows["action"] == name] for name in ("reprice", "cut_cost", "reward"))]
    columns = ["action", "account_id", "account_name", "owner", "amount", "price_rise_rate", "oldest_days"]
    picked = [
        kind.sort_values(["amount", "account_id"], ascending=[False, True]).head(most).reindex(columns=columns)
        for kind in kinds
        if len(kind)
    ]
    table = pd.concat(picked, ignore_index=True) if picked else pd.DataFrame(columns=columns)
    days = pd.to_timedelta(table["action"].map(DUE_DAYS).astype(float), unit="D")
    table["due_date"] = pd.Timestamp(as_of) + days
    table["owner"] = table["owner"].fillna("unknown")
    return table


ACTION_COLOURS = {"collect": style.VERMILION, "reprice": style.ORANGE, "cut_cost": style.SKY, "reward": style.BLUE}


@chart("bar", x="amount", y="account_name", colour="action", size=(8, 5.6))
def plot_actions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the money at stake per account, grouped by action and due date, with what it takes and the owner."""
    ax = ax or style.new_axes(plot_actions.size)
    at = np.arange(len(table)) + 0.6 * table["action"].ne(table["action"].shift()).cumsum().to_numpy()
    for action, rows in table.groupby("action", sort=False):
        due = f"{rows['due_date'].iloc[0]:%Y-%m-%d}"
        label = say(None, f"{word(f'{action}_amount')}, by {due}", f"{word(f'{action}_amount')}，{due} 前")
        ax.barh(at[rows.index], rows["amount"], color=ACTION_COLOURS[action], label=label)
    for y, row in zip(at, table.itertuples(), strict=True):
        text = " · ".join([money(row.amount), *_why(row), word(row.owner)])
        ax.annotate(text, (row.amount, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(at, [short(name) for name in table["account_name"]], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, table["amount"].max() * 1.5)
    ax.locator_params(axis="x", nbins=6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(word("stake"))
    style.money_axis(ax.xaxis)
    ax.legend(loc="lower right", fontsize=8)
    return ax


def _why(row) -> list[str]:
    """What an action takes, to be said beside its amount: the price rise, or how old the oldest invoice is."""
    if row.action == "collect":
        return [say(None, f"{row.oldest_days:.0f} days", f"{row.oldest_days:.0f} 天")]
    return [f"+{share(row.price_rise_rate)}"] if row.action == "reprice" else []


def unmeasured(mart: pd.DataFrame) -> tuple[str, ...]:
    """Return which cost was never delivered: "orders.cogs", "service_costs", both or none."""
    lacking = {"orders.cogs": mart["cogs"].isna().all(), "service_costs": mart["cost_to_serve"].isna().all()}
    return tuple(name for name, lacks in lacking.items() if lacks)


def actions_claim(table: pd.DataFrame, lang: str | None = "en", *, lacking: tuple[str, ...] = ()) -> str:
    """Say how much each kind of action is about, and which could not be judged for want of cost (`unmeasured`)."""
    parts = []
    for action, rows in table.groupby("action", sort=False):
        amount, n = money(rows["amount"].sum(), lang), len(rows)
        parts.append(
            say(
                lang,
                f"{word(f'{action}_short', lang)} {amount} ({n})",
                f"{word(f'{action}_short', lang)} {amount}（{n} 个）",
            )
        )
    en, zh = "", ""
    if lacking:
        what = ("reprice", "cut_cost", "reward") if "orders.cogs" in lacking else ("cut_cost", "reward")
        listed = say(lang, ", ", "、").join(word(f"{action}_short", lang) for action in what)
        costs = say(lang, " and ", " 与 ").join(lacking)
        en, zh = f" Not judged: {listed}; this needs {costs}.", f"{listed}未作判断：需要 {costs}。"
    return say(lang, f"Next: {'; '.join(parts)}.{en}", f"下一步：{'；'.join(parts)}。{zh}")
