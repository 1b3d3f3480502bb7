"""Projection: if accounts keep moving as they did, how many will buy in a year, and did such projections come true before?

π(t+1) = π(t)·P, four steps at most, from the matrix of `journey.transition_table`. That holds only while the matrix does, so
its two halves are compared first (Anderson and Goodman, 1957), and every projection of the past is set beside what came, and
beside the guess that nothing changes.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.lifecycle import BUYING, STATES, states_on
from kamlib.lifecycle.journey import moves_made, step_ends
from kamlib.words import number, say

MOST_STEPS = 4
LEAST_STEPS, LEAST_MOVES = 4, 100
"""A matrix from fewer steps or moves is not projected."""
DRAWS = 400
BUYS = np.isin(STATES, BUYING)


def stationarity(moves: pd.DataFrame, *, permutations: int = 999) -> dict[str, float]:
    """Test whether the later half of the steps has the same transition rates as the earlier: {"n", "statistic", "p"}.

    `moves` as of `journey.moves_made`. The likelihood-ratio statistic of Anderson and Goodman (1957); its p comes from
    permuting the halves among the moves out of one state, since cells are too small for its chi-square. NaN with one step.
    """
    steps = moves["step"].nunique()
    if steps < 2:
        return {"n": len(moves), "statistic": np.nan, "p": np.nan}
    late = moves["step"].isin(sorted(moves["step"].unique())[steps // 2 :]).to_numpy()
    start, end = (pd.Categorical(moves[name], STATES).codes for name in ("state_from", "state_to"))
    cell = start * len(STATES) + end
    order = np.lexsort((late, cell))  # by state and move, not by account: names decide nothing
    late, cell, start = late[order], cell[order], start[order]
    found = _ratio(late, cell)
    random = np.random.default_rng(0)
    bounds = np.flatnonzero(np.diff(start)) + 1
    hits = 0
    for _ in range(permutations):
        shuffled = np.concatenate([random.permutation(part) for part in np.split(late, bounds)])
        hits += _ratio(shuffled, cell) >= found - 1e-9
    return {"n": len(moves), "statistic": found, "p": (1 + hits) / (1 + permutations)}


def _ratio(late: np.ndarray, cell: np.ndarray) -> float:
    """Twice the log-likelihood that a matrix for each half wins over one for both."""
    k = len(STATES)
    halves = [np.bincount(cell[half], minlength=k * k).reshape(k, k) for half in (late, ~late)]
    return float(2 * (sum(_height(half) for half in halves) - _height(sum(halves))))


def _height(counts: np.ndarray) -> float:
    rows = counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(counts * np.log(counts / rows)))


def projection_table(
    spells: pd.DataFrame,
    as_of: dt.date,
    *,
    months: int = 3,
    steps: int = 8,
    ahead: int = MOST_STEPS,
    warm_days: int = 180,
) -> pd.DataFrame:
    """Project the states of the accounts on file, from today and from every earlier step that had enough steps before it.

    One row per origin, step ahead (at most 4) and state: origin, n_steps, month_end, state, n_projected with its 80 % interval (of
    n_projected_low and _high: the doubt about the rates and chance itself), n_unchanged (in that state at the origin), n_accounts (what came;
    missing in the future), p_share (of the test of stationarity, for the last origin; else missing). Steps within
    `warm_days` of the first order do not count: nobody could be lost yet. Empty with fewer than four steps or 100 moves.
    """
    dates = step_ends(spells, as_of, months=months, steps=10_000)
    bought = spells.loc[spells["state"] != "prospect", "start"].min()
    dates = [day for day in dates if day >= bought + pd.Timedelta(days=warm_days)]
    moves = moves_made(spells, as_of, months=months, steps=len(dates) - 1) if len(dates) > 1 else pd.DataFrame()
    held = {day: states_on(spells, day) for day in dates}
    parts = []
    for place, origin in enumerate(dates):
        known = moves[moves["step"].isin(dates[max(place - steps, 0) + 1 : place + 1])] if place else moves
        if place < LEAST_STEPS or len(known) < LEAST_MOVES:
            continue
        later = [origin + pd.offsets.MonthEnd(months * step) for step in range(1, min(ahead, MOST_STEPS) + 1)]
        last = place == len(dates) - 1
        part = _from(held[origin], known, origin, later, DRAWS if last else 0)
        came = {day: held[day].reindex(held[origin].index).value_counts() for day in later if day in held}
        pairs = zip(part["month_end"], part["state"], strict=True)
        part["n_accounts"] = [came[day].get(state, 0) if day in came else np.nan for day, state in pairs]
        part["p_share"] = stationarity(known)["p"] if last else np.nan
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_PROJECTED)


_PROJECTED = [
    "origin", "n_steps", "month_end", "state", "n_projected", "n_projected_low", "n_projected_high", "n_unchanged",
    "n_buying_low", "n_buying_high", "n_accounts", "p_share",
]  # fmt: skip


def _from(
    now: pd.Series, moves: pd.DataFrame, origin: pd.Timestamp, later: list[pd.Timestamp], draws: int
) -> pd.DataFrame:
    """Project from one origin; intervals only with `draws`."""
    k = len(STATES)
    counts = pd.crosstab(moves["state_from"], moves["state_to"]).reindex(index=STATES, columns=STATES, fill_value=0)
    held = now.value_counts().reindex(STATES, fill_value=0).to_numpy()
    counts = counts.to_numpy(float)
    mean, expected = held.astype(float), []
    rates = _rates(counts, counts)
    for _ in later:
        mean = mean @ rates
        expected.append(mean)
    part = {
        "origin": origin,
        "n_steps": np.repeat(np.arange(1, len(later) + 1), k),
        "month_end": np.repeat(later, k),
        "state": np.tile(STATES, len(later)),
        "n_projected": np.concatenate(expected).round(6),
        "n_unchanged": np.tile(held, len(later)),
    }
    futures = _futures(counts, held, len(later), draws)
    for name, drawn in (("n_projected", futures), ("n_buying", futures[:, :, BUYS].sum(axis=2).repeat(k, 1))):
        bounds = (
            np.quantile(drawn.reshape(draws, -1), [0.1, 0.9], axis=0, method="inverted_cdf")
            if draws
            else np.full((2, 1), np.nan)
        )
        part |= {f"{name}_low": bounds[0] if draws else np.nan, f"{name}_high": bounds[1] if draws else np.nan}
    return pd.DataFrame(part)


def _rates(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Divide `weights` by their row sums; a state that nobody was seen to leave or keep stays as it is."""
    total = weights.sum(axis=-1, keepdims=True)
    known = counts.sum(axis=1, keepdims=True) > 0
    return np.where(known, weights / np.where(total > 0, total, 1), np.eye(len(counts)))


