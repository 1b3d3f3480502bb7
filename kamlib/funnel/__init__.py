"""Funnel: what is in the pipeline now, and of the deals that enter a stage, how many move on?

The stock (open deals by stage today) and the flow (what became of deals that entered a stage) are two questions; the
ratio of two stocks is no conversion rate. Open deals have not decided yet: they are counted as open, never as lost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.settings import Stage
from kamlib.stats import wilson
from kamlib.words import number, say, share, word

GROUPS = {
    "prospect": "prospect_customers", "interested": "interested_customers", "negotiation": "negotiation_customers",
    "follow_up": "negotiation_customers", "won": "won_customers",
}  # fmt: skip
"""The four groups of the funnel by the group that `kam.toml` gives a stage; follow-up is negotiation."""
FEWEST = 10
"""Deals below which a claim does not single out a stage."""
UNKNOWN = "unknown"


# --- population ---------------------------------------------------------------------------------------------------


def _faults(deals: pd.DataFrame) -> dict[str, pd.Series]:
    closed = deals["status"].isin(["won", "lost"])
    invalid = deals["status"] == "invalid"
    return {
        "invalid": invalid,
        "closed_undated": closed & deals["closed_at"].isna(),
        "closed_before_created": closed & (deals["closed_at"] < deals["created_at"]),
    }


def population(deals: pd.DataFrame) -> pd.DataFrame:
    """Return the deals that can be analysed, sorted by id: not invalid, with a possible closing date.

    Deals without amount stay: many companies write a lost deal down to 0, and leaving those out would raise every win
    rate. Sums and averages of money are taken over deals with an amount above 0.
    """
    unusable = np.logical_or.reduce(list(_faults(deals).values()))
    return deals[~unusable].sort_values("deal_id", ignore_index=True)


def population_table(deals: pd.DataFrame) -> pd.DataFrame:
    """Account for every deal delivered: rule, n_deals, amount. The rows from "invalid" to "kept" add up to "read"."""
    kept = population(deals)
    taken = pd.Series(False, index=deals.index)
    parts = {"read": deals}
    for rule, fault in _faults(deals).items():
        parts[rule] = deals[fault & ~taken]
        taken |= fault
    parts |= {"kept": kept, "of_them_no_amount": kept[~(kept["amount"] > 0)]}
    parts |= {"of_them_no_account": kept[kept["account_id"].isna()]}
    rows = [(rule, len(part), part["amount"].sum()) for rule, part in parts.items()]
    return pd.DataFrame(rows, columns=["rule", "n_deals", "amount"])


def window_start(as_of: dt.date, months: int) -> pd.Timestamp:
    """Return the day before the first of the `months` that end with `as_of`: rows must be later than it."""
    return pd.Timestamp(as_of) - pd.DateOffset(months=months)


def longest_cycle(deals: pd.DataFrame) -> float:
    """Return the age in days of the oldest deal that was ever closed; NaN when fewer than ten were. No deal older than
    that has been seen to close: it is stale."""
    closed = deals[deals["status"].isin(["won", "lost"])]
    days = (closed["closed_at"] - closed["created_at"]).dt.days
    return days.max() if days.count() >= FEWEST else np.nan


def closed_within(deals: pd.DataFrame, as_of: dt.date, months: int) -> pd.DataFrame:
    """Return the deals won or lost in the `months` that end with `as_of`."""
    inside = (deals["closed_at"] > window_start(as_of, months)) & (deals["closed_at"] <= pd.Timestamp(as_of))
    return deals[inside & deals["status"].isin(["won", "lost"])]


# --- stages -------------------------------------------------------------------------------------------------------


def ladder(stages: Sequence[Stage], level: str = "stage") -> dict[str, str]:
    """Return the rung of each stage, in order: the stage itself, or with `level="group"` its group of the four."""
    if level == "stage":
        return {stage.name: stage.name for stage in stages}
    return {stage.name: GROUPS.get(stage.group, stage.group) for stage in stages}


ENTRIES = (
    "deal_id stage position entered_at entered_after moved_on_at moved_on_after lost_at status closed_at amount is_skip "
    "is_return"
).split()


def stage_visits(
    deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], level: str = "stage"
) -> pd.DataFrame:
    """Return every stay of a deal in a stage, in time order: deal_id, stage, position, entered_at, until (empty while
    it lasts), amount (then, else that of the deal), status and closed_at of the deal.

    Several rows in one stage are one stay; two stages on one day count in the order of the pipeline. Stages that
    `kam.toml` does not name, and rows dated after the deal was closed, are left out. entered_after and until_after are
    the days before, when only the first snapshot with the new state is known (`kamlib.workspace.history`); else empty.
    """
    rungs = ladder(stages, level)
    order = {rung: place for place, rung in enumerate(dict.fromkeys(rungs.values()))}
    known = history.loc[history["stage"].isin(rungs), ["deal_id", "stage", "entered_at", "entered_after", "amount"]]
    rows = known.merge(deals[["deal_id", "status", "closed_at", "amount"]], on="deal_id", suffixes=("", "_deal"))
    rows = rows[~(rows["entered_at"] > rows["closed_at"])].assign(stage=lambda r: r["stage"].map(rungs))
    rows["position"] = rows["stage"].map(order).astype(int)
    rows = rows.sort_values(["deal_id", "entered_at", "position"], ignore_index=True)
    rows = rows[(rows["deal_id"] != rows["deal_id"].shift()) | (rows["stage"] != rows["stage"].shift())]
    following = rows.groupby("deal_id")[["entered_at", "entered_after"]].shift(-1)
    rows["until"], rows["until_after"] = following["entered_at"].fillna(rows["closed_at"]), following["entered_after"]
    rows["amount"] = rows["amount"].where(rows["amount"] > 0, rows["amount_deal"])
    return rows.drop(columns="amount_deal").reset_index(drop=True)


def exact(index: pd.Index) -> pd.Series:
    """Return the `…_after` of days that are known exactly: none."""
    return pd.Series(pd.NaT, index, dtype="datetime64[us]")


def days_between(start: pd.Series, end: pd.Series, start_after: pd.Series, end_after: pd.Series) -> pd.DataFrame:
    """Return the days from `start` to `end` as days_low, days (the middle) and days_high.

    `…_after` is the last day on which the change was not seen yet: it happened between the day after and `start` or
    `end`. Where it is empty the day is exact, and the three are equal.
    """
    one = pd.Timedelta(days=1)
    earliest, soonest = (start_after + one).fillna(start), (end_after + one).fillna(end)
    bounds = pd.DataFrame({"days_low": (soonest - start).dt.days.clip(lower=0), "days_high": (end - earliest).dt.days})
    bounds.insert(1, "days", bounds.mean(axis=1, skipna=False))
    return bounds


def stage_entries(
    deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], level: str = "stage"
) -> pd.DataFrame:
    """Return one row per deal and stage that it advanced into: deal_id, stage, position, entered_at, moved_on_at (the
    next further stage, or won), lost_at, status, closed_at, amount, is_skip (it left a stage out on leaving), is_return
    (it fell back before it left), entered_after and moved_on_after (see `stage_visits`).

    Only the first entry counts, and going back to an earlier stage undoes nothing: that time belongs to the furthest
    stage reached. So every lost deal is lost from exactly one stage. Without history the one stage is "created".
    """
    if history.empty:
        rows = deals.dropna(subset="created_at").rename(columns={"created_at": "entered_at"})
        rows = rows.assign(stage="created", position=0, next_position=np.nan, next_at=pd.NaT, n_stays=1)
        rows = rows.assign(entered_after=exact(rows.index), moved_on_after=exact(rows.index))
    else:
        stays = stage_visits(deals, history, stages, level)
        stays["furthest"] = stays.groupby("deal_id")["position"].cummax()
        stays["n_stays"] = stays.groupby(["deal_id", "furthest"])["position"].transform("size")
        rows = stays[~stays.duplicated(["deal_id", "furthest"])].copy()
        rows["next_position"] = rows.groupby("deal_id")["position"].shift(-1)
        rows["next_at"] = rows.groupby("deal_id")["entered_at"].shift(-1)
        rows["moved_on_after"] = rows.groupby("deal_id")["entered_after"].shift(-1)
    rows["moved_on_at"] = pd.to_datetime(rows["next_at"]).fillna(rows["closed_at"].where(rows["status"] == "won"))
    rows["lost_at"] = rows["closed_at"].where((rows["status"] == "lost") & rows["moved_on_at"].isna())
    last = len(dict.fromkeys(ladder(stages, level).values())) if not history.empty else 1
    step = rows["next_position"].fillna(last) - rows["position"]
    rows = rows.assign(is_skip=rows["moved_on_at"].notna() & (step > 1), is_return=rows["n_stays"] > 1)
    return rows[ENTRIES].reset_index(drop=True)


def mature_cohort(entries: pd.DataFrame, as_of: dt.date, months: int, horizon_days: int) -> pd.DataFrame:
    """Return the entries of the `months` that ended `horizon_days` before `as_of`, each with `outcome` within that
    horizon: "moved_on", "lost" or "open". Every one of them was watched for the whole horizon: none is censored."""
    last = pd.Timestamp(as_of) - pd.Timedelta(days=horizon_days)
    inside = (entries["entered_at"] <= last) & (entries["entered_at"] > last - pd.DateOffset(months=months))
    cohort = entries[inside].copy()
    limit = cohort["entered_at"] + pd.Timedelta(days=horizon_days)
    outcome = np.where(cohort["lost_at"] <= limit, "lost", "open")
    return cohort.assign(outcome=np.where(cohort["moved_on_at"] <= limit, "moved_on", outcome))


# --- conversion ---------------------------------------------------------------------------------------------------

CONVERSION = (
    "stage n_entered n_moved_on n_lost n_still_open conversion_rate conversion_rate_low conversion_rate_high loss_rate "
    "cumulative_rate n_skipped n_returned horizon_days"
).split()


def conversion_table(
    entries: pd.DataFrame, as_of: dt.date, *, months: int = 24, horizon_days: int = 180
) -> pd.DataFrame:
    """Return, for the deals that entered a stage in a mature cohort, what became of them within `horizon_days`.

    One row per stage: n_entered = n_moved_on (to any later stage, or won) + n_lost + n_still_open; conversion_rate =
    n_moved_on ÷ n_entered with its Wilson interval; cumulative_rate, the running product of the rates; n_skipped (moved
    on past a stage) and n_returned (fell back before). Empty when no entry is old enough to judge.
    """
    cohort = mature_cohort(entries, as_of, months, horizon_days)
    moved = cohort["outcome"] == "moved_on"
    counts = {
        "n_entered": True, "n_moved_on": moved, "n_lost": cohort["outcome"] == "lost",
        "n_still_open": cohort["outcome"] == "open", "n_skipped": cohort["is_skip"] & moved, "n_returned": cohort["is_return"],
    }  # fmt: skip
    rows = cohort.assign(**counts).astype(dict.fromkeys(counts, int))
    rows = rows.groupby(["position", "stage"], as_index=False)[list(counts)].sum()
    rows["conversion_rate"] = rows["n_moved_on"] / rows["n_entered"]
    rows["conversion_rate_low"], rows["conversion_rate_high"] = wilson(rows["n_moved_on"], rows["n_entered"])
    rows["loss_rate"] = rows["n_lost"] / rows["n_entered"]
    rows["cumulative_rate"] = rows["conversion_rate"].cumprod()
    return rows.assign(horizon_days=horizon_days)[CONVERSION]


def conversion_by_table(
    entries: pd.DataFrame,
    deals: pd.DataFrame,
    as_of: dt.date,
    *,
    by: str = "channel",
    months: int = 24,
    horizon_days: int = 180,
) -> pd.DataFrame:
    """Return `conversion_table` for each value of a column of `deals` apart, the value first; missing ones "unknown"."""
    values = entries["deal_id"].map(deals.set_index("deal_id")[by]).astype(object).fillna(UNKNOWN)
    parts = [
        conversion_table(group, as_of, months=months, horizon_days=horizon_days).assign(**{by: value})
        for value, group in entries.groupby(values)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else conversion_table(entries, as_of).assign(**{by: None})
    return table[[by, *CONVERSION]]


def few_rows(ax: Axes, n: int) -> None:
    """Put the first of `n` horizontal bars on top, and keep bars slim when there are only one or two."""
    ax.set_ylim(max(n, 3) - 0.4, -0.6)


def rate_dots(ax: Axes, table: pd.DataFrame, name: str, places: np.ndarray, colour: str, label: str = "") -> None:
    """Draw the rate `name` of each row as a dot with its interval, on an axis from 0 to 100 %."""
    rate = table[name]
    reach = [(rate - table[f"{name}_low"]).fillna(0), (table[f"{name}_high"] - rate).fillna(0)]
    ax.errorbar(rate, places, xerr=np.clip(reach, 0, None), fmt="o", color=colour, capsize=3, label=label or None)
    ax.set_xlim(0, 1.03)
    style.percent_axis(ax.xaxis)


@chart("bar", y="stage", x="conversion_rate", low="conversion_rate_low", high="conversion_rate_high")
def plot_conversion(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw per stage the shares that moved on, were lost and are still open, with the interval of the first."""
    ax = ax or style.new_axes()
    places = np.arange(len(table))
    _stack_outcomes(ax, table, places)
    rate = table["conversion_rate"]
    reach = [rate - table["conversion_rate_low"], table["conversion_rate_high"] - rate]
    ax.errorbar(rate, places + 0.36, xerr=np.clip(reach, 0, None), fmt="none", ecolor=style.INK, capsize=3, lw=1)
    ax.set_yticks(places, [f"{word(s)}\nn = {n:,}" for s, n in zip(table["stage"], table["n_entered"], strict=True)])
    few_rows(ax, len(table))
    ax.set_xlim(0, 1)
    ax.grid(axis="y", visible=False)
    style.percent_axis(ax.xaxis)
    horizon = number(table["horizon_days"].iloc[0])
    en = f"Share of the deals that entered the stage, {horizon} days later"
    ax.set_xlabel(say(None, en, f"进入该阶段的商机，{horizon} 天后的去向占比"))
    ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9, borderaxespad=0.2)
    return ax


