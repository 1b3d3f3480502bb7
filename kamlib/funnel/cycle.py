"""Cycle and velocity: how long until a deal is decided, and how much revenue does the pipeline yield per day?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import closed_within, population, window_start
from kamlib.models.competing_risks import cumulative_incidence, share_at, time_until
from kamlib.stats import wilson
from kamlib.words import money, number, say, share, word

FEWEST_WON = 5
"""Won deals below which a claim gives no quartiles."""


def cycle_table(deals: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the shares of all dated deals that are won, lost and still open so many days after creation.

    Open deals are censored at `as_of`: neither lost nor left out. One row per day on which a deal closed or was last
    seen; columns of `competing_risks.cumulative_incidence`: day, n_at_risk, n_won, n_lost, n_censored, open_share,
    won_share, lost_share, the shares with `_low` and `_high`.
    """
    dated = deals.dropna(subset="created_at")
    days = (dated["closed_at"].fillna(pd.Timestamp(as_of)) - dated["created_at"]).dt.days
    return cumulative_incidence(days, dated["status"])


def cycle_quartiles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cycle of closed deals from `cycle_table`, won and lost apart: status, n_deals, q1_days, median_days,
    q3_days, average_days, longest_days. Open deals are not in it, so it understates how long deals take."""
    rows = []
    for status in ("won", "lost"):
        days = np.repeat(table["day"], table[f"n_{status}"])
        spread = np.percentile(days, [25, 50, 75]) if len(days) else [np.nan] * 3
        rows.append((status, len(days), *spread, days.mean(), days.max()))
    return pd.DataFrame(rows, columns="status n_deals q1_days median_days q3_days average_days longest_days".split())


def last_close(table: pd.DataFrame) -> int:
    """Return the age in days of the oldest deal that was ever closed; beyond it the data decide nothing."""
    closed = table.loc[table["n_won"] + table["n_lost"] > 0, "day"]
    return int(closed.max()) if len(closed) else 0


@chart("area", x="day", y=["won_share", "lost_share", "open_share"])
def plot_cycle(table: pd.DataFrame, ax: Axes | None = None, *, last_day: int = 365) -> Axes:
    """Stack the shares won, lost and still open by days since creation; deals at risk stand under the axis."""
    ax = ax or style.new_axes()
    end = min(last_day, max(last_close(table), 1))
    start = pd.DataFrame({"day": [0], "won_share": [0.0], "lost_share": [0.0], "open_share": [1.0]})
    shown = pd.concat([start, table[table["day"] <= end]])
    shown = pd.concat([shown, shown.iloc[[-1]].assign(day=end)])
    below = 0 * shown["won_share"]
    for name, colour in (("won_share", style.BLUE), ("lost_share", style.VERMILION), ("open_share", style.PALE)):
        above = below + shown[name]
        ax.fill_between(shown["day"], below, above, step="post", color=colour, lw=0)
        text, middle = f"{word(name)}\n{share(shown[name].iloc[-1])}", (below.iloc[-1] + above.iloc[-1]) / 2
        ax.annotate(text, (end, middle), (6, 0), textcoords="offset points", va="center", annotation_clip=False)
        below = above
    half = time_until(table)
    if half <= end:
        text = say(None, f"half decided: day {half:.0f}", f"半数已定：第 {half:.0f} 天")
        ax.axvline(half, color=style.INK, lw=1, ls="--")
        ax.annotate(text, (half, 0.97), (5, 0), textcoords="offset points", va="top", fontsize=9)
    _risk_axis(ax, table, end)
    ax.set_ylim(0, 1)
    ax.set_ylabel(say(None, "Share of deals", "商机占比"))
    style.percent_axis(ax.yaxis)
    return ax


def _risk_axis(ax: Axes, table: pd.DataFrame, end: int) -> None:
    """Write under the days how many deals the curve still rests on."""
    step = next((days for days in (1, 5, 10, 15, 30, 60, 90, 180) if end / days <= 8), 365)
    ticks = np.arange(0, end + 1, step)
    ax.set_xticks(ticks, [f"{day}\n{table['n_at_risk'][table['day'] >= day].max():,}" for day in ticks])
    ax.set_xlim(0, end)
    en = "Days since the deal was created; below: deals still undecided and under watch"
    ax.set_xlabel(say(None, en, "商机创建后天数；下行：当时尚未结单、仍在观察的商机数"))


def cycle_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say when half of all deals are decided, open ones included, and how it ends for them."""
    quartiles, end = cycle_quartiles(table).set_index("status"), last_close(table)
    if quartiles.loc["won", "n_deals"] < FEWEST_WON:
        n, k = number(table["n_at_risk"].max()), number(quartiles.loc["won", "n_deals"])
        return say(lang, f"Not enough data: {k} of {n} deals are won.", f"数据不足：{n} 个商机中仅 {k} 个赢单。")
    won, lost = (share(share_at(table, f"{name}_share", end)) for name in ("won", "lost"))
    half, days = time_until(table), quartiles.loc["won"]
    low, middle, high = (number(days[name]) for name in ("q1_days", "median_days", "q3_days"))
    en = (
        f"Half of all deals are decided by day {number(half)}"
        if half == half
        else "Fewer than half of all deals get decided"
    )
    zh = f"半数商机在 {number(half)} 天内结单" if half == half else "不到半数的商机最终结单"
    return say(
        lang,
        f"{en}; won deals took {middle} days ({low}–{high}). By day {end}: {won} won, {lost} lost.",
        f"{zh}；赢单周期中位数 {middle} 天（{low}–{high}）。到第 {end} 天：{won} 赢单，{lost} 输单。",
    )


