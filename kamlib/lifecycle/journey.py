"""Journey: how many accounts are in each lifecycle state, how do they move on, and how many come back?

Tables here rest on the spells of `kamlib.lifecycle`; each month-end is seen with what was known on that day.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.lifecycle import BUYING, CUSTOMERS, STATES, states_on
from kamlib.settings import Settings
from kamlib.words import say, share, word

COLOURS = {
    "loyal": style.BLUE, "repeat": style.SKY, "first_purchase": style.GREEN, "won_back": style.PURPLE,
    "dormant": style.ORANGE, "churned": style.VERMILION, "prospect": style.PALE,
}  # fmt: skip
"""States in stacking order, the firm ground first."""


# --- How many accounts are in each state? --------------------------------------------------------------------------


def state_counts_table(spells: pd.DataFrame, as_of: dt.date, settings: Settings, *, months: int = 36) -> pd.DataFrame:
    """Count the accounts in each state at every month-end of the last `months` months, and on `as_of`.

    One row per date and state, none left out: month_end, state, n_accounts, state_share (of all accounts on file then),
    immature (who left by then may not be known yet: less than the floor of τ2 before `as_of`), warming_up (the data are
    too young for anybody to have earned the name loyal).
    """
    bought = spells[spells["state"] != "prospect"]
    if bought.empty:
        columns = ["month_end", "state", "n_accounts", "state_share", "immature", "warming_up"]
        return pd.DataFrame(columns=columns)
    opening = bought["start"].min()
    dates = month_ends(opening, as_of)[-months:]
    counts = [states_on(spells, day).value_counts().reindex(STATES, fill_value=0).rename(day) for day in dates]
    wide = pd.DataFrame(counts).rename_axis(index="month_end", columns="state")
    table = wide.stack().rename("n_accounts").reset_index()
    table["state_share"] = table["n_accounts"] / table.groupby("month_end")["n_accounts"].transform("sum")
    rules = settings.lifecycle
    table["immature"] = table["month_end"] + pd.Timedelta(days=rules.lost_floor_days) > pd.Timestamp(as_of)
    table["warming_up"] = table["month_end"] < opening + pd.Timedelta(days=rules.loyal_tenure_days)
    return table


def month_ends(first: dt.date, as_of: dt.date) -> pd.DatetimeIndex:
    """Return the month-ends from `first` to `as_of`, and `as_of` itself as the last."""
    ends = pd.date_range(pd.Timestamp(first), pd.Timestamp(as_of), freq="ME")
    return ends.union([pd.Timestamp(as_of)])


@chart("stacked_column", x="month_end", y="n_accounts", colour="state", size=(9, 4.8))
def plot_state_counts(table: pd.DataFrame, ax: Axes | None = None, *, months: int = 36) -> Axes:
    """Stack the states month by month; months that cannot be known in full are veiled. Newest counts at the right."""
    ax = ax or style.new_axes(plot_state_counts.size)
    wide = table.pivot(index="month_end", columns="state", values="n_accounts").iloc[-months:]
    flags = table.groupby("month_end")[["immature", "warming_up"]].first().reindex(wide.index)
    at, base = np.arange(len(wide)), np.zeros(len(wide))
    for state, colour in COLOURS.items():
        ax.bar(at, wide[state], bottom=base, width=0.9, color=colour)
        base = base + wide[state].to_numpy()
    for flag, veil in (("immature", "///"), ("warming_up", "")):
        marked = flags[flag].to_numpy(bool)
        ax.bar(at[marked], base[marked], width=0.9, fc=(1, 1, 1, 0.35), ec=(1, 1, 1, 0.8), hatch=veil, lw=0)
        if marked.any():
            text = style.wrapped(word(flag))
            ax.annotate(
                text, (at[marked].mean(), base.max()), (0, 4), textcoords="offset points", ha="center", fontsize=8
            )
    ax.margins(y=0.12)
    _quarter_ticks(ax, wide.index)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(say(None, "accounts on file", "在册客户数"))
    handles = [Patch(color=c, label=f"{word(s)}  {wide[s].iloc[-1]}") for s, c in reversed(COLOURS.items())]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return ax


def _quarter_ticks(ax: Axes, days: pd.DatetimeIndex) -> None:
    shown = [i for i, day in enumerate(days) if day.month in (3, 6, 9, 12) and day.is_month_end or i == len(days) - 1]
    ax.set_xticks(shown, [f"{days[i]:%Y-%m}" for i in shown], rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", labelsize=8)


def state_counts_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts buy, are silent and are lost, and how that was a year before."""
    wide = table.pivot(index="month_end", columns="state", values="n_accounts")
    now, n = wide.iloc[-1], int(wide.iloc[-1].sum())
    buying = int(now[list(BUYING)].sum())
    en, zh = (
        f"{buying:,} of {n:,} accounts buy ({now['loyal']} loyal)",
        f"{n:,} 个客户中 {buying:,} 个在购（忠诚 {now['loyal']} 个）",
    )
    if wide["dormant"].any():  # five states know no dormant account
        en, zh = f"{en}, {now['dormant']} are dormant", f"{zh}，沉默 {now['dormant']} 个"
    en, zh = f"{en}, {now['churned']} are lost", f"{zh}，流失 {now['churned']} 个"
    earlier = wide[wide.index <= wide.index[-1] - pd.DateOffset(years=1)]
    if len(earlier):
        then = earlier.iloc[-1]
        bought = int(then[list(BUYING)].sum())
        en, zh = (
            f"{en}; a year before {bought} bought, {then['churned']} were lost",
            f"{zh}；一年前在购 {bought} 个，流失 {then['churned']} 个",
        )
    return say(lang, f"{en}.", f"{zh}。")


