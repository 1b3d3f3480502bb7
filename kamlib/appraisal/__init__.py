"""Appraisal: did each salesperson reach the target, and what of the difference is theirs?

Notebook 08. Here: the book of each person and attainment. `win_rates` compares what each wins with what others win with
the same customers, `gap` takes a missed target apart, `team` puts everything about each person on one page.

Personal data: managers only. Revenue, losses and answers belong to whoever had the account on that day; where the
account team does not say, to its present owner. Two people on one account share it equally.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import churn, style
from kamlib.churn.retention import retention_table
from kamlib.exhibit import chart
from kamlib.mart.window import months_ending
from kamlib.words import money, names, say, share, word
from kamlib.workspace import Data

FOR = ("", "manager")
"""The roles whose runs show the appraisal; "" is a run without a role, over all of the data."""
METRICS = ("revenue", "won_amount", "satisfaction", "retention")
SUMS = ("revenue", "won_amount")
"""Metrics that add up over time; the others are levels."""
SHOWN = 1.5
"""Bars end at one and a half times the target; the figure beside them does not."""


@dataclass(frozen=True)
class Book:
    """What is needed of everybody: frames cut at `as_of`; empty ones for a role that may not see them. `credit` says who
    had an account from when to when, and which part: account_id, owner, since, until, part."""

    as_of: dt.date
    months: int
    accounts: pd.DataFrame
    credit: pd.DataFrame
    deals: pd.DataFrame
    revenue: pd.DataFrame
    targets: pd.DataFrame
    surveys: pd.DataFrame
    activities: pd.DataFrame

    @property
    def start(self) -> pd.Timestamp:
        """The first day of the period."""
        return pd.Timestamp(months_ending(self.as_of, self.months).start)

    @property
    def before(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last day of the period of the same length before."""
        last = self.start - pd.Timedelta(days=1)
        return pd.Timestamp(months_ending(last.date(), self.months).start), last

    @property
    def owners(self) -> list[str]:
        """Everybody who had an account or a deal in the period, or a target for it."""
        end = pd.Timestamp(self.as_of)
        had = self.credit[(self.credit["since"] <= end) & (self.credit["until"] >= self.start)]
        closed = self.deals[self.deals["closed_at"].fillna(end) >= self.start]
        due = self.targets[(self.targets["period"] <= end) & (_target_ends(self.targets) >= self.start)]
        return sorted({*had["owner"], *closed["owner"].dropna(), *due["owner"]})


def book(data: Data, months: int) -> Book:
    """Return the book of `data` for the `months` up to its date; without rows where the role may not see it."""
    allowed = data.ledger.access.role in FOR
    frames = {
        name: data.frame(name) for name in ("accounts", "deals", "targets", "surveys", "activities", "account_team")
    }
    if not allowed:
        frames = {name: frame.head(0) for name, frame in frames.items()}
    accounts = frames["accounts"]
    revenue = churn.revenue_rows(data.order_days, data.frame("returns"))
    deals = frames["deals"].merge(
        accounts[["account_id", "account_type", "industry", "region", "is_key_account"]], on="account_id", how="left"
    )
    return Book(
        data.as_of, months, accounts, credit_of(accounts, frames["account_team"]), deals, revenue if allowed else revenue.head(0),
        frames["targets"], frames["surveys"], frames["activities"],
    )  # fmt: skip


def credit_of(accounts: pd.DataFrame, team: pd.DataFrame) -> pd.DataFrame:
    """Say who had each account and when: its salespeople of the account team; else, and on days when it had none, its
    present owner. account_id, owner, since, until, part (1 ÷ number of salespeople on the account at that time)."""
    early, late = pd.Timestamp("1900-01-01"), pd.Timestamp("2200-01-01")
    sales = team[team["team_role"] == "sales"].rename(columns={"person": "owner"})
    sales = sales.assign(since=sales["since"].fillna(early), until=sales["until"].fillna(late))
    sales = sales[["account_id", "owner", "since", "until"]]
    owned = accounts.dropna(subset="owner")[["account_id", "owner"]]
    known = dict(tuple(sales.groupby("account_id"))) if len(sales) else {}
    pieces = []
    for row in owned.itertuples():
        of_team = known.get(row.account_id)
        pieces += _pieces(row.account_id, row.owner, of_team, early, late)
    table = pd.DataFrame(pieces, columns=["account_id", "owner", "since", "until", "part"])
    return table.astype({"since": "datetime64[ns]", "until": "datetime64[ns]", "part": float})