# --- velocity -----------------------------------------------------------------------------------------------------

FACTORS = ("open", "win", "size", "cycle")
VELOCITY = (
    "velocity_window first_day last_day n_open_deals n_won n_lost win_rate win_rate_low win_rate_high won_size cycle_days velocity "
    "velocity_effect_rate velocity_effect_rate_low velocity_effect_rate_high open_effect_rate win_effect_rate "
    "win_effect_rate_low win_effect_rate_high size_effect_rate size_effect_rate_low size_effect_rate_high cycle_effect_rate "
    "cycle_effect_rate_low cycle_effect_rate_high"
).split()


def velocity_table(deals: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Return the velocity V = open deals × win rate × average won size ÷ cycle, in money per day, now and one window ago.

    `deals` is the table as delivered. Two rows, "before" and "now": deals open on last_day, as known then; win_rate
    (with Wilson interval) and won_size of the deals closed in the window; cycle_days, their mean (V is a rate of flow,
    which the median does not give). Open deals without a creation date count now, but not before. The `_effect_rate`
    columns of "now" decompose the change: ΔlnV = Δln(open) + Δln(win rate) + Δln(size) − Δln(cycle), to the last digit;
    `_low` and `_high` are 95 % intervals by the delta method over the closed deals (open deals are counted, not
    estimated). Empty when nothing was won in the last window.
    """
    usable, earlier = population(deals), window_start(as_of, months).date()
    windows = [closed_within(usable, day, months) for day in (earlier, as_of)]
    counts = _n_open_on(deals, earlier), int((deals["status"] == "open").sum())
    rows = [
        {"velocity_window": name} | _factors(closed, n_open, day, months)
        for name, closed, n_open, day in zip(("before", "now"), windows, counts, (earlier, as_of), strict=True)
    ]
    table = pd.DataFrame(rows).reindex(columns=VELOCITY)
    effects, spread = _log_effects(table), sum(_log_variance(closed) for closed in windows)
    for name, effect in effects.items():
        table[f"{name}_effect_rate"] = [np.nan, effect]
        if name in spread:
            half = 1.96 * np.sqrt(spread[name])
            table[f"{name}_effect_rate_low"], table[f"{name}_effect_rate_high"] = (
                [np.nan, effect - half],
                [np.nan, effect + half],
            )
    return table if table["velocity"].notna().iloc[1] else table.head(0)


def _log_effects(table: pd.DataFrame) -> dict[str, float]:
    """Return the change of the logarithm of each factor from the first to the second row, the cycle's with its sign."""
    factors = dict(zip(FACTORS, ("n_open_deals", "win_rate", "won_size", "cycle_days"), strict=True))
    effects = {}
    for name, column in factors.items():
        before, now = table[column].astype(float)
        change = np.log(now / before) if before > 0 and now > 0 else np.nan
        effects[name] = -change if name == "cycle" else change
    return effects | {"velocity": sum(effects.values())}


def _log_variance(closed: pd.DataFrame) -> pd.Series:
    """Return the variance of ln(win rate), ln(size), ln(cycle) and of the three together, by the influence of each deal."""
    if not (closed["status"] == "won").any():
        return pd.Series(np.nan, ["win", "size", "cycle", "velocity"])
    won = (closed["status"] == "won").to_numpy(float)
    days = (closed["closed_at"] - closed["created_at"]).dt.days
    priced = won * (closed["amount"] > 0)
    influence = {"win": won / won.mean() - 1}
    for name, values, counted in (("size", closed["amount"], priced), ("cycle", days, won * days.notna())):
        values, counted = values.fillna(0).to_numpy(float), np.asarray(counted, float)
        total = (values * counted).sum()
        influence[name] = counted * (values * counted.sum() / total - 1) / counted.mean() if total else counted * np.nan
    influence["velocity"] = influence["win"] + influence["size"] - influence["cycle"]
    return pd.Series({name: (values**2).sum() / len(values) ** 2 for name, values in influence.items()})


def _n_open_on(deals: pd.DataFrame, day: dt.date) -> int:
    """Count the deals that were open on `day`, also those that turned out invalid later."""
    created = deals["created_at"] <= pd.Timestamp(day)
    return int((created & ((deals["closed_at"] > pd.Timestamp(day)) | (deals["status"] == "open"))).sum())


def _factors(closed: pd.DataFrame, n_open: int, day: dt.date, months: int) -> dict:
    won = closed[closed["status"] == "won"]
    low, high = wilson(len(won), len(closed))
    size = won.loc[won["amount"] > 0, "amount"].mean()
    cycle = (won["closed_at"] - won["created_at"]).dt.days.mean()
    rate = len(won) / len(closed) if len(closed) else np.nan
    return {
        "first_day": window_start(day, months) + pd.Timedelta(days=1), "last_day": pd.Timestamp(day), "n_open_deals": n_open,
        "n_won": len(won), "n_lost": len(closed) - len(won), "win_rate": rate, "win_rate_low": low,
        "win_rate_high": high, "won_size": size, "cycle_days": cycle,
        "velocity": n_open * rate * size / cycle if cycle else np.nan,
    }  # fmt: skip


@chart("column", x="velocity_window", y="velocity")
def plot_velocity(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each factor did to the velocity, largest first, as logarithms, which add up to the total; without an
    earlier window, the factors as they stand."""
    ax = ax or style.new_axes()
    before, now = table.iloc[0], table.iloc[1]
    if not np.isfinite([now[f"{name}_effect_rate"] for name in FACTORS]).all():
        return _plot_factors(now, ax)
    columns = {"open": ("n_open_deals", number), "win": ("win_rate", share), "size": ("won_size", money),
               "cycle": ("cycle_days", number), "velocity": ("velocity", money)}  # fmt: skip
    names = sorted(FACTORS, key=lambda name: -abs(now[f"{name}_effect_rate"])) + ["velocity"]
    for place, name in enumerate(names):
        effect = now[f"{name}_effect_rate"]
        colour = style.GREY if name == "velocity" else style.GOOD if effect >= 0 else style.BAD
        ax.barh(place, effect, color=colour, height=0.6)
        ends = now.get(f"{name}_effect_rate_low", np.nan), now.get(f"{name}_effect_rate_high", np.nan)
        if np.isfinite(ends).all():
            ax.errorbar(effect, place, xerr=[[effect - ends[0]], [ends[1] - effect]], ecolor=style.INK, capsize=3, lw=1)
        far = np.nanmin([effect, *ends]) if effect < 0 else np.nanmax([effect, *ends])
        ax.annotate(_signed(np.expm1(effect)), (far, place), (6 if effect >= 0 else -6, 0), textcoords="offset points",
                    ha="left" if effect >= 0 else "right", va="center", fontsize=9)  # fmt: skip
    labels = [(columns[name][0], columns[name][1]) for name in names]
    ax.set_yticks(range(len(names)), [f"{word(c)}\n{write(before[c])} → {write(now[c])}" for c, write in labels])
    ax.invert_yaxis()
    ax.axvline(0, color=style.INK, lw=1)
    ax.axhline(len(FACTORS) - 0.5, color=style.PALE, lw=1)
    ax.margins(x=0.2)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    en = "Effect on ln V; the four add up to the last. At the bars: change of V by this factor alone"
    ax.set_xlabel(say(None, en, "对 ln V 的影响，四项之和为总变化；条旁为该因素单独造成的变化"))
    return ax


def _plot_factors(now: pd.Series, ax: Axes) -> Axes:
    """Write the formula with its numbers: there is no earlier window to compare with."""
    ax.set_axis_off()
    parts = [
        (number(now["n_open_deals"]), "n_open_deals"), ("×", ""), (share(now["win_rate"]), "win_rate"), ("×", ""),
        (money(now["won_size"]), "won_size"), ("÷", ""), (number(now["cycle_days"]), "cycle_days"), ("=", ""),
        (money(now["velocity"]), "velocity"),
    ]  # fmt: skip
    for place, (text, label) in zip(np.linspace(0.06, 0.92, len(parts)), parts, strict=True):
        ax.text(place, 0.55, text, ha="center", fontsize=14 if label else 12, color=style.BLUE if label else style.GREY)
        ax.text(place, 0.42, style.wrapped(word(label), 14) if label else "", ha="center", va="top", fontsize=9)
    return ax


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + share(value)


def velocity_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say what the pipeline yields per day, how that changed, and which factor did most of it."""
    now = table.iloc[1]
    speed = money(now["velocity"], lang)
    effects = pd.Series({name: now[f"{name}_effect_rate"] for name in FACTORS}, dtype=float)
    if not np.isfinite(effects).all():
        factors = f"{number(now['n_open_deals'])} × {share(now['win_rate'])} × {money(now['won_size'], lang)} ÷ {number(now['cycle_days'])}"
        return say(
            lang, f"The pipeline yields {speed} a day ({factors} days).", f"销售速度为每天 {speed}（{factors} 天）。"
        )
    total = now["velocity_effect_rate"]
    main = effects.idxmax() if total >= 0 else effects.idxmin()
    change, part = _signed(np.expm1(total)), _signed(np.expm1(effects[main]))
    low, high = (_signed(np.expm1(now[f"velocity_effect_rate_{end}"])) for end in ("low", "high"))
    if now["velocity_effect_rate_low"] < 0 < now["velocity_effect_rate_high"]:
        return say(
            lang,
            f"The pipeline yields {speed} a day; the change of {change} on the window before may be chance ({low} to {high}).",
            f"销售速度为每天 {speed}；较上一期 {change}，可能属随机波动（{low} 至 {high}）。",
        )
    return say(
        lang,
        f"The pipeline yields {speed} a day, {change} ({low} to {high}) on the window before; {word(f'{main}_factor', 'en')} did most ({part}).",
        f"销售速度为每天 {speed}，较上一期 {change}（{low} 至 {high}）；主要因素：{word(f'{main}_factor', 'zh')}（{part}）。",
    )
