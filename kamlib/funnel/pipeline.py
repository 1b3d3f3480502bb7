"""Pipeline: which deals are open now, which of them wait unusually long, and which need a hand today?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import UNKNOWN, closed_within, days_between, exact, few_rows, ladder, longest_cycle, stage_visits
from kamlib.funnel.bottleneck import PROMPT_DAYS
from kamlib.settings import Stage
from kamlib.words import money, number, say, share, word

FEWEST_STAYS = 5
"""Won deals a stage needs before its own times are the yardstick; with fewer it is the whole cycle."""


# --- ageing -------------------------------------------------------------------------------------------------------

AGEING = (
    "deal_id deal_name account_id owner stage amount probability created_at age_days wait_days wait_days_low wait_days_high "
    "usual_days usual_days_low usual_days_high quiet_days "
    "is_slow is_stale next_step next_step_due overdue_days expected_close"
).split()


def ageing_table(
    deals: pd.DataFrame, history: pd.DataFrame, activities: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date
) -> pd.DataFrame:
    """Return one row per open deal with how long it waits and how long won deals did.

    wait_days: since it entered its stage; usual_days: the 75th percentile of the stays of won deals in that stage.
    Where fewer than five of those are known both count from creation instead, over the whole cycle, if five of that are.
    Entries read off snapshots have two bounds: wait_days and usual_days are the middle, `_low` and `_high` the shortest
    and longest they can be. quiet_days: since the last activity on the deal. is_slow: waiting longer than usual;
    is_stale: older than any deal ever was when it closed; overdue_days: next step past due.
    """
    today = pd.Timestamp(as_of)
    stays = stage_visits(deals, history, stages)
    table = deals[deals["status"] == "open"].copy()
    table["stage"] = table["stage"].astype(object).where(table["stage"].notna(), UNKNOWN)
    touched = activities.groupby("deal_id")["happened_at"].max()
    for column, since in (
        ("age_days", table["created_at"]),
        ("quiet_days", _of_deals(table, touched)),
        ("overdue_days", table["next_step_due"]),
    ):
        table[column] = (today - since.dt.normalize()).dt.days
    _add_waits(table, stays, deals, today)
    table["is_slow"] = table["wait_days"] > table["usual_days"]
    table["is_stale"] = table["age_days"] > longest_cycle(deals)
    table["overdue_days"] = table["overdue_days"].where(table["overdue_days"] > 0)
    return table[AGEING].sort_values("deal_id", ignore_index=True)


def _add_waits(table: pd.DataFrame, stays: pd.DataFrame, deals: pd.DataFrame, today: pd.Timestamp) -> None:
    """Add wait_days and usual_days with their bounds: in the stage where that is known, else since creation."""
    last = stays.drop_duplicates("deal_id", keep="last").set_index("deal_id")
    entered, after = (_of_deals(table, last[name]) for name in ("entered_at", "entered_after"))
    waits = days_between(entered, pd.Series(today, table.index), after, exact(table.index))
    won = deals[deals["status"] == "won"]
    cycle = (won["closed_at"] - won["created_at"]).dt.days
    whole = cycle.quantile(0.75) if cycle.count() >= FEWEST_STAYS else np.nan
    usual = usual_stays(stays).reindex(table["stage"]).set_index(table.index)
    known = usual["days"].notna() & entered.notna()
    for end in ("", "_low", "_high"):
        table[f"wait_days{end}"] = waits[f"days{end}"].where(known, table["age_days"])
        table[f"usual_days{end}"] = usual[f"days{end}"].where(known, whole)


def _of_deals(table: pd.DataFrame, dates: pd.Series) -> pd.Series:
    return pd.Series(dates.reindex(table["deal_id"]).to_numpy(), table.index)


def usual_stays(stays: pd.DataFrame, share: float = 0.75) -> pd.DataFrame:
    """Return how long `share` of the won deals stayed in each stage at most: days_low, days, days_high by stage, for
    stages with at least five such stays."""
    won = stays[(stays["status"] == "won") & stays["until"].notna()]
    days = days_between(won["entered_at"], won["until"], won["entered_after"], won["until_after"])
    by_stage = days.groupby(won["stage"])
    return by_stage.quantile(share)[by_stage.size() >= FEWEST_STAYS]


def ageing_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many open deals are older than any deal that was ever closed."""
    dated, stale = table["age_days"].notna().sum(), int(table["is_stale"].sum())
    return say(
        lang,
        f"{number(stale)} of {number(dated)} dated open deals are older than any deal ever was when it closed.",
        f"{number(dated)} 个有创建日期的进行中商机里，{number(stale)} 个已超过历史上最长的结单周期。",
    )


# --- stock --------------------------------------------------------------------------------------------------------

STOCK = (
    "stage stage_group n_deals deals_share amount amount_share n_without_amount n_slow n_slow_low n_slow_high slow_amount "
    "n_stale"
).split()