# --- How do accounts move? -----------------------------------------------------------------------------------------


def transition_table(spells: pd.DataFrame, as_of: dt.date, *, months: int = 3, steps: int = 8) -> pd.DataFrame:
    """Count the moves between states over `steps` steps of `months` months that end with the last full month.

    One row per pair of states whose first was held by any account: state_from, state_to, n_moves, n_from (accounts in
    state_from at the start of a step, summed over the steps), transition_rate with its interval (Dirichlet, prior 1/K),
    n_months (in a step).
    An account counts once per step, so the rows of one account are not independent: read the intervals as a minimum.
    """
    moves = moves_made(spells, as_of, months=months, steps=steps)
    counts = pd.crosstab(moves["state_from"], moves["state_to"]).reindex(index=STATES, columns=STATES, fill_value=0)
    counts = counts[counts.sum(axis=1) > 0]
    low, high = stats.dirichlet_interval(counts.to_numpy().reshape(-1, len(STATES)))
    table = counts.rename_axis(index="state_from", columns="state_to").stack().rename("n_moves").reset_index()
    table["n_from"] = table.groupby("state_from")["n_moves"].transform("sum")
    table["transition_rate"] = table["n_moves"] / table["n_from"]
    return table.assign(transition_rate_low=low.ravel(), transition_rate_high=high.ravel(), n_months=months)


def step_ends(spells: pd.DataFrame, as_of: dt.date, *, months: int, steps: int) -> list[pd.Timestamp]:
    """Return the month-ends that bound the last `steps` steps, the last full month's end last; none before the first order."""
    last = pd.Timestamp(as_of) + pd.offsets.Day(1) - pd.offsets.MonthEnd(1)
    bought = spells.loc[spells["state"] != "prospect", "start"]
    dates = [last - pd.offsets.MonthEnd(months * step) for step in range(steps, -1, -1)]
    return [day for day in dates if len(bought) and day >= bought.min()]


def moves_made(spells: pd.DataFrame, as_of: dt.date, *, months: int = 3, steps: int = 8) -> pd.DataFrame:
    """Return one row per account and step: step (its last day), account_id, state_from, state_to."""
    dates = step_ends(spells, as_of, months=months, steps=steps)
    pairs = [
        pd.concat([states_on(spells, a), states_on(spells, b)], axis=1, keys=["state_from", "state_to"]).dropna()
        for a, b in zip(dates, dates[1:], strict=False)
    ]
    moves = (
        pd.concat(pairs, keys=dates[1:], names=["step", "account_id"])
        if pairs
        else pd.DataFrame(columns=["step", "account_id", "state_from", "state_to"])
    )
    return moves.reset_index() if pairs else moves


