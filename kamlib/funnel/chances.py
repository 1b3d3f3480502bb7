"""Chances: how likely is a win, for a deal that has waited so long in its stage?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST, days_between, exact, longest_cycle, stage_entries, window_start, with_span
from kamlib.models.competing_risks import incidence_by
from kamlib.settings import Stage
from kamlib.words import number, say, share, word

LANDMARKS = (0, 7, 14, 21, 28, 42, 56, 77, 98, 126, 182)
"""Days of waiting in a stage at which the chance to win is estimated anew."""
MANY = 30
"""Deals that a wait needs before a claim rests on it."""
PRIOR = 10
"""Deals that the chance one landmark earlier counts for."""
CHANCES = "stage waited_days n_waited n_known chance_rate chance_rate_low chance_rate_high".split()


def all_entries(deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage]) -> pd.DataFrame:
    """Return `funnel.stage_entries`, and their creation as the only entry of deals whose stages no history shows."""
    entries = stage_entries(deals, history, stages)
    missing = deals[~deals["deal_id"].isin(entries["deal_id"])]
    return pd.concat([entries, stage_entries(missing, history.head(0), stages)], ignore_index=True)


def _timed(entries: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Add stay_days, in the stage so far, and close_days, until the deal closed or was last seen."""
    today = pd.Series(pd.Timestamp(as_of), entries.index)
    left = entries["moved_on_at"].fillna(entries["lost_at"]).fillna(today)
    stay = days_between(entries["entered_at"], left, entries["entered_after"], entries["moved_on_after"])
    close = entries["closed_at"].fillna(today)
    time = days_between(entries["entered_at"], close, entries["entered_after"], exact(entries.index))
    return entries.assign(stay_days=stay["days"], close_days=time["days"])


def chance_table(entries: pd.DataFrame, as_of: dt.date, days: float = np.inf, *, months: int = 24) -> pd.DataFrame:
    """Return the chance to be won within `days`, for a deal that is still in a stage after `waited_days`.

    Landmark Aalen–Johansen: of the deals that entered the stage in the last `months`, those that had neither moved on
    nor been lost after so many days (n_waited), and the share of them won within the next `days`, open deals censored.
    chance_rate = (n·share + 10·c) ÷ (n + 10), where n is n_known, the deals among them that ended within `days` or were
    watched for so long, and c is the chance one landmark earlier, at the first landmark that of
    all stages together: few deals are pulled to what is known of more. `_low`, `_high`: 95 % interval. No default of the
    CRM enters. Source: van Houwelingen (2007), Dynamic prediction by landmarking; Putter and Spitoni (2018).
    """
    rows = _timed(entries[entries["entered_at"] > window_start(as_of, months)], as_of)
    pooled, found = _won_within(rows, (0,), days)[0][2], []
    for (_, stage), group in rows.groupby(["position", "stage"]):
        chance = pooled
        for landmark, (waited, n, won) in zip(LANDMARKS, _won_within(group, LANDMARKS, days), strict=True):
            chance = (n * won + PRIOR * chance) / (n + PRIOR)
            found.append((stage, landmark, waited, n, chance))
    table = pd.DataFrame(found, columns=CHANCES[:5])
    table["chance_rate_low"], table["chance_rate_high"] = _belief(table["chance_rate"], table["n_known"])
    return table


def _won_within(rows: pd.DataFrame, landmarks: Sequence[int], days: float) -> list[tuple[int, int, float]]:
    """Return, for each landmark, how many deals were still in the stage, of how many it is known what came in the next
    `days`, and the share won in them."""
    stay, close, ends = (rows[name].to_numpy() for name in ("stay_days", "close_days", "status"))
    is_over, found = rows["closed_at"].notna().to_numpy(), []
    for landmark in landmarks:
        waiting = stay > landmark if landmark else np.ones(len(rows), bool)
        left = close[waiting] - landmark
        n = int((is_over[waiting] | (left >= days)).sum())
        found.append((len(left), n, incidence_by(left, ends[waiting], days) if len(left) else 0.0))
    return found


