"""Holdout: had we expected orders a while ago, what would have come true?

The models see only what was known some time before the as-of date: a year, or half of the data where they are shorter than two years. The
time that followed judges them, beside two rules that need no model: the account's pace so far, and what it ordered in as long a time before.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.lifecycle.expected_orders import fitted_on, fitted_part, unnamed
from kamlib.models import pareto_nbd
from kamlib.models.bgnbd import BgNbd
from kamlib.models.pareto_nbd import ParetoNbd
from kamlib.models.repeat_purchases import WEEK, bought_between, history
from kamlib.words import number, say, share, word

MODELS = ("bgnbd", "pareto_nbd")
RULES = ("pace", "as_before")
LONGEST, SHORTEST = 52 * 7, 13 * 7
"""Days that judge: a year at most, a quarter at least."""
GROUP = 12
"""So many accounts at least stand in a group of the calibration, in at most eight groups."""


def holdout_table(order_days: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Compare what was expected some time before `as_of` with what that time brought.

    One row per method (the two models and the two rules) and group of accounts, smallest expectation first, and one with group "all": expected_by, expected_group,
    n_accounts, expected_mean and actual_mean (order days per account), actual_mean_low and _high (t-interval), off_share
    (expected ÷ actual − 1), missed_mean (mean absolute miss per account); of "all" only: rank_ratio (correlation of expected and
    actual), gain_mean (how much less BG/NBD misses an account by than this method) with its bootstrap interval. Rules have no groups.
    n_weeks (of that
    time). Empty where the data are shorter than half a year, or accounts were too few then.
    """
    days = holdout_days(order_days, as_of)
    until = pd.Timestamp(as_of) - pd.Timedelta(days=days)
    seen = unnamed(history(order_days, until))
    fitted = fitted_on(seen) if days >= SHORTEST else None
    actual = bought_between(order_days, until, as_of).reindex(seen["account_id"], fill_value=0).to_numpy(float)
    if fitted is None or actual.sum() == 0:
        return pd.DataFrame(columns=_HOLDOUT)
    rows, made = [], _expectations(order_days, seen, fitted, until, as_of)
    for method, expected in made.items():
        rows.append((method, "all", *_compared(expected, actual), *_ranked(expected, made["bgnbd"], actual)))
        if method in RULES:
            continue
        groups = np.array_split(np.argsort(expected.round(9), kind="stable"), max(min(8, len(seen) // GROUP), 1))
        rows += [
            (method, str(i), *_compared(expected[g], actual[g])) + (np.nan,) * 4 for i, g in enumerate(groups, start=1)
        ]
    return pd.DataFrame(rows, columns=_HOLDOUT[:-1]).assign(n_weeks=round(days / WEEK))


def holdout_days(order_days: pd.DataFrame, as_of: dt.date) -> int:
    """Return how many days before `as_of` judge: a year of 52 weeks, or half of the data where those are fewer."""
    span = (pd.Timestamp(as_of) - order_days["order_date"].min()).days if len(order_days) else 0
    return min(LONGEST, span // 2)


_HOLDOUT = [
    "expected_by", "expected_group", "n_accounts", "expected_mean", "actual_mean", "actual_mean_low", "actual_mean_high", "off_share",
    "missed_mean", "rank_ratio", "gain_mean", "gain_mean_low", "gain_mean_high",
    "n_weeks",
]  # fmt: skip


def _expectations(
    order_days: pd.DataFrame, seen: pd.DataFrame, fitted, until: pd.Timestamp, as_of: dt.date
) -> dict[str, np.ndarray]:
    x, t_x, T = (seen[name].to_numpy(float) for name in ("x", "t_x", "T"))
    weeks = (pd.Timestamp(as_of) - until).days / WEEK
    part = fitted_part(seen)
    pareto = ParetoNbd(*pareto_nbd.fit(part["x"], part["t_x"], part["T"]).values)
    before = bought_between(order_days, until - (pd.Timestamp(as_of) - until), until)
    before = before.reindex(seen["account_id"], fill_value=0)
    return {
        "bgnbd": BgNbd(*fitted.values).expected(weeks, x, t_x, T),
        "pareto_nbd": pareto.expected(weeks, x, t_x, T),
        "pace": np.where(T > 0, x / np.maximum(T, 1) * weeks, 0.0),
        "as_before": before.to_numpy(float),
    }


def _compared(expected: np.ndarray, actual: np.ndarray) -> tuple:
    low, high = stats.mean_interval(actual)
    if actual.sum() == 0 and len(actual):
        high = -np.log(0.025) / len(actual)  # none came: what a Poisson mean could still be
    off = expected.sum() / actual.sum() - 1 if actual.sum() else np.nan
    return len(actual), expected.mean(), actual.mean(), max(low, 0), high, off, np.abs(expected - actual).mean()


def _ranked(expected: np.ndarray, model: np.ndarray, actual: np.ndarray) -> tuple[float, float, float, float]:
    spread = len(actual) > 2 and np.ptp(expected) > 0 and np.ptp(actual) > 0
    gain = np.abs(expected - actual) - np.abs(model - actual)
    low, high = stats.bootstrap_interval(gain)
    return float(np.corrcoef(expected, actual)[0, 1]) if spread else np.nan, float(gain.mean()), low, high


@chart(
    "scatter",
    x="expected_mean",
    y="actual_mean",
    colour="expected_by",
    low="actual_mean_low",
    high="actual_mean_high",
    size=(9.5, 4.4),
)
def plot_holdout(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw expected against actual orders by group, and how far each method was off in total and per account."""
    ax = ax or style.new_axes(plot_holdout.size)
    left, right = style.panels(ax, 1, 2, width_ratios=[1.25, 1])[0]
    shown = table[table["expected_group"] != "all"]
    for method, colour, marker in (("bgnbd", style.BLUE, "o"), ("pareto_nbd", style.ORANGE, "s")):
        rows = shown[shown["expected_by"] == method]
        spread = [rows["actual_mean"] - rows["actual_mean_low"], rows["actual_mean_high"] - rows["actual_mean"]]
        left.errorbar(
            rows["expected_mean"], rows["actual_mean"], yerr=np.nan_to_num(spread), color=colour, marker=marker,
            mfc="white" if marker == "s" else colour, ls="", ms=6, lw=1, capsize=2, label=word(method),
        )  # fmt: skip
    top = float(np.nanmax(shown[["expected_mean", "actual_mean", "actual_mean_high"]].to_numpy())) * 1.05
    left.plot([0, top], [0, top], color=style.GREY, lw=1, ls="--")
    left.set_xlabel(say(None, "expected orders per account", "预期每客户下单数"))
    left.set_ylabel(say(None, "actual, with 95 % interval", "实际，含 95 % 区间"))
    left.legend(loc="upper left", fontsize=8)
    _draw_missed(table[table["expected_group"] == "all"], right)
    return left


def _draw_missed(rows: pd.DataFrame, ax: Axes) -> None:
    colours = [style.BLUE if method in MODELS else style.PALE for method in rows["expected_by"]]
    ax.barh(np.arange(len(rows)), rows["missed_mean"], color=colours, height=0.6)
    texts = [
        say(
            None,
            f"{number(row.missed_mean, 1)}; total {_signed(row.off_share)}",
            f"{number(row.missed_mean, 1)}；合计 {_signed(row.off_share)}",
        )
        for row in rows.itertuples()
    ]
    ax.bar_label(ax.containers[0], texts, padding=4, fontsize=8)
    ax.set_yticks(range(len(rows)), [style.wrapped(word(method), 14) for method in rows["expected_by"]], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, rows["missed_mean"].max() * 1.7)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "orders missed per account (mean)", "每客户平均误差（单）"))


def _signed(value: float) -> str:
    return f"+{share(value)}" if value > 0 else share(value)


def holdout_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how far the expectation of that time was off, beside the rules that need no model."""
    rows = table[table["expected_group"] == "all"].set_index("expected_by")
    model, n = rows.loc["bgnbd"], int(rows.loc["bgnbd", "n_accounts"])
    expected, actual = (number(model[name] * n) for name in ("expected_mean", "actual_mean"))
    weeks = int(model["n_weeks"])
    rule = rows.loc[list(RULES)].sort_values("missed_mean").iloc[0]
    other, miss, own = word(rule.name, lang), number(rule["missed_mean"], 1), number(model["missed_mean"], 1)
    en, zh = (
        ("the model is better", "模型更好") if rule["gain_mean_low"] > 0 else ("no proven difference", "差异不显著")
    )
    en, zh = ("the rule is better", "简单规则更好") if rule["gain_mean_high"] < 0 else (en, zh)
    return say(
        lang,
        f"{weeks} weeks ago the model would have expected {expected} orders of {n:,} accounts; {actual} came ({_signed(model['off_share'])}). "
        f"It missed an account by {own} orders, the rule '{other}' by {miss}: {en}.",
        f"{weeks} 周前模型会预期 {n:,} 个客户下单 {expected} 次，实际 {actual} 次（{_signed(model['off_share'])}）。"
        f"每客户误差 {own} 单，“{other}”规则为 {miss} 单：{zh}。",
    )
