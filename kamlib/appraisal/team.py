"""Everything about each person on one page: figures beside the team's, what is strong, and the next step.

No composite score: the figures measure different things, and a weighted sum of them would be a ranking in disguise.
Part of notebook 08.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.appraisal import Book, attainment_table, targets_within
from kamlib.appraisal.win_rates import fair_table
from kamlib.exhibit import chart
from kamlib.words import names, number, say, share, word

VISIT_DAYS = 90
MEASURES = (
    "revenue_attainment_rate", "won_attainment_rate", "fair_rate", "cycle_days", "pipeline_ratio", "visited_share", "satisfaction_mean",
    "grr_rate", "hygiene_share",
)  # fmt: skip
LOWER_IS_BETTER = ("cycle_days",)
APART = 0.1
"""Beyond a tenth from the team's figure a measure is called strong or weak."""


def team_table(of: Book, mix_by: str) -> pd.DataFrame:
    """Return one row per person and one for the team.

    owner ("team" last), n_accounts, n_closed_deals, revenue_attainment_rate, won_attainment_rate, fair_rate, verdict (of the
    win rate), cycle_days (median of won deals), pipeline_ratio (open pipeline ÷ the targets of a quarter), visited_share
    (key accounts with a visit or meeting in 90 days), satisfaction_mean, grr_rate, lost_amount (revenue that lost or
    shrinking accounts took: also of accounts that came from somebody else), hygiene_share (open deals with amount, a
    next step and an expected close that is not past).
    """
    reached = attainment_table(of)
    columns = ["owner", "n_accounts", "n_closed_deals", *MEASURES[:3], "verdict", *MEASURES[3:]]
    if reached.empty:
        return pd.DataFrame(columns=columns)
    wide = reached.pivot(index="owner", columns="metric", values=["actual", "attainment_rate"])
    fair = fair_table(of, mix_by).set_index("owner")
    table = pd.DataFrame(index=pd.Index(wide.index, name="owner"))
    end = pd.Timestamp(of.as_of)
    held = of.credit[(of.credit["since"] <= end) & (of.credit["until"] >= end)]
    table["n_accounts"] = held.groupby("owner")["account_id"].nunique()
    table["n_closed_deals"], table["fair_rate"], table["verdict"] = (
        fair["n_closed_deals"],
        fair["fair_rate"],
        fair["verdict"],
    )
    table["revenue_attainment_rate"], table["won_attainment_rate"] = (
        wide["attainment_rate"]["revenue"],
        wide["attainment_rate"]["won_amount"],
    )
    table["satisfaction_mean"], table["grr_rate"] = wide["actual"]["satisfaction"], wide["actual"]["retention"]
    table["cycle_days"], table["pipeline_ratio"] = _cycle(of), _coverage(of)
    table["visited_share"], table["hygiene_share"] = _visited(of, held), _hygiene(of)
    table = table.astype({"n_accounts": "Int64", "n_closed_deals": "Int64"})
    team = table[list(MEASURES)].median().to_frame("team").T.rename_axis("owner")
    whole = pd.concat([table.sort_index(), team])
    return whole.reset_index()[columns].assign(verdict=lambda t: t["verdict"].fillna("few"))


def _cycle(of: Book) -> pd.Series:
    won = of.deals[(of.deals["status"] == "won") & (of.deals["closed_at"] >= of.start)]
    return won.assign(days=(won["closed_at"] - won["created_at"]).dt.days).groupby("owner")["days"].median()


def _coverage(of: Book) -> pd.Series:
    """Open pipeline ÷ the won-amount target of a quarter, by the targets of the period."""
    targets = targets_within(of.targets, of.start, pd.Timestamp(of.as_of))
    targets = targets[targets["metric"] == "won_amount"].set_index("owner")["target"] * 3 / of.months
    return of.deals[of.deals["status"] == "open"].groupby("owner")["amount"].sum() / targets.where(targets > 0)


