"""Moves: which ways do deals take through the stages: step by step, skipping, falling back, or out?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST
from kamlib.words import number, say, share, word

MOVES = "from_stage to_stage move n_moves n_deals amount moves_share".split()
KINDS = ("new", "skip", "step", "won", "return", "open", "lost")
COLOURS = {
    "new": style.PALE, "skip": style.SKY, "step": style.BLUE, "won": style.GREEN, "return": style.PURPLE,
    "open": style.PALE, "lost": style.VERMILION,
}  # fmt: skip
PAPER = {"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 1}


def move_table(visits: pd.DataFrame, as_of: dt.date, *, months: int = 24, horizon_days: int = 180) -> pd.DataFrame:
    """Count the moves of the deals that entered the pipeline in a mature cohort: from_stage, to_stage, move, n_moves,
    n_deals (a deal can fall back twice), amount, moves_share (of all stays in from_stage).

    `visits` is `funnel.stage_visits`. The cohort: first stage entered in the `months` that ended `horizon_days` before
    `as_of`. move: "new" (from_stage "created": where deals begin), "step" to the next stage, "skip" past one, "return" to
    an earlier one, "won", "lost", "open" (still there). Every stay is in one row as begun and in one as ended.
    """
    last = pd.Timestamp(as_of) - pd.Timedelta(days=horizon_days)
    first = visits.groupby("deal_id")["entered_at"].transform("min")
    rows = visits[(first <= last) & (first > last - pd.DateOffset(months=months))].copy()
    following = rows.groupby("deal_id")[["stage", "position"]].shift(-1)
    jump = following["position"] - rows["position"]
    end = rows["status"].where(rows["status"].isin(["won", "lost"]), "open")
    move = np.select([jump == 1, jump > 1, jump < 0], ["step", "skip", "return"], end)
    rows = rows.assign(from_stage=rows["stage"], to_stage=following["stage"].fillna(end), move=move)
    begun = rows.drop_duplicates("deal_id").assign(
        from_stage="created", to_stage=lambda r: r["stage"], move="new", position=-1
    )
    keys = ["position", "from_stage", "to_stage", "move"]
    table = pd.concat([begun, rows]).groupby(keys, as_index=False).agg(
        n_moves=("deal_id", "size"), n_deals=("deal_id", "nunique"), amount=("amount", "sum")
    )  # fmt: skip
    table["moves_share"] = table["n_moves"] / table.groupby("from_stage")["n_moves"].transform("sum")
    order = table.assign(kind=table["move"].map(KINDS.index)).sort_values(["position", "kind", "to_stage"])
    return order[MOVES].reset_index(drop=True)


@chart("network", x="from_stage", y="to_stage", area="n_moves", size=(10, 5))
def plot_moves(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the moves as a Sankey: bands as wide as the deals in them; losses fall down, returns arch back in purple."""
    ax = ax or style.new_axes((10, 5))
    stages = list(dict.fromkeys([*table.loc[table["from_stage"] != "created", "from_stage"]]))
    places = {stage: float(place) for place, stage in enumerate([*stages, "won"])}
    scale = 1 / table.loc[table["move"] == "new", "n_moves"].sum()
    deepest = table.loc[table["move"] == "lost", "n_moves"].max() * scale if (table["move"] == "lost").any() else 0
    out, into = dict.fromkeys(places, 0.0), dict.fromkeys(places, 0.0)
    for kind in KINDS:
        for row in table[table["move"] == kind].itertuples():
            _band(ax, row, places, scale, out, into)
    skips = table[table["move"] == "skip"].groupby("from_stage")[["n_moves", "moves_share"]].sum()
    for row in skips.itertuples():
        text = f"{word('skip')} {share(row.moves_share)} ({row.n_moves:,})"
        ax.text(places[row.Index] + 0.06, 0.27, text, fontsize=8)
    for stage, x in places.items():
        tall = max(out[stage], into[stage])
        ax.add_patch(
            Rectangle((x - 0.04, -tall), 0.08, tall, color=style.INK if stage != "won" else style.GREEN, lw=0, zorder=3)
        )
    texts = [
        f"{style.wrapped(word(stage), 16)}\nn = {round(max(out[stage], into[stage]) / scale):,}" for stage in places
    ]
    ax.set_xticks(list(places.values()), texts)
    ax.set(xlim=(-0.75, len(stages) + 0.35), ylim=(-1.17 - deepest, 0.42), yticks=[])
    ax.xaxis.set_ticks_position("top")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _band(ax: Axes, row, places: dict, scale: float, out: dict, into: dict) -> None:
    """Draw one move and note how much of its stages' sides it takes."""
    tall, colour = row.n_moves * scale, COLOURS[row.move]
    text = f"{share(row.moves_share)} ({row.n_moves:,})"
    if row.move == "new":
        x, top = places[row.to_stage], -into[row.to_stage]
        _ribbon(ax, (x - 0.35, top), (x - 0.04, top), tall, colour)
        place = {"x": x - 0.2, "ha": "center", "bbox": PAPER} if x else {"x": x - 0.37, "ha": "right"}
        ax.text(y=top - tall / 2, s=f"{word('new_deals')} {row.n_moves:,}", va="center", fontsize=8, zorder=4, **place)
        into[row.to_stage] += tall
        return
    x, top = places[row.from_stage], -out[row.from_stage]
    if row.move == "return":
        _arch(ax, x, places[row.to_stage], tall, row.n_moves)
    elif row.move in ("lost", "open"):
        down = -1.12 if row.move == "lost" else top - tall - 0.06
        _ribbon(ax, (x + 0.04, top), (x + 0.42, down), tall, colour)
        if row.move == "lost" or row.moves_share >= 0.05:
            ax.text(x + 0.44, down - tall / 2, f"{word(row.move)}\n{text}", va="center", fontsize=8)
    else:
        goal = places[row.to_stage]
        start, end = (x + 0.04, top), (goal - 0.04, -into[row.to_stage])
        _ribbon(ax, start, end, tall, colour, lift=0.3 if row.move == "skip" else 0.0)
        if row.move != "skip" and tall > 0.05:
            ax.text(x + 0.3, top - tall / 2, text, ha="center", va="center", fontsize=8, color="white", zorder=4)
        into[row.to_stage] += tall
    out[row.from_stage] += tall


