"""Calibration: of the deals we called likely, how many were won? Ours against the CRM's defaults, on past pipelines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import FEWEST
from kamlib.funnel.chances import open_chances
from kamlib.funnel.past import Book
from kamlib.settings import Stage
from kamlib.stats import wilson
from kamlib.words import number, say, share

BINS = 5
DRAWS = 500
CALIBRATION = (
    "forecaster n_deals predicted_rate observed_rate observed_rate_low observed_rate_high skill_rate skill_rate_low "
    "skill_rate_high"
).split()


def predictions(
    books: Sequence[Book], deals: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date,
    *, horizon_days: int = 180, months: int = 24,
) -> pd.DataFrame:  # fmt: skip
    """Return what each past pipeline promised, as known then, and what came: deal_id, day, crm_rate (default of the
    stage), our_rate (`chances.chance_table`), base_rate (share won of the deals closed by then), is_won within
    `horizon_days`. Pipelines less than that ago, and those before which fewer than ten deals closed, are left out."""
    defaults, parts = {stage.name: stage.probability for stage in stages}, []
    ends = deals.set_index("deal_id")[["status", "closed_at"]]
    for book in books:
        limit = pd.Timestamp(book.day) + pd.Timedelta(days=horizon_days)
        closed = book.deals["status"].isin(["won", "lost"])
        if limit > pd.Timestamp(as_of) or closed.sum() < FEWEST:
            continue
        rows = open_chances(book.deals, book.history, stages, book.day, horizon_days, months=months)
        end = ends.reindex(rows["deal_id"])
        parts.append(pd.DataFrame({
            "deal_id": rows["deal_id"], "day": pd.Timestamp(book.day), "our_rate": rows["chance_rate"],
            "crm_rate": rows["deal_id"].map(book.deals.set_index("deal_id")["stage"]).map(defaults).astype(float),
            "base_rate": (book.deals["status"] == "won").sum() / closed.sum(),
            "is_won": ((end["status"] == "won") & (end["closed_at"] <= limit)).to_numpy(),
        }))  # fmt: skip
    columns = ["deal_id", "day", "our_rate", "crm_rate", "base_rate", "is_won"]
    return pd.concat(parts, ignore_index=True).dropna() if parts else pd.DataFrame(columns=columns)


def calibration_table(predicted: pd.DataFrame) -> pd.DataFrame:
    """Compare predicted and observed win rates of `predictions`, for forecaster "crm" and "ours".

    One row per default of the CRM, and per fifth of our own predictions: n_deals, predicted_rate (mean), observed_rate
    with its Wilson interval. skill_rate, the same in all rows of a forecaster: 1 − Brier score ÷ Brier score of the base
    rate (0: no better than giving every deal the same chance; below 0: worse), with a 95 % bootstrap interval over deals,
    since a deal can be in two pipelines. Source: Brier (1950); Murphy (1973). Empty without ten predictions.
    """
    if len(predicted) < FEWEST:
        return pd.DataFrame(columns=CALIBRATION)
    fifth = predicted["our_rate"].rank(method="average", pct=True).mul(BINS).apply(np.ceil)
    won, parts = predicted["is_won"].astype(float), []
    for forecaster, rate, bins in (
        ("crm", predicted["crm_rate"], predicted["crm_rate"]), ("ours", predicted["our_rate"], fifth),
    ):  # fmt: skip
        rows = pd.DataFrame({"rate": rate.astype(float), "won": won}).groupby(bins).agg(
            n_deals=("won", "size"), predicted_rate=("rate", "mean"), n_won=("won", "sum"))  # fmt: skip
        rows["observed_rate"] = rows["n_won"] / rows["n_deals"]
        rows["observed_rate_low"], rows["observed_rate_high"] = wilson(rows["n_won"], rows["n_deals"])
        skill = dict(zip(("skill_rate", "skill_rate_low", "skill_rate_high"), _skill(predicted, rate), strict=True))
        parts.append(rows.assign(forecaster=forecaster, **skill))
    return pd.concat(parts)[CALIBRATION].reset_index(drop=True)


def _skill(predicted: pd.DataFrame, rate: pd.Series) -> tuple[float, float, float]:
    """Return the Brier skill score against the base rate, and its bootstrap interval over deals."""
    won = predicted["is_won"].astype(float)
    errors = pd.DataFrame({"ours": (rate - won) ** 2, "base": (predicted["base_rate"] - won) ** 2}).astype(float)
    by_deal = errors.groupby(predicted["deal_id"]).sum().to_numpy()
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(by_deal), np.full(len(by_deal), 1 / len(by_deal)), DRAWS) @ by_deal
    sums = np.vstack([by_deal.sum(axis=0), drawn])
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(sums[:, 1] > 0, 1 - sums[:, 0] / sums[:, 1], np.nan)
    if not np.isfinite(skill).any():  # the base rate made no error: nothing is left to gain
        return np.nan, np.nan, np.nan
    return float(skill[0]), *map(float, np.nanquantile(skill[1:], [0.025, 0.975]))


@chart("scatter", x="predicted_rate", y="observed_rate", colour="forecaster", size=(7, 5))
def plot_calibration(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw observed over predicted win rate; on the diagonal a promise is kept."""
    ax = ax or style.new_axes((7, 5))
    ax.plot([0, 1], [0, 1], color=style.GREY, lw=1, ls="--")
    ax.text(0.03, 0.93, say(None, "dashed: promised = kept", "虚线：预测 = 实际"), color=style.GREY, fontsize=8)
    for name, marker, colour, label in (
        ("crm", "D", style.ORANGE, say(None, "CRM defaults, by stage", "CRM默认赢率（按阶段）")),
        ("ours", "o", style.BLUE, say(None, "observed, by stage and waiting time; fifths", "实际赢率（按阶段与停留时长，五等分）")),
    ):  # fmt: skip
        rows = table[table["forecaster"] == name]
        reach = [rows["observed_rate"] - rows["observed_rate_low"], rows["observed_rate_high"] - rows["observed_rate"]]
        ax.errorbar(rows["predicted_rate"], rows["observed_rate"], yerr=np.clip(reach, 0, None), fmt=marker,
                    color=colour, capsize=3, label=label)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_xlabel(say(None, "Predicted win rate", "预测赢率"))
    ax.set_ylabel(say(None, "Share won (Wilson 95 %)", "实际赢单占比（Wilson 95 %）"))
    style.percent_axis(ax.xaxis)
    style.percent_axis(ax.yaxis)
    ax.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    return ax


def calibration_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how much better than one chance for all the two forecasters did, with intervals, on how many past deals."""
    rows = table.drop_duplicates("forecaster").set_index("forecaster")
    n = number(table.loc[table["forecaster"] == "ours", "n_deals"].sum())
    if not np.isfinite(rows["skill_rate"]).all():
        return say(
            lang,
            f"Cannot be said: all {n} past open deals ended alike, or as was predicted for all.",
            f"无法判断：过往 {n} 个进行中商机结局相同。",
        )
    told = {
        name: f"{share(row['skill_rate'])} ({share(row['skill_rate_low'])} … {share(row['skill_rate_high'])})"
        for name, row in rows.iterrows()
    }
    return say(
        lang,
        f"Brier skill on {n} past open deals: observed rates {told['ours']}, CRM defaults {told['crm']}; 0 % is one rate for all.",
        f"对过往 {n} 个进行中商机的 Brier 技能分：实际赢率 {told['ours']}，CRM默认赢率 {told['crm']}；0 % 等同于统一赢率。",
    )