def stock_table(ageing: pd.DataFrame, stages: Sequence[Stage], *, level: str = "stage") -> pd.DataFrame:
    """Count the open deals of `ageing_table` by stage, or with `level="group"` by the group of its stage.

    In the order of the pipeline; stages that `kam.toml` does not name come last. Columns: stage, stage_group, n_deals,
    deals_share, amount, amount_share, n_without_amount, n_slow (waiting longer than usual; where entries are known within
    bounds only, n_slow_low are surely so and n_slow_high possibly), slow_amount, n_stale. A stock, not a conversion.
    """
    rungs, groups = ladder(stages, level), ladder(stages, "group")
    rows = ageing.assign(
        stage_group=ageing["stage"].map(groups).fillna(UNKNOWN),
        stage=ageing["stage"].map(rungs).fillna(ageing["stage"]),
        amount=ageing["amount"].fillna(0),
        empty=~(ageing["amount"] > 0),
        surely=ageing["wait_days_low"] > ageing["usual_days_high"],
        possibly=ageing["wait_days_high"] > ageing["usual_days_low"],
    )
    rows["slow_amount"] = rows["amount"].where(rows["is_slow"], 0.0)
    table = rows.groupby(["stage", "stage_group"], as_index=False).agg(
        n_deals=("deal_id", "size"),
        amount=("amount", "sum"),
        n_without_amount=("empty", "sum"),
        n_slow=("is_slow", "sum"),
        n_slow_low=("surely", "sum"),
        n_slow_high=("possibly", "sum"),
        slow_amount=("slow_amount", "sum"),
        n_stale=("is_stale", "sum"),
    )
    table["deals_share"] = table["n_deals"] / table["n_deals"].sum()
    total = table["amount"].sum()
    table["amount_share"] = table["amount"] / total if total else np.nan
    order = {rung: place for place, rung in enumerate(dict.fromkeys(rungs.values()))}
    place = table["stage"].map(order).fillna(len(order))
    return table.loc[place.sort_values(kind="stable").index, STOCK].reset_index(drop=True)


def group_table(
    ageing: pd.DataFrame, deals: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date, *, months: int = 12
) -> pd.DataFrame:
    """Return the four groups of the four-step funnel: the open deals of today by group, and as the last one those
    won in the `months` up to `as_of`. Columns: stage_group, n_deals, deals_share, amount, amount_share."""
    closed = closed_within(deals, as_of, months)
    won = closed[closed["status"] == "won"]
    rows = stock_table(ageing, stages, level="group")[["stage_group", "n_deals", "amount"]]
    rows.loc[len(rows)] = ["won_customers", len(won), won["amount"].sum()]
    for name in ("n_deals", "amount"):
        total = rows[name].sum()
        rows[f"{name.removeprefix('n_')}_share"] = rows[name] / total if total else np.nan
    return rows[["stage_group", "n_deals", "deals_share", "amount", "amount_share"]]


