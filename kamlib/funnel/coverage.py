"""Coverage: is there enough in the pipeline for the target, at the rate at which we win money?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, closed_within, few_rows, longest_cycle
from kamlib.funnel.cycle import FEWEST_WON
from kamlib.funnel.past import Book, open_then
from kamlib.words import number, say, share

METRIC = "won_amount"
DRAWS = 500
COVERAGE = (
    "first_day last_day owner target_amount booked_amount due_amount coverage_ratio required_ratio required_ratio_low "
    "required_ratio_high won_amount attainment_rate"
).split()
EVERYBODY = "all_owners"


def coverage_table(
    books: Sequence[Book], deals: pd.DataFrame, targets: pd.DataFrame, as_of: dt.date, *, months: int = 12
) -> pd.DataFrame:
    """Return per quarter, for everybody, and for the last of them by owner, whether the pipeline covered the target.

    due_amount: open deals due by the end of the quarter, overdue ones included, as known at its start, without those older
    than any that had ever closed; coverage_ratio = due_amount ÷ (target_amount − booked_amount); required_ratio = 1 ÷ win rate by value of the `months` before, with a
    95 % bootstrap interval: not a fixed "3×". won_amount and attainment_rate: what was then won, from all deals. The
    quarter that runs on the day after `as_of` comes last when it has a target: booked_amount is what was already won in
    it. Targets of won_amount are cut to the quarter by days. Empty without targets or expected closing dates.
    """
    running = pd.Period(pd.Timestamp(as_of) + pd.Timedelta(days=1), "Q")
    now = Book(as_of, running.end_time.date(), deals, is_present=True)
    targets, rows = targets[targets["metric"] == METRIC], []
    for book in (*books, now):
        first = running.start_time if book is now else pd.Timestamp(book.day) + pd.Timedelta(days=1)
        rows += _quarter(book, first, deals, targets, months)
    table = pd.DataFrame(rows, columns=COVERAGE)
    table = table[(table["target_amount"] > 0) & (table["due_amount"] > 0)]
    last = table["last_day"].max()
    return table[(table["owner"] == EVERYBODY) | (table["last_day"] == last)].reset_index(drop=True)


def _quarter(book: Book, first: pd.Timestamp, deals: pd.DataFrame, targets: pd.DataFrame, months: int) -> list[dict]:
    """Return the rows of one quarter: everybody, then each owner with a target, in order of name."""
    last, then = pd.Timestamp(book.until), open_then(book, deals)
    stale = (pd.Timestamp(book.day) - then["created_at"]).dt.days > longest_cycle(book.deals)
    due = then[(then["expected_close"] <= last) & ~stale]
    in_quarter = deals[(deals["status"] == "won") & (deals["closed_at"] >= first) & (deals["closed_at"] <= last)]
    booked = in_quarter[in_quarter["closed_at"] <= pd.Timestamp(book.day)]
    target = _cut(targets, first, last)
    sums = [part.groupby("owner")["amount"].sum() for part in (booked, due, in_quarter)]
    required, rows = _required(book.deals, book.day, months), []
    for owner, parts in [(EVERYBODY, None), *((name, name) for name in target.index)]:
        goal, early, open_sum, won = (part.sum() if parts is None else part.get(parts, 0.0) for part in (target, *sums))
        left = goal - early
        rows.append({
            "first_day": first, "last_day": last, "owner": owner, "target_amount": goal, "booked_amount": early,
            "due_amount": open_sum, "coverage_ratio": open_sum / left if left > 0 else np.nan, **required,
            "won_amount": won if not book.is_present else np.nan,
            "attainment_rate": won / goal if goal and not book.is_present else np.nan,
        })  # fmt: skip
    return rows


def _cut(targets: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    """Return the target of each owner for the days from `first` to `last`, by the share of its period that lies in them."""
    one, begins = pd.Timedelta(days=1), targets["period"]
    ends = [b + pd.DateOffset(months=int(m)) - one for b, m in zip(begins, targets["months"].fillna(1), strict=True)]
    ends = pd.Series(ends, targets.index, dtype="datetime64[us]")
    inside = (ends.clip(upper=last) - begins.clip(lower=first) + one).dt.days.clip(lower=0)
    return (targets["target"] * inside / ((ends - begins).dt.days + 1)).groupby(targets["owner"]).sum()


def _required(deals: pd.DataFrame, day: dt.date, months: int) -> dict:
    """Return 1 ÷ win rate by value of the deals closed in the `months` up to `day`, with its bootstrap interval."""
    names = ("required_ratio", "required_ratio_low", "required_ratio_high")
    closed = closed_within(deals, day, months)
    closed = closed[closed["amount"] > 0].sort_values("deal_id")
    won = closed["amount"].where(closed["status"] == "won", 0.0)
    if len(closed) < FEWEST or (won > 0).sum() < FEWEST_WON or won.sum() == closed["amount"].sum():
        return dict.fromkeys(names, np.nan)
    both, random = np.column_stack([closed["amount"], won]), np.random.default_rng(0)
    drawn = random.multinomial(len(both), np.full(len(both), 1 / len(both)), DRAWS) @ both
    with np.errstate(divide="ignore"):
        low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return dict(zip(names, (both[:, 0].sum() / both[:, 1].sum(), low, high), strict=True))


@chart("bar", y="owner", x="coverage_ratio", size=(10, 4.6))
def plot_coverage(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw coverage against the ratio our win rate requires: by quarter, and by owner for the last quarter."""
    ax = ax or style.new_axes((10, 4.6))
    everybody, owners = table[table["owner"] == EVERYBODY], table[table["owner"] != EVERYBODY]
    panels = style.panels(ax, 1, 1 + bool(len(owners)))[0]
    _plot_bullets(
        panels[0], everybody, [f"{row.first_day:%Y-%m} – {row.last_day:%Y-%m}" for row in everybody.itertuples()]
    )
    if len(owners):
        owners = owners.sort_values("coverage_ratio", kind="stable")
        _plot_bullets(panels[1], owners, list(owners["owner"]))
        last = owners.iloc[0]
        panels[1].set_title(f"{last.first_day:%Y-%m} – {last.last_day:%Y-%m}", fontsize=10)
    panels[0].legend(fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return panels[0]


def _plot_bullets(ax: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    places = np.arange(len(rows))
    enough = rows["coverage_ratio"] >= rows["required_ratio"]
    ax.barh(places, rows["coverage_ratio"].fillna(0), color=np.where(enough, style.BLUE, style.SKY), height=0.6)
    reach = [rows["required_ratio"] - rows["required_ratio_low"], rows["required_ratio_high"] - rows["required_ratio"]]
    ax.errorbar(rows["required_ratio"], places, xerr=np.clip(reach, 0, None), fmt="|", ms=16, mew=2, lw=1, capsize=3,
                color=style.INK, label=say(None, "required: 1 ÷ win rate by value", "所需倍数：1 ÷ 金额赢单率"))  # fmt: skip
    ends = rows[["coverage_ratio", "required_ratio_high"]].max(axis=1).fillna(0)
    for end, place, row in zip(ends, places, rows.itertuples(), strict=True):
        ax.annotate(_told(row), (end, place), (5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(places, labels)
    few_rows(ax, len(rows))
    ax.set_xlim(0, 1.3 * ends.max() or 1)
    ax.grid(axis="y", visible=False)
    en = "Open deals due ÷ target; in brackets: target attained"
    ax.set_xlabel(say(None, en, "应结商机金额 ÷ 目标（括号内：目标完成率）"), fontsize=9)


def _told(row) -> str:
    ratio = f"{number(row.coverage_ratio, 1)}×"
    return f"{ratio} ({share(row.attainment_rate)})" if row.attainment_rate == row.attainment_rate else ratio


def coverage_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say with what coverage the last quarter began, what our win rate required, and what was attained."""
    last = table[table["owner"] == EVERYBODY].iloc[-1]
    ratio, day = f"{number(last['coverage_ratio'], 1)}×", f"{last['first_day']:%Y-%m-%d}"
    if not np.isfinite(last["required_ratio"]):
        return say(
            lang,
            f"The quarter from {day} began with {ratio} its target in the pipeline; what is required cannot be said: too few deals were won, or carry amounts.",
            f"自 {day} 起的季度，期初管道为目标的 {ratio}；赢单或带金额的商机过少，无法判断所需倍数。",
        )
    need, low, high = (number(last[f"required_ratio{end}"], 1) for end in ("", "_low", "_high"))
    en = f"The quarter from {day} began with {ratio} its target in due deals; our win rate requires {need}× ({low}–{high})"
    zh = f"自 {day} 起的季度，期初应结商机为目标的 {ratio}；按金额赢单率需要 {need}×（{low}–{high}）"
    if np.isfinite(last["attainment_rate"]):
        en, zh = (
            f"{en}. Attained: {share(last['attainment_rate'])}",
            f"{zh}。目标完成率 {share(last['attainment_rate'])}",
        )
    return say(lang, f"{en}.", f"{zh}。")