def _ribbon(ax: Axes, start: tuple, end: tuple, tall: float, colour: str, lift: float = 0.0) -> None:
    """Draw a band from the side of one stage to the side of another, `tall` high at both, lifted in between."""
    (x0, y0), (x1, y1) = start, end
    middle = (x0 + x1) / 2
    points = [
        (x0, y0), (middle, y0 + lift), (middle, y1 + lift), (x1, y1), (x1, y1 - tall), (middle, y1 - tall + lift),
        (middle, y0 - tall + lift), (x0, y0 - tall), (x0, y0),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(points, codes), facecolor=colour, alpha=0.75, lw=0))


def _arch(ax: Axes, x: float, goal: float, tall: float, n: int) -> None:
    """Draw a return as an arch over the stages between, from right to left."""
    lift = 0.1 + 0.08 * (x - goal)
    outer = [(x, 0), (x, lift + tall), (goal, lift + tall), (goal, 0)]
    inner = [(goal + tall / 2, 0), (goal + tall / 2, lift), (x - tall / 2, lift), (x - tall / 2, 0)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    ax.add_patch(PathPatch(Path(outer + inner, codes), facecolor=COLOURS["return"], alpha=0.85, lw=0))
    ax.text((x + goal) / 2, 0.78 * (lift + tall), f"↩ {n:,}", ha="center", va="bottom", fontsize=8, color=style.INK)


def moves_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many deals took every step, skipped one or fell back, and where most are lost."""
    n = table.loc[table["move"] == "new", "n_deals"].sum()
    if n < FEWEST:
        return say(lang, f"Not enough data on moves (n = {n}).", f"阶段流转数据不足（n = {n}）。")
    skips, returns = (table.loc[table["move"] == kind, "n_moves"].sum() for kind in ("skip", "return"))
    lost = table[table["move"] == "lost"]
    ends = {"en": "", "zh": ""}
    if len(lost):
        worst = lost.loc[lost["n_moves"].idxmax()]
        part, k = share(worst["n_moves"] / lost["n_moves"].sum()), number(lost["n_moves"].sum())
        ends = {
            "en": f"; {part} of the {k} losses come out of {word(worst['from_stage'], 'en').lower()}",
            "zh": f"；{k} 个输单中 {part}发生在{word(worst['from_stage'], 'zh')}",
        }
    return say(
        lang,
        f"Of {number(n)} deals, stages are skipped {number(skips)} times and fallen back from {number(returns)} times{ends['en']}.",
        f"{number(n)} 个商机中，跳过阶段 {number(skips)} 次，退回 {number(returns)} 次{ends['zh']}。",
    )