def _visited(of: Book, held: pd.DataFrame) -> pd.Series:
    """The share of each person's key accounts that anybody of us visited or met within 90 days."""
    recent = of.activities[of.activities["happened_at"] > pd.Timestamp(of.as_of) - pd.Timedelta(days=VISIT_DAYS)]
    seen = recent.loc[recent["type"].isin(["visit", "meeting"]), "account_id"].unique()
    key = of.accounts.loc[of.accounts["is_key_account"].fillna(False).astype(bool), "account_id"]
    mine = held[held["account_id"].isin(key)]
    return mine.assign(seen=mine["account_id"].isin(seen)).groupby("owner")["seen"].mean()


def _hygiene(of: Book) -> pd.Series:
    deals = of.deals[of.deals["status"] == "open"]
    good = deals["amount"].notna() & deals["next_step"].notna() & (deals["expected_close"] >= pd.Timestamp(of.as_of))
    return good.groupby(deals["owner"]).mean()


def against_team(table: pd.DataFrame) -> pd.DataFrame:
    """Return each figure of `team_table` over the team's, 1 being the same, turned so that more is better."""
    people, team = table[table["owner"] != "team"].set_index("owner"), table[table["owner"] == "team"].iloc[0]
    ratios = people[list(MEASURES)].astype(float) / team[list(MEASURES)].astype(float)
    for name in LOWER_IS_BETTER:
        ratios[name] = 1 / ratios[name].where(ratios[name] > 0)
    return ratios.replace([np.inf, -np.inf], np.nan)


@chart("heatmap", y="owner", x=list(MEASURES), size=(9.5, 5.4))
def plot_team(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the figures as a table, shaded by how far they lie from the team's median: blue better, orange worse."""
    import matplotlib as mpl

    ax = ax or style.new_axes(plot_team.size)
    ratios = against_team(table)
    grid = np.log(ratios.clip(0.5, 2).to_numpy())
    colours = mpl.colormaps["PuOr"].copy()
    ax.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=-1.1, vmax=1.1, aspect="auto")
    values = table.set_index("owner")
    labels = [*ratios.index, "team"]
    ax.set_ylim(len(labels) - 0.5, -0.5)
    for (i, owner), (j, name) in ((a, b) for a in enumerate(labels) for b in enumerate(MEASURES)):
        ax.text(j, i, written(name, values.at[owner, name]), ha="center", va="center", fontsize=8)
    ax.axhline(len(labels) - 1.5, color=style.INK, lw=1)
    ax.set_yticks(range(len(labels)), [*ratios.index, word("team_median")])
    ax.set_xticks(range(len(MEASURES)), [style.wrapped(word(name), 12) for name in MEASURES], fontsize=8)
    ax.xaxis.tick_top()
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def written(name: str, value: float) -> str:
    """Write a figure of `MEASURES`."""
    if value is None or pd.isna(value):
        return "–"
    return share(value) if name.endswith(("_rate", "_share")) else number(value, 0 if name.endswith("_days") else 1)