def counts(chance: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of the deals behind a chance speak for winning and how many against, those of the prior included."""
    return np.maximum(chance * (n + PRIOR), 1e-9), np.maximum((1 - chance) * (n + PRIOR), 1e-9)


def _belief(chance: np.ndarray, n: np.ndarray) -> np.ndarray:
    from scipy import stats as sp

    return sp.beta.ppf([[0.025], [0.975]], *counts(chance, n))


def open_chances(
    deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date, days: int, *, months: int = 24
) -> pd.DataFrame:
    """Return the open deals with the chance to be won within `days`: deal_id, stage, waited_days (the landmark before its
    wait), amount, n_known and chance_rate, both read between the landmarks of `chance_table`. A deal older than any that ever closed has no chance: nobody has seen one won."""
    entries = all_entries(deals, history, stages)
    rates = chance_table(entries, as_of, days, months=months)
    rows = _timed(entries[(entries["status"] == "open") & entries["moved_on_at"].isna()], as_of)
    rows["chance_rate"], rows["n_known"] = 0.0, 0.0
    for stage, known in rates.groupby("stage"):
        hit = rows["stage"] == stage
        for column in ("chance_rate", "n_known"):
            rows.loc[hit, column] = np.interp(rows.loc[hit, "stay_days"], known["waited_days"], known[column])
    place = np.searchsorted(LANDMARKS, rows["stay_days"].to_numpy(float), side="right") - 1
    rows["waited_days"] = np.array(LANDMARKS)[np.clip(place, 0, None)]
    created = deals.set_index("deal_id")["created_at"].reindex(rows["deal_id"]).set_axis(rows.index)
    stale = (pd.Timestamp(as_of) - created).dt.days > longest_cycle(deals)
    rows["chance_rate"] = rows["chance_rate"].mask(stale, 0.0)
    return rows[["deal_id", "amount", "stage", "waited_days", "n_known", "chance_rate"]].sort_values(
        "deal_id", ignore_index=True
    )


@chart("heatmap", x="waited_days", y="stage", colour="chance_rate", size=(9, 3.8))
def plot_chances(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the chance by stage and days waited as a heat map; where fewer than ten deals waited so long the cell is empty."""
    ax = ax or style.new_axes((9, 3.8))
    known = table.assign(chance_rate=table["chance_rate"].where(table["n_waited"] >= FEWEST))
    known = known[known["waited_days"] <= known.loc[known["chance_rate"].notna(), "waited_days"].max()]
    known["text"] = [f"{share(r.chance_rate)}\n({r.n_waited:,})" for r in known.itertuples()]
    wide = {name: known.pivot(index="stage", columns="waited_days", values=name) for name in ("chance_rate", "text")}
    order = list(dict.fromkeys(table["stage"]))
    style.heat_map(ax, wide["chance_rate"].loc[order], wide["text"].loc[order], high=1)
    ax.set_xlabel(
        say(
            None,
            "Days waited in the stage; in brackets: deals that waited so long",
            "已在该阶段停留天数；括号内：停留至此的商机数",
        )
    )
    return ax


def chances_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the stage in which waiting costs most: its chance on entering and after the longest wait that thirty deals had;
    when the two intervals overlap in every stage, that waiting does not tell."""
    enough = table[table["n_waited"] >= FEWEST]
    n = number(table.loc[table["waited_days"] == 0, "n_waited"].sum())
    if enough.empty or not enough["chance_rate"].max() > 0:
        return say(lang, f"Not enough data on waiting and winning (n = {n}).", f"停留与赢单数据不足（n = {n}）。")
    many = table[table["n_waited"] >= MANY]
    fresh, late = (many.groupby("stage", sort=False).nth(place).set_index("stage") for place in (0, -1))
    fall = (fresh["chance_rate"] - late["chance_rate"]).where(late["chance_rate_high"] < fresh["chance_rate_low"])
    if fall.isna().all():
        return say(
            lang,
            f"In no stage does waiting change the chance to win beyond chance (n = {n}).",
            f"各阶段的停留时间对赢率的影响均未超出随机波动（n = {n}）。",
        )
    stage = fall.idxmax()
    start, end = with_span(fresh.loc[stage], "chance_rate", lang), with_span(late.loc[stage], "chance_rate", lang)
    days = number(late.loc[stage, "waited_days"])
    return say(
        lang,
        f"Waiting tells: in {word(stage, 'en')} {start} of deals win on entering, {end} after {days} days there.",
        f"停留越久赢率越低：{word(stage, 'zh')}阶段，进入时赢率 {start}，停留 {days} 天后为 {end}。",
    )
