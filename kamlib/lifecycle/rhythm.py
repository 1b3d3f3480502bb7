"""Rhythm: in which months and on which weekdays do accounts buy, which season is strong, and do promotions add anything?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.words import money, number, say, share, word

LEAST_PART = 5
"""A promotion with fewer accounts is not judged."""
LEAST_OTHERS = 10
"""So many accounts that took no part can tell what the season did."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = tuple(f"month_{i:02d}" for i in range(1, 13))


# --- In which months and on which weekdays do accounts buy? --------------------------------------------------------


def weekday_table(order_days: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Count orders by calendar month and weekday over the whole years up to `as_of`, so that each month counts alike.

    One row per month and weekday: month ("month_01" …), weekday ("mon" …), n_orders, n_dates (such days in the
    period), orders_per_day_mean. With less than a year of data: all of it. Empty without orders.
    """
    days = _whole_years(order_days, as_of)
    rows = order_days[order_days["order_date"].isin(days)]
    if rows.empty:
        columns = ["month", "weekday", "n_orders", "n_dates", "orders_per_day_mean"]
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns[2:], float))
    dates = pd.Series(1, index=days).groupby([days.month, days.day_of_week]).sum()
    orders = rows.groupby([rows["order_date"].dt.month, rows["order_date"].dt.day_of_week])["n_orders"].sum()
    table = pd.DataFrame({"n_dates": dates, "n_orders": orders.reindex(dates.index, fill_value=0)}).astype(int)
    table.index = table.index.set_names(["month", "weekday"])
    table = table.reset_index()
    table["month"] = table["month"].map(dict(enumerate(MONTHS, start=1)))
    table["weekday"] = table["weekday"].map(dict(enumerate(WEEKDAYS)))
    table["orders_per_day_mean"] = table["n_orders"] / table["n_dates"]
    return table[["month", "weekday", "n_orders", "n_dates", "orders_per_day_mean"]]


def _whole_years(order_days: pd.DataFrame, as_of: dt.date) -> pd.DatetimeIndex:
    last, first = pd.Timestamp(as_of), order_days["order_date"].min()
    if pd.isna(first):
        return pd.DatetimeIndex([])
    years = 0
    while last - pd.DateOffset(years=years + 1) + pd.Timedelta(days=1) >= first.to_period("M").start_time:
        years += 1
    return pd.date_range(last - pd.DateOffset(years=years) + pd.Timedelta(days=1) if years else first, last)


@chart("heatmap", x="weekday", y="month", colour="orders_per_day_mean", size=(7, 4.8))
def plot_weekdays(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw orders per day, months down and weekdays across."""
    ax = ax or style.new_axes(plot_weekdays.size)
    wide = table.pivot(index="month", columns="weekday", values="orders_per_day_mean")
    wide = wide.reindex(index=[m for m in MONTHS if m in wide.index], columns=[d for d in WEEKDAYS if d in wide])
    style.heat_map(ax, wide, wide.map(lambda mean: number(mean, 1)))
    ax.set_xlabel(say(None, "orders per day, by weekday and month", "按星期与月份的日均订单数"))
    return ax


def weekdays_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which weekday and which month bring most orders per day."""
    by_day = table.groupby("weekday")[["n_orders", "n_dates"]].sum()
    by_month = table.groupby("month")[["n_orders", "n_dates"]].sum()
    total = by_day["n_orders"].sum() / by_day["n_dates"].sum()
    (day, most), (month, high) = (_best(part, total) for part in (by_day, by_month))
    low, least = _best(by_month, total, worst=True)
    n = int(by_day["n_orders"].sum())
    return say(
        lang,
        f"{word(day, 'en')} brings {number(most, 1)} times the orders of an average day, {word(month, 'en')} "
        f"{number(high, 1)} times, {word(low, 'en')} {number(least, 1)} times (n = {n:,} orders).",
        f"{word(day, 'zh')}的订单是日均的 {number(most, 1)} 倍，{word(month, 'zh')}为 {number(high, 1)} 倍，"
        f"{word(low, 'zh')}为 {number(least, 1)} 倍（n = {n:,} 张订单）。",
    )


def _best(part: pd.DataFrame, total: float, *, worst: bool = False) -> tuple[str, float]:
    ratio = part["n_orders"] / part["n_dates"] / total
    name = ratio.idxmin() if worst else ratio.idxmax()
    return name, float(ratio[name])


# --- Which season is strong once Spring Festival is taken out? -----------------------------------------------------


def seasonality_table(months: pd.DataFrame, as_of: dt.date, *, measure: str = "n_orders") -> pd.DataFrame:
    """Compare each month with the average month of its year, January and February also taken together.

    Spring Festival falls in January or February, so only their sum compares between years. `months` are those of the
    mart, `measure` "n_orders" (one large order cannot make a season) or "order_revenue". One row per full calendar year and season: year, season ("month_01" …
    or "jan_feb"), season_value (per month), season_index (that ÷ the year's average month). Empty without a full year.
    """
    monthly = months.groupby("month")[measure].sum()
    years = [y for y in sorted(set(monthly.index.year)) if _full(monthly, y, as_of)]
    rows = []
    for year in years:
        twelve = monthly[monthly.index.year == year]
        values = {MONTHS[day.month - 1]: float(value) for day, value in twelve.items()}
        values["jan_feb"] = (values["month_01"] + values["month_02"]) / 2
        rows += [(year, season, value, value / twelve.mean()) for season, value in values.items()]
    return pd.DataFrame(rows, columns=["year", "season", "season_value", "season_index"])


def _full(monthly: pd.Series, year: int, as_of: dt.date) -> bool:
    there = monthly[monthly.index.year == year]
    return len(there) == 12 and there.sum() > 0 and pd.Timestamp(as_of) >= pd.Timestamp(year, 12, 31)


@chart("column", x="season", y="season_index", colour="year", size=(8.5, 4.5))
def plot_seasonality(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean index per season as columns and each year as a dot; January and February alone are pale."""
    ax = ax or style.new_axes(plot_seasonality.size)
    order = [*MONTHS[:2], "jan_feb", *MONTHS[2:]]
    mean = table.groupby("season")["season_index"].mean().reindex(order)
    colours = [style.GRID if season in MONTHS[:2] else style.SKY for season in order]
    ax.bar(range(len(order)), mean, color=colours, width=0.75)
    markers = "osD^vP*X"
    for i, (year, rows) in enumerate(table.groupby("year")):
        values = rows.set_index("season")["season_index"].reindex(order)
        ax.plot(
            range(len(order)), values, ls="", marker=markers[i % 8], color=style.CYCLE[i % 7], ms=6, label=str(year)
        )
    labels = [word(s) if s == "jan_feb" else say(None, word(s)[:3], word(s)) for s in order]
    ax.set_xticks(range(len(order)), labels, fontsize=9)
    ax.set_xlim(right=len(order) + 1)
    style.reference_line(ax, 1, say(None, "average month", "月平均"))
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(say(None, "index (average month = 1)", "季节指数（月平均 = 1）"))
    ax.legend(loc="upper left", ncols=4, fontsize=9)
    ax.margins(y=0.15)
    return ax


def seasonality_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how far January and February differ between years, alone and together, and which season is strongest."""
    wide = table.pivot(index="year", columns="season", values="season_index")
    mean = wide.drop(columns=list(MONTHS[:2])).mean()
    best, years = mean.idxmax(), len(wide)
    peak = f"{number(mean[best], 2)}"
    if years < 2:
        return say(
            lang,
            f"{word(best, 'en')} is the strongest season at {peak} times the average month; one year shows no pattern.",
            f"{word(best, 'zh')}最强，为月平均的 {peak} 倍；只有一年，尚看不出规律。",
        )
    alone = max(np.ptp(wide[month]) for month in MONTHS[:2])
    together = np.ptp(wide["jan_feb"])
    return say(
        lang,
        f"January or February alone differ by up to {share(alone)} of a month between {years} years, together by "
        f"{share(together)}; {word(best, 'en')} is strongest ({peak} times the average).",
        f"{years} 年间 1 月或 2 月单独相差可达月均的 {share(alone)}，合计仅差 {share(together)}；"
        f"{word(best, 'zh')}最强（月平均的 {peak} 倍）。",
    )


# --- Did a promotion add purchases, or only move them? -------------------------------------------------------------


def promotion_table(orders: pd.DataFrame, as_of: dt.date, *, payback: int = 56, base: int = 182) -> pd.DataFrame:
    """Compare each promotion with the usual pace of the accounts that took part, while it ran and afterwards.

    The usual pace is what they ordered per day in the `base` days before, and in as many days after the `payback` days
    that follow the promotion; accounts that had not ordered before these days are left out. One row per promotion:
    promotion, start, end, n_accounts, during (ordered above the usual pace while it ran), afterwards (the same in the
    payback days), net (their sum) with its 95 % bootstrap interval over accounts; beyond, the same had the usual pace moved as it did for the
    n_others accounts that took no part, with its interval (missing with fewer than 10); known (the payback days are over). Who took part bought in
    those days by definition, so `during` flatters; and nobody drew lots, so the others are no control group, but they tell what the season did.
    """
    rows, today = [], pd.Timestamp(as_of)
    for name, tagged in orders[orders["promotion"].notna()].groupby("promotion"):
        start, end = tagged["order_date"].min(), tagged["order_date"].max()
        above = _above_usual(orders, start, end, today, payback, base)
        above["took_part"] = above.index.isin(tagged["account_id"])
        parts = above[above["took_part"]]
        if parts.empty:
            continue
        net = parts["during"] + parts["afterwards"]
        low, high = stats.bootstrap_interval(net.to_numpy(), np.sum)
        above["above"] = above["during"] + above["afterwards"]
        both = above[["took_part", "above", "usual", "n_orders", "n_usual"]].to_numpy(float)
        others, (least, most) = _beyond_season(both), stats.bootstrap_interval(both, _beyond_season)
        sums, rest = parts[["during", "afterwards"]].sum(), int((~above["took_part"]).sum())
        enough = rest >= LEAST_OTHERS
        beyond = (others, least, most) if enough else (np.nan,) * 3
        known = end + pd.Timedelta(days=payback) <= today
        rows.append((name, start, end, len(parts), *sums, net.sum(), low, high, *beyond, rest, known))
    return pd.DataFrame(rows, columns=_PROMOTION).sort_values("start", ignore_index=True)


_PROMOTION = [
    "promotion", "start", "end", "n_accounts", "during", "afterwards", "net", "net_low", "net_high", "beyond", "beyond_low",
    "beyond_high", "n_others", "known",
]  # fmt: skip


def _beyond_season(rows: np.ndarray) -> float:
    """Return what those who took part ordered above their usual pace, had that moved as the others' number of orders did.

    Columns: took part, amount above the usual pace, usual amount, orders, usual orders. Orders tell the season: amounts of a
    few large projects would drown it.
    """
    inside = rows[:, 0] > 0
    usual = rows[~inside, 4].sum()
    season = rows[~inside, 3].sum() / usual - 1 if usual > 0 else 0.0
    return float(rows[inside, 1].sum() - season * rows[inside, 2].sum())


def _above_usual(
    orders: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp, today: pd.Timestamp, payback: int, base: int
) -> pd.DataFrame:
    """Return per account what it ordered above its usual pace, columns during and afterwards; the usual amount of both
    together; n_orders in them and n_usual, the usual number."""
    day = pd.Timedelta(days=1)
    after = min(end + payback * day, today)
    spans = {
        "before": (start - base * day, start - day),
        "during": (start, end),
        "afterwards": (end + day, after),
        "later": (after + day, min(after + base * day, today)),
    }
    first = orders.groupby("account_id")["order_date"].min()
    orders = orders[orders["account_id"].isin(first.index[first < start - base * day])]
    days = pd.Series({name: max((b - a).days + 1, 0) for name, (a, b) in spans.items()})
    inside = pd.concat([orders[orders["order_date"].between(a, b)].assign(span=name) for name, (a, b) in spans.items()])
    by_span = inside.groupby(["account_id", "span"])["amount"]
    accounts = orders["account_id"].unique()
    sums, counts = (
        part.unstack().reindex(index=accounts, columns=days.index).fillna(0.0)
        for part in (by_span.sum(), by_span.size())
    )
    usual, often = ((part["before"] + part["later"]) / (days["before"] + days["later"]) for part in (sums, counts))
    above = pd.DataFrame({name: sums[name] - usual * days[name] for name in ("during", "afterwards")})
    then = days["during"] + days["afterwards"]
    return above.assign(usual=usual * then, n_orders=counts["during"] + counts["afterwards"], n_usual=often * then)


def promotion_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say for each promotion what it brought while it ran, what was missing afterwards, and what remains."""
    if table.empty:
        return say(lang, "No order carries a promotion.", "没有订单标注促销活动。")
    sentences = []
    for row in table.itertuples():
        spread = f"{money(row.net_low, lang)} – {money(row.net_high, lang)}"
        if row.n_accounts < LEAST_PART:
            few = (
                f"{row.promotion}: not enough data (n = {row.n_accounts} accounts).",
                f"{row.promotion}：数据不足（n = {row.n_accounts} 个客户）。",
            )
            sentences.append(say(lang, *few))
            continue
        en = f"{row.promotion}: {money(row.during, 'en')} more while it ran, {money(row.afterwards, 'en')} afterwards"
        zh = f"{row.promotion}：期间多 {money(row.during, 'zh')}，之后 {money(row.afterwards, 'zh')}"
        en = f"{en}; net {money(row.net, 'en')} (95 % interval {spread}, n = {row.n_accounts} accounts)"
        zh = f"{zh}；净增 {money(row.net, 'zh')}（95 % 区间 {spread}，n = {row.n_accounts} 个客户）"
        sure = [row.net_low > 0]
        if np.isfinite(row.beyond):
            sure.append(row.beyond_low > 0)
            season = f"{money(row.beyond_low, lang)} – {money(row.beyond_high, lang)}"
            en += f"; beyond what the season did to {row.n_others} others {money(row.beyond, 'en')} ({season})"
            zh += f"；扣除 {row.n_others} 个未参与客户反映的季节因素后 {money(row.beyond, 'zh')}（{season}）"
        verdict = ("purchases moved; none proven added", "购买提前，未见增量")
        verdict = ("not proven, it depends on the baseline", "取决于基准，尚无定论") if any(sure) else verdict
        verdict = ("it added purchases", "确有增量") if all(sure) else verdict
        en, zh = f"{en}: {verdict[0]}", f"{zh}：{verdict[1]}"
        if not row.known:
            en, zh = f"{en}; not settled yet, the weeks after are not over", f"{zh}；后续观察期未满，尚无定论"
        en, zh = f"{en}.", f"{zh}。"
        sentences.append(say(lang, en, zh))
    return "\n".join(sentences)
