"""Won and lost: where do we win more often than elsewhere, and to whom and why do we lose?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats as sp

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, UNKNOWN, closed_within, few_rows, rate_dots, with_span
from kamlib.stats import wilson
from kamlib.words import money, number, say, share, word

NOBODY = "no_competitor"
RATES = (
    "n_open_deals n_won n_lost win_rate win_rate_low win_rate_high value_win_rate won_amount won_size cycle_days"
).split()


def win_rate_table(deals: pd.DataFrame, as_of: dt.date, *, by: str = "channel", months: int = 12) -> pd.DataFrame:
    """Compare the deals closed in the `months` up to `as_of` by a column of deals, or by "quarter" of closing.

    Columns: `by`, n_open_deals (now), n_won, n_lost, win_rate = n_won ÷ (n_won + n_lost) with its Wilson interval,
    value_win_rate (the same by amount; missing when most lost deals carry none), won_amount, won_size (mean amount of
    won deals) and cycle_days (median of won deals). Rows without a value are "unknown". Most closed deals first;
    quarters in order of time.
    """
    closed = _labelled(closed_within(deals, as_of, months), by)
    open_now = _labelled(deals[deals["status"] == "open"], by)[by].value_counts()
    rows = [_rates(name, group) for name, group in closed.groupby(by)]
    table = pd.DataFrame(rows, columns=[by, *RATES])
    if by == "quarter":
        return table.drop(columns="n_open_deals")
    table["n_open_deals"] = table[by].map(open_now).fillna(0).astype(int)
    order = (table["n_won"] + table["n_lost"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _labelled(deals: pd.DataFrame, by: str) -> pd.DataFrame:
    if by == "quarter":
        quarter = deals["closed_at"].dt.year.astype("Int64").astype(str) + " Q"
        return deals.assign(quarter=quarter + deals["closed_at"].dt.quarter.astype("Int64").astype(str))
    return deals.assign(**{by: deals[by].astype(object).where(deals[by].notna(), UNKNOWN)})


def _rates(name: str, closed: pd.DataFrame) -> tuple:
    won, lost = closed[closed["status"] == "won"], closed[closed["status"] == "lost"]
    low, high = wilson(len(won), len(closed))
    sums = won["amount"].sum(), lost["amount"].sum()
    priced = (lost["amount"] > 0).mean() >= 0.5 if len(lost) else True
    value_rate = sums[0] / sum(sums) if priced and sum(sums) > 0 else np.nan
    size = won.loc[won["amount"] > 0, "amount"].mean()
    cycle = (won["closed_at"] - won["created_at"]).dt.days.median()
    return name, 0, len(won), len(lost), len(won) / len(closed), low, high, value_rate, sums[0], size, cycle


@chart("dots", y="channel", x="win_rate", low="win_rate_low", high="win_rate_high")
def plot_win_rate(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw win rate with interval, average won deal and median cycle side by side, one row per value of column one."""
    ax = ax or style.new_axes()
    rates, sizes, cycles = style.panels(ax, 1, 3, sharey=True)[0]
    places = np.arange(len(table))
    closed = table["n_won"] + table["n_lost"]
    rate_dots(rates, table, "win_rate", places, style.BLUE)
    for rate, place in zip(table["win_rate"], places, strict=True):
        rates.annotate(share(rate), (rate, place), (0, 7), textcoords="offset points", ha="center", fontsize=8)
    overall = table["n_won"].sum() / closed.sum()
    style.reference_line(rates, overall, say(None, f"all {share(overall)}", f"总体 {share(overall)}"), axis="x")
    rates.xaxis.set_major_locator(MaxNLocator(3))
    for panel, column, text in ((sizes, "won_size", money), (cycles, "cycle_days", number)):
        panel.barh(places, table[column].fillna(0), color=style.SKY, height=0.5)
        style.bar_labels(panel, [text(value) for value in table[column]])
        panel.margins(x=0.3)
    sizes.xaxis.set_major_locator(MaxNLocator(3))
    style.money_axis(sizes.xaxis)
    for panel, column in zip((rates, sizes, cycles), ("win_rate", "won_size", "cycle_days"), strict=True):
        panel.set_xlabel(word(column))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    rates.set_yticks(places, [f"{word(v)}\n({n:,})" for v, n in zip(table.iloc[:, 0], closed, strict=True)])
    few_rows(rates, len(table))
    return rates