def _futures(counts: np.ndarray, held: np.ndarray, ahead: int, draws: int) -> np.ndarray:
    """Return possible numbers by draw, step and state: rates from the Dirichlet posterior, accounts moved by chance."""
    random = np.random.default_rng(0)
    rates = _rates(counts, random.gamma(counts + 1 / len(held), size=(draws, *counts.shape)))
    at, steps = np.tile(held, (draws, 1)), []
    for _ in range(ahead):
        at = random.multinomial(at, rates).sum(axis=1)
        steps.append(at)
    return np.stack(steps, axis=1)


def buying_table(projected: pd.DataFrame) -> pd.DataFrame:
    """Sum the buying states of `projection_table`: one row per origin and step ahead.

    origin, n_steps, month_end, n_projected with its 80 % interval (of the last origin), n_unchanged (buying at the origin), n_accounts (buying
    when the day came; missing in the future), p_share (of the test of stationarity; last origin).
    """
    rows = projected[projected["state"].isin(BUYING)]
    sums = rows.groupby(["origin", "n_steps", "month_end"], as_index=False).agg(
        n_projected=("n_projected", "sum"), n_projected_low=("n_buying_low", "first"), n_projected_high=("n_buying_high", "first"),
        n_unchanged=("n_unchanged", "sum"), n_accounts=("n_accounts", lambda values: values.sum(skipna=False)), p_share=("p_share", "first"),
    )  # fmt: skip
    return sums if len(sums) else pd.DataFrame(columns=list(sums.columns))