def _stack_outcomes(ax: Axes, table: pd.DataFrame, places: np.ndarray) -> None:
    left = np.zeros(len(table))
    moved_on = "won" if table["stage"].eq("created").all() else "moved_on"
    for name, label, colour, ink in (
        ("n_moved_on", moved_on, style.BLUE, "white"), ("n_lost", "lost", style.VERMILION, "white"),
        ("n_still_open", "still_open", style.PALE, style.INK),
    ):  # fmt: skip
        width = table[name] / table["n_entered"]
        bars = ax.barh(places, width, left=left, color=colour, height=0.62, label=word(label))
        texts = [f"{share(w)}\n({n:,})" if w >= 0.07 else "" for w, n in zip(width, table[name], strict=True)]
        ax.bar_label(bars, labels=texts, label_type="center", fontsize=8, color=ink)
        left += width


def with_span(row: pd.Series, name: str, lang: str | None = None) -> str:
    """Write a rate of `row` with its interval: "61 % (56–66 %)"."""
    rate, low, high = (share(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    span = f"{low.removesuffix(' %')}–{high}"
    return say(lang, f"{rate} ({span})", f"{rate}（{span}）")


def conversion_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the stage with the lowest conversion rate, its interval and what the whole funnel lets through."""
    enough = table[table["n_entered"] >= FEWEST]
    if enough.empty:
        n = number(table["n_entered"].sum())
        return say(lang, f"Not enough data on conversion (n = {n}).", f"转化率数据不足（n = {n}）。")
    low = enough.loc[enough["conversion_rate"].idxmin()]
    rate, days, n = with_span(low, "conversion_rate", lang), number(low["horizon_days"]), number(low["n_entered"])
    if low["stage"] == "created":
        return say(
            lang,
            f"{rate} of {n} deals were won within {days} days of creation; how stages convert is not recorded.",
            f"{n} 个商机中 {rate}在创建后 {days} 天内赢单；未记录各阶段转化。",
        )
    return say(
        lang,
        f"{word(low['stage'], 'en')} lets the fewest through: {rate} of {n} deals moved on within {days} days.",
        f"{word(low['stage'], 'zh')}的转化率最低：{n} 个商机中 {rate}在 {days} 天内进入后续阶段。",
    )