def team_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Name the measure on which the team differs most, and say that nobody leads on all."""
    ratios = against_team(table)
    spread = ratios.quantile(0.75) / ratios.quantile(0.25)
    widest = spread.idxmax()
    leads = [
        owner
        for owner in ratios.index
        if (ratios.loc[owner].dropna() >= 1).all() and ratios.loc[owner].notna().sum() > 2
    ]
    n = len(ratios)
    en, zh = word(widest, "en").lower(), word(widest, "zh")
    if leads:
        return say(
            lang,
            f"{names(leads, 'en')} reach{'es' * (len(leads) == 1)} the team's median on every figure; people differ most in {en} ({n} people).",
            f"{names(leads, 'zh')}各项均达团队中位数；差异最大的是{zh}（{n} 人）。",
        )
    return say(
        lang,
        f"Nobody of {n} is at or above the team's median on every figure; people differ most in {en}.",
        f"{n} 人中无人各项均达团队中位数；差异最大的是{zh}。",
    )


def pick(table: pd.DataFrame, owner: str) -> str:
    """Return `owner` if it is in the table; by default whoever is furthest from the revenue target; "" for nobody."""
    people = table[table["owner"] != "team"]
    if owner or people.empty:
        return owner
    known = people.dropna(subset="revenue_attainment_rate")
    return str((known if len(known) else people).sort_values("revenue_attainment_rate").iloc[0]["owner"])


def sheet_table(table: pd.DataFrame, owner: str) -> pd.DataFrame:
    """Return the one-page sheet of one person: measure, own_figure, team_figure, standing_ratio (to the team, more is better), standing
    ("strong", "as the team", "weak"; the win rate only beyond chance), next_step. Empty for somebody unknown."""
    columns = ["owner", "measure", "own_figure", "team_figure", "standing_ratio", "standing", "next_step"]
    if owner not in set(table["owner"]) - {"team"}:
        return pd.DataFrame(columns=columns)
    me, team, ratios = (
        table.set_index("owner").loc[owner],
        table.set_index("owner").loc["team"],
        against_team(table).loc[owner],
    )
    rows = []
    for name in MEASURES:
        ratio = ratios[name]
        standing = (
            "not_measured"
            if pd.isna(ratio)
            else "strong"
            if ratio > 1 + APART
            else "weak"
            if ratio < 1 - APART
            else "as_team"
        )
        if name == "fair_rate" and standing in ("strong", "weak") and me["verdict"] in ("chance", "few"):
            standing = "as_team"  # the difference is no more than chance
        step = f"step.{name}" if standing == "weak" else ""
        rows.append([owner, name, written(name, me[name]), written(name, team[name]), ratio, standing, step])
    return pd.DataFrame(rows, columns=columns)


@chart("dots", y="measure", x="standing_ratio", size=(8, 4.6))
def plot_sheet(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each figure beside the team's: to the right is better; the text gives both."""
    ax = ax or style.new_axes(plot_sheet.size)
    rows = table.iloc[::-1]
    y = np.arange(len(rows))
    ratio = rows["standing_ratio"].clip(0.4, 1.8)
    colours = rows["standing"].map({"strong": style.BLUE, "weak": style.VERMILION}).fillna(style.GREY)
    ax.hlines(y, 1, ratio.fillna(1), color=colours, lw=2)
    ax.scatter(ratio, y, color=colours, s=45, zorder=3)
    ax.axvline(1, color=style.INK, lw=1)
    for at, row in zip(y, rows.itertuples(), strict=True):
        text = f"{row.own_figure} ({word('team_median')} {row.team_figure})"
        ax.annotate(text, (1.9, at), va="center", fontsize=8)
    ax.set_xlim(0.35, 2.5)
    ax.set_xticks([0.5, 1, 1.5], ["× 0.5", word("team_median"), "× 1.5"])
    ax.set_yticks(y, [word(name) for name in rows["measure"]])
    ax.grid(axis="y", visible=False)
    return ax


def plot_person(table: pd.DataFrame, ax: Axes | None = None, *, person: str = "") -> Axes:
    """Draw the sheet of `person` from a `team_table`."""
    return plot_sheet(sheet_table(table, pick(table, person)), ax)


def sheet_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what is strong and what to work on."""
    owner = table["owner"].iloc[0]
    strong, weak = (table.loc[table["standing"] == kind, "measure"] for kind in ("strong", "weak"))

    def listed(rows: pd.Series, language: str) -> str:
        labels = [word(name, language) for name in rows]
        return (
            names([label.lower() if language == "en" else label for label in labels], language)
            if labels
            else say(language, "nothing beyond the team", "无突出项")
        )

    return say(
        lang,
        f"{owner}: strong in {listed(strong, 'en')}; to work on: {listed(weak, 'en') if len(weak) else 'nothing'}.",
        f"{owner}：优势为{listed(strong, 'zh')}；待改进：{listed(weak, 'zh') if len(weak) else '无'}。",
    )


def steps_table(sheet: pd.DataFrame, as_of: pd.Timestamp, lang: str) -> pd.DataFrame:
    """Return what to agree on with the person: measure, next_step, due (within 30 days)."""
    rows = sheet[sheet["standing"] == "weak"]
    return pd.DataFrame({
        "owner": rows["owner"], "measure": [word(name, lang) for name in rows["measure"]],
        "next_step": [word(step, lang) for step in rows["next_step"]], "due": pd.Timestamp(as_of) + pd.Timedelta(days=30),
    }).reset_index(drop=True)  # fmt: skip