@chart("heatmap", x="state_to", y="state_from", colour="transition_rate", size=(8, 4.8))
def plot_transitions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the matrix, from the state at the left to the state at the top, with rate and count in each cell."""
    ax = ax or style.new_axes(plot_transitions.size)
    rows = [state for state in STATES if state in set(table["state_from"])]
    wide = table.pivot(index="state_from", columns="state_to").reindex(rows)
    rate, count = wide["transition_rate"][list(STATES)], wide["n_moves"][list(STATES)]
    texts = rate.map(share) + "\n" + count.astype(str)
    style.heat_map(ax, rate.where(count > 0), texts, high=1)
    totals = table.groupby("state_from")["n_from"].first()
    ax.set_yticks(range(len(rows)), [f"{word(state)} (n = {totals[state]})" for state in rows])
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, labelsize=9)
    ax.set_ylabel(word("state_from"))
    ax.set_xlabel(say(None, "to (one step later)", "一期之后的状态"))
    ax.xaxis.set_label_position("top")
    return ax


def transitions_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many dormant accounts buy again and how many are lost one step later."""
    rows, step = table[table["state_from"] == "dormant"], int(table["n_months"].iloc[0])
    if rows.empty:
        return _buyers_lost(table, step, lang)
    n, moves = int(rows["n_from"].iloc[0]), rows.set_index("state_to")["n_moves"]
    back, lost = int(moves[list(BUYING)].sum()), int(moves["churned"])
    low, high = stats.wilson(back, n)
    return say(
        lang,
        f"Within {step} month{'s' * (step > 1)} {share(back / n)} of dormant accounts buy again "
        f"(95 % interval {share(low)} to {share(high)}, n = {n}); {share(lost / n)} are lost.",
        f"{step} 个月后，{share(back / n)} 的沉默客户恢复购买（95 % 区间 {share(low)}～{share(high)}，n = {n}），"
        f"{share(lost / n)} 流失。",
    )


def _buyers_lost(table: pd.DataFrame, step: int, lang: str | None) -> str:
    rows = table[table["state_from"].isin(BUYING)]
    n, k = int(rows["n_moves"].sum()), int(rows.loc[rows["state_to"] == "churned", "n_moves"].sum())
    low, high = stats.wilson(k, n)
    return say(
        lang,
        f"Within {step} month{'s' * (step > 1)} {share(k / n if n else np.nan)} of buying accounts are lost (95 % interval {share(low)} to {share(high)}, n = {n}).",
        f"{step} 个月后，{share(k / n if n else np.nan)} 的在购客户流失（95 % 区间 {share(low)}～{share(high)}，n = {n}）。",
    )


def ordered_in_year(order_days: pd.DataFrame, rows: pd.DataFrame, day: str, *, after: bool) -> pd.Series:
    """Return for each row (account_id and the date column `day`) what it ordered in the 12 months up to that day, or
    with `after` from that day on; both include the day itself."""
    year = pd.DateOffset(months=12)
    numbered = rows.reset_index(drop=True).reset_index()[["index", "account_id", day]]
    pairs = numbered.merge(order_days[["account_id", "order_date", "amount"]], on="account_id")
    start = pairs[day] if after else pairs[day] - year + pd.Timedelta(days=1)
    end = pairs[day] + year - pd.Timedelta(days=1) if after else pairs[day]
    inside = pairs[pairs["order_date"].between(start, end)]
    sums = inside.groupby("index")["amount"].sum().reindex(numbered["index"], fill_value=0.0)
    return sums.set_axis(rows.index)


# --- The rates that describe a lifecycle ---------------------------------------------------------------------------


def rates_table(spells: pd.DataFrame, surveys: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the four lifecycle rates for the 12 months up to `as_of` and the 12 before, with counts and intervals.

    One row per rate and period: rate ("conversion": prospects at the start that bought; "satisfaction": accounts whose
    mean answer is 4 or more; "loyalty": loyal among customers at the end; "churn": customers at the start that were
    lost at the end), period_end, n_accounts (the denominator), n_hits, lifecycle_rate with its Wilson interval.
    """
    rows = []
    for years in (0, 1):
        end = pd.Timestamp(as_of) - pd.DateOffset(years=years)
        start = end - pd.DateOffset(years=1)
        rows += [(name, end, *hits) for name, hits in _rates(spells, surveys, start, end).items()]
    table = pd.DataFrame(rows, columns=["rate", "period_end", "n_accounts", "n_hits"])
    table["lifecycle_rate"] = table["n_hits"] / table["n_accounts"].where(table["n_accounts"] > 0)
    low, high = stats.wilson(table["n_hits"], table["n_accounts"])
    return table.assign(lifecycle_rate_low=low, lifecycle_rate_high=high).sort_values("rate", kind="stable")


def _rates(spells: pd.DataFrame, surveys: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> dict:
    then, now = states_on(spells, start), states_on(spells, end)
    later = now.reindex(then.index)
    answered = surveys[(surveys["answered_at"] > start) & (surveys["answered_at"] <= end)]
    score = answered.groupby("account_id")["overall"].mean().dropna()
    return {
        "conversion": (int((then == "prospect").sum()), int(((then == "prospect") & (later != "prospect")).sum())),
        "satisfaction": (len(score), int((score >= 4).sum())),
        "loyalty": (int(now.isin(CUSTOMERS).sum()), int((now == "loyal").sum())),
        "churn": (int(then.isin(CUSTOMERS).sum()), int((then.isin(CUSTOMERS) & (later == "churned")).sum())),
    }