def win_rate_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the best and the worst when they differ more than chance explains (chi-squared, 5 %), else the whole."""
    won, lost = table["n_won"].sum(), table["n_lost"].sum()
    n = number(won + lost)
    if won + lost < FEWEST:
        return say(lang, f"Not enough data on win rates (n = {n}).", f"赢单率数据不足（n = {n}）。")
    large = table[(table.iloc[:, 0] != UNKNOWN) & (table["n_won"] + table["n_lost"] >= FEWEST)]
    if len(large) > 1 and _chance(large) < 0.05:
        best, worst = (large.loc[pick] for pick in (large["win_rate"].idxmax(), large["win_rate"].idxmin()))
        high, low = with_span(best, "win_rate", lang), with_span(worst, "win_rate", lang)
        return say(
            lang,
            f"{word(best.iloc[0], 'en')} wins {high} of its closed deals, {word(worst.iloc[0], 'en').lower()} {low}.",
            f"{word(best.iloc[0], 'zh')}赢单率 {high}，{word(worst.iloc[0], 'zh')}仅 {low}。",
        )
    bounds = dict(zip(("win_rate_low", "win_rate_high"), wilson(won, won + lost), strict=True))
    rate = with_span(pd.Series({"win_rate": won / (won + lost), **bounds}), "win_rate", lang)
    rest = _compared(table, large, lang)
    return say(lang, f"We win {rate} of {n} closed deals; {rest}.", f"{n} 个已结商机的赢单率为 {rate}；{rest}。")


def _compared(table: pd.DataFrame, large: pd.DataFrame, lang: str) -> str:
    """Say why no row stands out by its win rate, and who takes longest when that is known."""
    name = word(table.columns[0], lang)
    if (table.iloc[:, 0] == UNKNOWN).all():
        return say(lang, f"{name.lower()} is not recorded", f"未记录{name}")
    timed = large.dropna(subset="cycle_days")
    if len(timed) < 2:
        return say(lang, "not enough data to compare", "数据不足，无法比较")
    slow, fast = (timed.loc[pick] for pick in (timed["cycle_days"].idxmax(), timed["cycle_days"].idxmin()))
    long, short = number(slow["cycle_days"]), number(fast["cycle_days"])
    return say(
        lang,
        f"no difference beyond chance, but {word(slow.iloc[0], 'en').lower()} takes {long} days, {word(fast.iloc[0], 'en').lower()} {short}",
        f"各组差异未超出随机波动，但{word(slow.iloc[0], 'zh')}周期 {long} 天，{word(fast.iloc[0], 'zh')} {short} 天",
    )


def _chance(table: pd.DataFrame) -> float:
    """Return how often chance alone makes the win rates differ so much; 1 when all or none were won."""
    counts = table[["n_won", "n_lost"]].to_numpy()
    return float(sp.chi2_contingency(counts).pvalue) if (counts.sum(axis=0) > 0).all() else 1.0


def created_cohort_table(
    deals: pd.DataFrame, as_of: dt.date, *, horizon_days: int = 180, quarters: int = 8
) -> pd.DataFrame:
    """Return, by quarter of creation, what became of the deals within `horizon_days`: quarter, n_created, n_won, n_lost,
    n_still_open, won_share with its Wilson interval. Only quarters that ended at least that long ago, so that every deal
    was watched for the whole horizon. Unlike the win rate of deals closed, stale ones cannot flatter it."""
    limit = deals["created_at"] + pd.Timedelta(days=horizon_days)
    over = deals["closed_at"] <= limit
    rows = deals.assign(
        period=deals["created_at"].dt.to_period("Q"),
        won=over & (deals["status"] == "won"),
        lost=over & (deals["status"] == "lost"),
    )
    rows = rows[rows["period"].dt.end_time.dt.normalize() + pd.Timedelta(days=horizon_days) <= pd.Timestamp(as_of)]
    table = (
        rows.groupby("period")
        .agg(n_created=("deal_id", "size"), n_won=("won", "sum"), n_lost=("lost", "sum"))
        .tail(quarters)
    )
    table["n_still_open"] = table["n_created"] - table["n_won"] - table["n_lost"]
    table["won_share"] = table["n_won"] / table["n_created"]
    table["won_share_low"], table["won_share_high"] = wilson(table["n_won"], table["n_created"])
    table.insert(0, "quarter", [f"{period.year} Q{period.quarter}" for period in table.index])
    return table.reset_index(drop=True)


# --- losses -------------------------------------------------------------------------------------------------------

LOSSES = ["loss_reason", "competitor", "region", "n_deals", "lost_amount"]


def loss_table(deals: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, *, months: int = 24) -> pd.DataFrame:
    """Count the deals lost in the `months` up to `as_of` by reason, competitor and region of the account.

    Columns: loss_reason, competitor, region, n_deals, lost_amount; one row per combination that occurs, the reasons in
    order of lost amount. Missing reasons and regions are "unknown", a missing competitor "no_competitor".
    """
    lost = closed_within(deals, as_of, months).query("status == 'lost'")
    lost = lost.merge(accounts[["account_id", "region"]], on="account_id", how="left")
    keys = {"loss_reason": UNKNOWN, "competitor": NOBODY, "region": UNKNOWN}
    for key, missing in keys.items():
        lost[key] = lost[key].astype(object).where(lost[key].notna(), missing)
    table = lost.groupby(list(keys), as_index=False).agg(n_deals=("deal_id", "size"), lost_amount=("amount", "sum"))
    sums = table.groupby("loss_reason")[["lost_amount", "n_deals"]].transform("sum")
    order = table.assign(a=-sums["lost_amount"], b=-sums["n_deals"]).sort_values(["a", "b", *LOSSES[:3]])
    return order[LOSSES].reset_index(drop=True)


def loss_reasons(table: pd.DataFrame) -> pd.DataFrame:
    """Sum `loss_table` by reason: loss_reason, n_deals, deals_share, lost_amount, amount_share, cum_share, in order of
    lost amount (Pareto)."""
    rows = table.groupby("loss_reason", as_index=False, sort=False)[["n_deals", "lost_amount"]].sum()
    rows.insert(2, "deals_share", rows["n_deals"] / rows["n_deals"].sum())
    rows["amount_share"] = rows["lost_amount"] / rows["lost_amount"].sum() if rows["lost_amount"].sum() else np.nan
    return rows.assign(cum_share=rows["amount_share"].cumsum())


def hot_spot(table: pd.DataFrame, level: float = 0.05) -> pd.Series | None:
    """Return the competitor who wins for one reason in one region far more often than elsewhere, or None.

    Per combination: the chance of so many such losses in the region were they spread over all lost deals alike
    (hypergeometric), times the number of combinations tested (Bonferroni). The row has loss_reason, competitor, region,
    n_deals, n_region (lost deals there), rate there, elsewhere_rate and p.
    """
    known = table[(table["competitor"] != NOBODY) & (table["loss_reason"] != UNKNOWN) & (table["region"] != UNKNOWN)]
    if known.empty:
        return None
    total, in_region = table["n_deals"].sum(), table.groupby("region")["n_deals"].sum()
    pair = known.groupby(["loss_reason", "competitor"])["n_deals"].transform("sum")
    rows = known.assign(n_region=known["region"].map(in_region), n_pair=pair)
    tested = known.groupby(["loss_reason", "competitor"]).ngroups * len(in_region)
    rows["p"] = sp.hypergeom.sf(rows["n_deals"] - 1, total, rows["n_pair"], rows["n_region"]) * tested
    rows["here_rate"] = rows["n_deals"] / rows["n_region"]
    rows["elsewhere_rate"] = (rows["n_pair"] - rows["n_deals"]) / (total - rows["n_region"]).clip(lower=1)
    best = rows.sort_values(["p", *LOSSES[:3]]).iloc[0]
    return best if best["p"] < level else None


@chart("stacked_bar", y="loss_reason", x="lost_amount", colour="competitor", size=(10.5, 4.6))
def plot_losses(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 4) -> Axes:
    """Draw lost amount by reason, split by the `top_n` competitors, beside competitor × region for one reason: that of
    the hot spot, else the costliest."""
    ax = ax or style.new_axes((10.5, 4.6))
    bars, grid = style.panels(ax, 1, 2)[0]
    _plot_reasons(bars, table, top_n)
    spot = hot_spot(table)
    _plot_regions(grid, table, table["loss_reason"].iloc[0] if spot is None else spot["loss_reason"])
    return bars


def _plot_reasons(ax: Axes, table: pd.DataFrame, top_n: int) -> None:
    measure = "lost_amount" if table["lost_amount"].sum() > 0 else "n_deals"
    reasons = loss_reasons(table)
    named = table[table["competitor"] != NOBODY].groupby("competitor")[measure].sum()
    top = named.sort_values(ascending=False, kind="stable").index[:top_n]
    competitor = table["competitor"].where(table["competitor"].isin([*top, NOBODY]), "other")
    wide = table.assign(competitor=competitor).pivot_table(
        index="loss_reason", columns="competitor", values=measure, aggfunc="sum", fill_value=0
    )
    wide = wide.reindex(reasons["loss_reason"])
    order = [name for name in (*top, "other", NOBODY) if name in wide]
    colours = [*style.CYCLE[: len(top)], *[style.GREY] * ("other" in order), style.PALE]
    places, left = np.arange(len(wide)), np.zeros(len(wide))
    for name, colour in zip(order, colours, strict=False):
        ax.barh(places, wide[name], left=left, color=colour, height=0.65, label=word(name))
        left = left + wide[name].to_numpy()
    for place, row in zip(places, reasons.itertuples(), strict=True):
        text = f" {row.n_deals:,} ({share(row.deals_share)})" + (
            f" · Σ {share(row.cum_share)}" if measure == "lost_amount" else ""
        )
        ax.text(left[place], place, text, va="center", fontsize=8)
    ax.set_yticks(places, [word(reason) for reason in wide.index])
    few_rows(ax, len(wide))
    ax.margins(x=0.32)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(word(measure))
    if measure == "lost_amount":
        style.money_axis(ax.xaxis)
    else:
        ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.legend(fontsize=8, loc="lower right", title=word("competitor"), title_fontsize=8)


def _plot_regions(ax: Axes, table: pd.DataFrame, reason: str) -> None:
    part = table[table["loss_reason"] == reason]
    few = part.groupby("region")["n_deals"].sum().sort_values(ascending=False, kind="stable").index[6:]
    part = part.assign(region=part["region"].mask(part["region"].isin(few), "other"))
    wide = part.pivot_table(index="competitor", columns="region", values="n_deals", aggfunc="sum", fill_value=0)
    named = wide.drop(index=NOBODY, errors="ignore").sum(axis=1).sort_values(ascending=False, kind="stable").index[:8]
    columns = wide.sum().sort_values(ascending=False, kind="stable").index.drop("other", errors="ignore")
    wide = wide.loc[[*named, *wide.index.intersection([NOBODY])], [*columns, *wide.columns.intersection(["other"])]]
    style.heat_map(ax, wide, wide)
    for label in ax.get_xticklabels():
        label.set(rotation=35, ha="right", rotation_mode="anchor")
    ax.set_title(say(None, f"Deals lost: {word(reason).lower()}", f"输单数：{word(reason)}"), fontsize=10)


def loss_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the costliest reason, and the competitor and region behind it when chance does not explain them."""
    reasons = loss_reasons(table)
    top, n = reasons.iloc[0], table["n_deals"].sum()
    if n < FEWEST:
        return say(lang, f"Not enough data on lost deals (n = {n}).", f"输单数据不足（n = {n}）。")
    if top["loss_reason"] == UNKNOWN and len(reasons) == 1:
        return say(
            lang, f"No reason is recorded for the {number(n)} deals lost.", f"{number(n)} 个输单商机均未记录输单原因。"
        )
    spot = hot_spot(table)
    if spot is None:
        top = reasons[reasons["loss_reason"] != UNKNOWN].iloc[0]
        amount = money(top["lost_amount"], lang)
        return say(
            lang,
            f"{word(top['loss_reason'], 'en')} costs most: {amount} in {number(top['n_deals'])} of {number(n)} lost deals.",
            f"损失最大的输单原因是{word(top['loss_reason'], 'zh')}：{number(n)} 个输单中占 {number(top['n_deals'])} 个，金额 {amount}。",
        )
    reason, region = word(spot["loss_reason"], lang), word(spot["region"], lang)
    here, there = share(spot["here_rate"]), share(spot["elsewhere_rate"])
    k, m = number(spot["n_deals"]), number(spot["n_region"])
    return say(
        lang,
        f"{spot['competitor']} beats us on {reason.lower()} in {region}: {k} of {m} lost deals ({here}), {there} elsewhere.",
        f"{spot['competitor']}在{region}凭“{reason}”胜出：当地 {m} 个输单中占 {k} 个（{here}），其他地区仅 {there}。",
    )