def _pieces(
    account: str, owner: str, team: pd.DataFrame | None, early: pd.Timestamp, late: pd.Timestamp
) -> list[tuple]:
    """Cut the time of one account where its salespeople change."""
    if team is None:
        return [(account, owner, early, late, 1.0)]
    day = pd.Timedelta(days=1)
    cuts = sorted({early, late + day, *team["since"], *(team["until"] + day)})
    found = []
    for start, end in zip(cuts, cuts[1:], strict=False):
        there = team[(team["since"] <= start) & (team["until"] >= end - day)]["owner"].unique()
        people = list(there) or [owner]
        found += [(account, person, start, end - day, 1 / len(people)) for person in people]
    return found


def credited(rows: pd.DataFrame, credit: pd.DataFrame, day: str) -> pd.DataFrame:
    """Return dated `rows` (account_id and the column `day`) with the owner of that day and the part that counts for them."""
    joined = rows.merge(credit, on="account_id")
    return joined[(joined[day] >= joined["since"]) & (joined[day] <= joined["until"])]


def _target_ends(targets: pd.DataFrame) -> pd.Series:
    ends = [
        p + pd.DateOffset(months=int(m)) - pd.Timedelta(days=1)
        for p, m in zip(targets["period"], targets["months"].fillna(1), strict=True)
    ]
    return pd.Series(pd.to_datetime(ends), index=targets.index)