@chart("bar", y="stage", x="amount", label="n_deals", size=(9, 4.2))
def plot_stock(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw number and amount of open deals per stage; the dark part waits longer than three quarters of won deals."""
    ax = ax or style.new_axes()
    measures = [("n_deals", "n_slow", number)]
    if table["amount"].sum() > 0:
        measures.append(("amount", "slow_amount", money))
    panels = style.panels(ax, 1, len(measures), sharey=True)[0]
    places = np.arange(len(table))
    for panel, (whole, slow, text) in zip(panels, measures, strict=True):
        panel.barh(places, table[whole], color=style.SKY, height=0.62)
        panel.barh(places, table[slow], color=style.ORANGE, height=0.62, label=word("n_slow"))
        style.bar_labels(panel, [text(value) for value in table[whole]])
        panel.margins(x=0.2)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.set_xlabel(say(None, "Open deals", "进行中商机数") if whole == "n_deals" else word(whole))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    if len(panels) > 1:
        style.money_axis(panels[1].xaxis)
    labels = [
        word(stage) if stage == group else f"{word(stage)}\n{word(group)}"
        for stage, group in zip(table["stage"], table["stage_group"], strict=True)
    ]
    panels[0].set_yticks(places, labels)
    few_rows(panels[0], len(table))
    panels[-1].legend(loc="lower right", fontsize=8)
    return panels[0]


def stock_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many deals are open, what they are worth and how many wait unusually long."""
    n, slow, amount = table["n_deals"].sum(), table["n_slow"].sum(), table["amount"].sum()
    low, high = table["n_slow_low"].sum(), table["n_slow_high"].sum()
    worth, part = money(amount, lang), share(slow / n)
    if low < high:  # entries read off snapshots
        part = say(lang, f"{part}; between {low} and {high}", f"{part}；在 {low} 与 {high} 之间")
    en = f"{number(n)} deals{f' worth {worth}' if amount else ''} are open"
    zh = f"进行中商机 {number(n)} 个{f'，金额 {worth}' if amount else ''}"
    if not slow:
        return say(lang, f"{en}.", f"{zh}。")
    return say(
        lang,
        f"{en}; {number(slow)} ({part}) wait longer than three quarters of won deals did.",
        f"{zh}；其中 {number(slow)} 个（{part}）停留时间超过四分之三的赢单商机。",
    )


# --- actions ------------------------------------------------------------------------------------------------------

ACTIONS = (
    "deal_id deal_name account_name owner stage amount weighted_amount wait_days usual_days quiet_days overdue_days "
    "next_step action act_by"
).split()


def action_table(
    ageing: pd.DataFrame, weighted: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date,
    *, top_n: int = 5, within_days: int = 7,
) -> pd.DataFrame:  # fmt: skip
    """Return the `top_n` open deals with the most to win among those that wait unusually long or whose step is late.

    weighted_amount is the amount at the rate fitted for its stage (`weighted_table`). Stale deals, which nobody has yet
    seen close, are not in it: they want tidying, not chasing. action: "do_overdue_step" when the next step is past due,
    "agree_next_step" when there is none, "follow_up" when nobody was in touch for two weeks, else "decide_or_close";
    act_by: by when, `within_days` after `as_of`.
    """
    rows = ageing[(ageing["is_slow"] | ageing["overdue_days"].notna()) & ~ageing["is_stale"]].copy()
    rate = dict(zip(weighted["stage"], weighted["fitted_rate"], strict=True))
    rows["weighted_amount"] = rows["amount"] * rows["stage"].map(rate)
    names = accounts.set_index("account_id")["account_name"].reindex(rows["account_id"]).to_numpy()
    rows["account_name"] = pd.Series(names, rows.index, dtype=object).fillna(UNKNOWN)
    planned = np.where(rows["quiet_days"] > PROMPT_DAYS, "follow_up", "decide_or_close")
    planned = np.where(rows["next_step_due"].isna(), "agree_next_step", planned)
    rows["action"] = np.where(rows["overdue_days"].notna(), "do_overdue_step", planned)
    rows["act_by"] = pd.Timestamp(as_of) + pd.Timedelta(days=within_days)
    order = rows.assign(worth=rows["weighted_amount"].fillna(0), wait=rows["wait_days"].fillna(0))
    order = order.sort_values(["worth", "wait", "deal_id"], ascending=[False, False, True])
    return order.head(top_n)[ACTIONS].reset_index(drop=True)


def stale_table(ageing: pd.DataFrame) -> pd.DataFrame:
    """Sum the stale deals by owner, most first: owner, n_stale, amount, age_days (on average)."""
    stale = ageing[ageing["is_stale"]].assign(owner=lambda rows: rows["owner"].astype(object).fillna(UNKNOWN))
    table = stale.groupby("owner", as_index=False).agg(
        n_stale=("deal_id", "size"), amount=("amount", "sum"), age_days=("age_days", "mean")
    )
    return table.sort_values(["n_stale", "amount", "owner"], ascending=[False, False, True], ignore_index=True)


@chart("bar", y="deal_name", x="weighted_amount", label="action")
def plot_actions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what is at stake per deal, with account and owner, why now and what to do."""
    ax = ax or style.new_axes()
    places = np.arange(len(table))
    measure = "weighted_amount" if table["weighted_amount"].sum() > 0 else "wait_days"
    ax.barh(places, table[measure].fillna(0), color=style.BLUE, height=0.55)
    worth = [f"{money(value)} · " if value > 0 else "" for value in table["weighted_amount"]]
    style.bar_labels(
        ax, [f"{w}{_why(row)}\n{word(row.action)}" for w, row in zip(worth, table.itertuples(), strict=True)]
    )
    ax.set_yticks(places, [f"{word(row.account_name)}\n{row.deal_name} · {row.owner}" for row in table.itertuples()])
    few_rows(ax, len(table))
    ax.margins(x=0.75)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    if measure == "weighted_amount":
        style.money_axis(ax.xaxis)
    ax.set_xlabel(word(measure))
    return ax


def _why(row) -> str:
    waits, usual, late = number(row.wait_days), number(row.usual_days), number(row.overdue_days)
    if row.overdue_days == row.overdue_days:
        return say(None, f"next step {late} days late", f"下一步已逾期 {late} 天")
    return say(None, f"waits {waits} days, usual {usual}", f"已停留 {waits} 天，通常 {usual} 天")


def action_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many deals to act on, what they are worth and who should begin."""
    first, total, n = table.iloc[0], table["weighted_amount"].sum(), len(table)
    account, by = word(first["account_name"], lang), f"{first['act_by']:%Y-%m-%d}"
    one = n == 1
    en = f"hold{'s' * one} {money(total, lang)} of weighted pipeline" if total else f"need{'s' * one} a hand"
    zh = f"涉及加权金额 {money(total, lang)}" if total else "需要处理"
    return say(
        lang,
        f"{n} stalled deal{'' if one else 's'} {en}; {first['owner']} starts with {account}, by {by}.",
        f"{n} 个停滞商机{zh}；{first['owner']}应先跟进{account}，{by} 前完成。",
    )