@chart("line", x="month_end", y="n_projected", low="n_projected_low", high="n_projected_high", size=(9.5, 4.2))
def plot_projection(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the buying accounts that were projected from now and from earlier origins, and the miss by steps ahead."""
    ax = ax or style.new_axes(plot_projection.size)
    left, right = style.panels(ax, 1, 2, width_ratios=[1.6, 1])[0]
    rows = table
    now = rows["origin"].max()
    for origin, path in rows.groupby("origin"):
        days = [origin, *path["month_end"]]
        late = origin == now
        left.plot(
            days,
            [path["n_unchanged"].iloc[0], *path["n_projected"]],
            color=style.BLUE if late else style.SKY,
            lw=2 if late else 0.9,
            marker="o" if late else "",
            ms=4,
        )
        if late:
            start = path["n_unchanged"].iloc[0]
            left.fill_between(
                days,
                [start, *path["n_projected_low"]],
                [start, *path["n_projected_high"]],
                color=style.BLUE,
                alpha=0.18,
                lw=0,
            )
    start = rows.groupby("origin")["n_unchanged"].first()
    left.plot(start.index, start, color=style.INK, marker="o", ms=4, lw=1.4)
    left.set_ylim(0, max(rows["n_projected_high"].max(), start.max()) * 1.12)
    left.set_ylabel(say(None, "buying accounts", "在购客户数"))
    days = sorted({*rows["origin"], *rows["month_end"]})[-1::-2]
    left.set_xticks(days, [f"{day:%Y-%m}" for day in days], rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    texts = [
        say(None, "actual", "实际"),
        say(None, "projected then", "当时推算"),
        say(None, "projected now, 80 %", "现在推算，80 %"),
    ]
    left.legend([left.lines[-1], left.lines[0], left.lines[-2]], texts, loc="lower left", fontsize=8)
    _draw_misses(rows, right)
    return left


def _draw_misses(rows: pd.DataFrame, ax: Axes) -> None:
    errors = misses(rows)
    at = np.arange(len(errors))
    ax.bar(at - 0.2, errors["projected"], width=0.38, color=style.BLUE, label=say(None, "projection", "推算"))
    ax.bar(at + 0.2, errors["unchanged"], width=0.38, color=style.PALE, label=say(None, "nothing changes", "假设不变"))
    for container in ax.containers:
        ax.bar_label(container, fmt="%.1f", fontsize=8, padding=2)
    ax.set_xticks(at, [f"{step}\n(n = {n})" for step, n in zip(errors.index, errors["n"], strict=True)])
    ax.set_xlabel(say(None, "steps ahead (n = origins tested)", "向前期数（n = 检验起点数）"))
    ax.set_ylabel(say(None, "buying accounts missed (mean)", "在购客户数平均误差"))
    ax.margins(y=0.3)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", fontsize=8)


def misses(rows: pd.DataFrame) -> pd.DataFrame:
    """Return by steps ahead how far the number of buying accounts was off on average, and had nothing changed."""
    known = rows.dropna(subset=["n_accounts"])
    errors = known.assign(
        projected=(known["n_projected"] - known["n_accounts"]).abs(),
        unchanged=(known["n_unchanged"] - known["n_accounts"]).abs(),
    )
    by_step = errors.groupby("n_steps")
    return by_step[["projected", "unchanged"]].mean().assign(n=by_step.size())


def projection_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts should buy at the end of the projection, whether the rates hold, and how the past fared."""
    rows = table
    last = rows[rows["origin"] == rows["origin"].max()].iloc[-1]
    p, errors = table["p_share"].dropna(), misses(rows)
    day, low, high = f"{last['month_end']:%Y-%m-%d}", int(last["n_projected_low"]), int(last["n_projected_high"])
    en = f"If accounts keep moving as they did, {number(last['n_projected'])} of those on file buy on {day} (80 % interval {low} to {high}; now {int(last['n_unchanged'])})"
    zh = f"若转移规律不变，{day} 在册客户中 {number(last['n_projected'])} 个在购（80 % 区间 {low}～{high}，目前 {int(last['n_unchanged'])}）"
    steady = p.iloc[0] >= 0.05 if len(p) else None
    if steady is not None:
        chance = "≤ 0.001" if p.iloc[0] <= 0.001 else f"= {number(p.iloc[0], 3)}"
        en += f"; the rates {'held' if steady else 'did not hold'} between the two halves (p {chance})"
        zh += f"；前后两半的转移率{'无显著差异' if steady else '不一致'}（p {chance}）"
    if len(errors):
        far = errors.iloc[-1]
        verdict = ("better than", "优于") if far["projected"] < far["unchanged"] else ("no better than", "不优于")
        en += f"; past projections {int(errors.index[-1])} step{'s' if errors.index[-1] > 1 else ''} ahead missed by {number(far['projected'], 1)} accounts, {verdict[0]} the guess that nothing changes ({number(far['unchanged'], 1)})"
        zh += f"；以往提前 {int(errors.index[-1])} 期的推算平均偏差 {number(far['projected'], 1)} 个，{verdict[1]}“假设不变”（{number(far['unchanged'], 1)}）"
    return say(lang, f"{en}.", f"{zh}。")