def targets_within(targets: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return the targets for the days from `start` to `end`: owner, metric, target.

    Sums count by the share of their days that lie in it; levels are averaged over these days.
    """
    ends = _target_ends(targets)
    first, last = targets["period"].clip(lower=start), ends.clip(upper=end)
    days = ((last - first).dt.days + 1).clip(lower=0)
    whole = (ends - targets["period"]).dt.days + 1
    rows = targets.assign(days=days, part=days / whole)[days > 0]
    rows = rows.assign(summed=rows["target"] * rows["part"], weighted=rows["target"] * rows["days"])
    table = rows.groupby(["owner", "metric"], as_index=False).agg(
        summed=("summed", "sum"), weighted=("weighted", "sum"), days=("days", "sum")
    )
    table["target"] = np.where(table["metric"].isin(SUMS), table["summed"], table["weighted"] / table["days"])
    return table[["owner", "metric", "target"]]


def actuals(of: Book, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return what was reached from `start` to `end`: owner, metric, actual, n (what it rests on)."""
    parts = []
    sold = credited(of.revenue[of.revenue["day"].between(start, end)], of.credit, "day")
    sold = sold.assign(amount=sold["amount"] * sold["part"]).groupby("owner")["amount"].agg(["sum", "size"])
    parts.append(("revenue", sold))
    won = of.deals[(of.deals["status"] == "won") & of.deals["closed_at"].between(start, end)]
    parts.append(("won_amount", won.groupby("owner")["amount"].agg(["sum", "size"])))
    voted = of.surveys.dropna(subset=["overall"])
    voted = voted[voted["answered_at"].fillna(voted["invited_at"]).between(start, end)]
    votes = (
        voted.assign(day=voted["answered_at"].fillna(voted["invited_at"]))
        .groupby("account_id")
        .agg(overall=("overall", "mean"), day=("day", "max"))
    )
    votes = credited(votes.reset_index(), of.credit, "day")
    parts.append(("satisfaction", votes.groupby("owner")["overall"].agg(["mean", "size"])))
    parts.append(("retention", kept(of, start, end)))
    rows = [
        frame.set_axis(["actual", "n"], axis=1).rename_axis("owner").reset_index().assign(metric=metric)
        for metric, frame in parts
    ]
    return pd.concat(rows, ignore_index=True)[["owner", "metric", "actual", "n"]]


def kept(of: Book, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return gross revenue retention of the accounts each person had on the day before `start`, and their number: the
    revenue of the twelve months up to `end` against the twelve before, each account capped at its own start."""
    then, now = churn.revenue_year(of.revenue, end - pd.DateOffset(years=1)), churn.revenue_year(of.revenue, end)
    held = of.credit[(of.credit["since"] < start) & (of.credit["until"] >= start - pd.Timedelta(days=1))]
    rows = {}
    for owner, mine in held.groupby("owner"):
        ids = pd.Index(mine["account_id"].unique())
        table = retention_table(then, now, pd.Series(False, index=ids)) if len(ids) else pd.DataFrame()
        if len(table):
            rows[owner] = (table["grr_rate"].iloc[0], int(table["n_accounts"].iloc[0]))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "size"])


def attainment_table(of: Book) -> pd.DataFrame:
    """Return actual, target and the period before for each person and metric.

    owner, metric, actual, target (missing where none was set), attainment_rate, before, n. Persons by attainment of
    revenue, the highest first; metrics in the order of `METRICS`.
    """
    columns = ["owner", "metric", "actual", "target", "attainment_rate", "before", "n"]
    owners = of.owners
    if not owners:
        return pd.DataFrame(columns=columns)
    end = pd.Timestamp(of.as_of)
    table = pd.MultiIndex.from_product([owners, METRICS], names=["owner", "metric"]).to_frame(index=False)
    table = table.merge(actuals(of, of.start, end), how="left").merge(
        targets_within(of.targets, of.start, end), how="left"
    )
    earlier = actuals(of, *of.before).rename(columns={"actual": "before"}).drop(columns="n")
    table = table.merge(earlier, how="left")
    sums = table["metric"].isin(SUMS)
    table.loc[sums, ["actual", "before"]] = table.loc[sums, ["actual", "before"]].fillna(0.0)
    table["n"] = table["n"].fillna(0).astype(int)
    table["attainment_rate"] = (table["actual"] / table["target"]).where(table["target"] > 0)
    best = table[table["metric"] == "revenue"].set_index("owner")["attainment_rate"].fillna(-1)
    order = table["owner"].map(best).sort_values(ascending=False, kind="stable").index
    return table.loc[order, columns].reset_index(drop=True)


@chart("dots", y="owner", x="attainment_rate", size=(9, 5.6))
def plot_attainment(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a bullet per person and metric: the bar is reached ÷ target, the line the target, the mark the period before."""
    ax = ax or style.new_axes(plot_attainment.size)
    panels = style.panels(ax, 1, len(METRICS), sharey=True)[0]
    owners = list(dict.fromkeys(table["owner"]))[::-1]
    for panel, metric in zip(panels, METRICS, strict=True):
        rows = table[table["metric"] == metric].set_index("owner").loc[owners]
        y, reached = np.arange(len(rows)), rows["attainment_rate"]
        colours = np.where(reached >= 1, style.BLUE, style.SKY)
        panel.barh(y, reached.fillna(0).clip(upper=SHOWN), color=colours, height=0.55)
        panel.plot(
            (rows["before"] / rows["target"]).where(lambda r: r <= SHOWN), y, "|", color=style.ORANGE, ms=10, mew=2
        )
        panel.axvline(1, color=style.INK, lw=1)
        for at, rate in zip(y, reached, strict=True):
            text = share(rate, 1) if np.isfinite(rate) else say(None, "no target", "无目标")
            panel.annotate(text, (SHOWN + 0.05, at), va="center", fontsize=8)
        panel.set_title(word(f"metric.{metric}"), fontsize=9, loc="left")
        style.percent_axis(panel.xaxis)
        panel.set_xlim(0, SHOWN + 0.55)
        panel.set_xticks([0, 0.5, 1])
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="x", labelsize=8)
    panels[0].set_yticks(np.arange(len(owners)), owners)
    panels[0].set_xlabel(
        say(None, "of target · orange: period before", "占目标 · 橙色：上一期"), fontsize=8, loc="left"
    )
    return panels[0]


def attainment_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many reached their revenue target, what the team reached, and who has none."""
    rows = table[table["metric"] == "revenue"]
    set_ = rows[rows["target"].notna()]
    if set_.empty:
        return say(lang, f"No revenue target was set for any of {len(rows)} people.", f"{len(rows)} 人均未设收入目标。")
    reached, n = int((set_["attainment_rate"] >= 1).sum()), len(set_)
    whole, without = set_["actual"].sum() / set_["target"].sum(), rows.loc[rows["target"].isna(), "owner"].tolist()
    en = f"{reached} of {n} people reached their revenue target; the team reached {share(whole)} of {money(set_['target'].sum(), 'en')}"
    zh = f"{n} 人中 {reached} 人完成收入目标；团队完成 {money(set_['target'].sum(), 'zh')} 的 {share(whole)}"
    if without:
        return say(lang, f"{en}; no target: {names(without, 'en')}.", f"{zh}；未设目标：{names(without, 'zh')}。")
    return say(lang, f"{en}.", f"{zh}。")
