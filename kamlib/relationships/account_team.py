"""Team: what hangs on one of us, who works on which account in which function, and what a departure on either side would do.
(Part of relationships.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.exhibit import chart
from kamlib.relationships import ACTIVE_DAYS, REQUIRED_ROLES, coverage_table, weigh

FUNCTIONS = ("sales", "marketing", "service", "technical", "executive")
TURNOVER = 0.2
"""Yearly odds of leaving a post that the odds in the stress test assume; a convention, not a measurement."""


def leaving_odds(months: float, turnover: float = TURNOVER) -> float:
    """Return the probability that one person leaves within `months` at a yearly `turnover`: 9 months at 20 % → 15 %."""
    return 1 - (1 - turnover) ** (months / 12)


def stress_table(
    people: pd.DataFrame, activities: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date,
    goals: dict[str, int] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """What each account would lose if one person left: our busiest, their champion, their strongest contact.

    One row per account (account_id, account_name, owner of `accounts`) and scenario (our_rep, champion, top_contact) that applies:
    person; covered_share and n_active before and after; falls (a required role loses its last cover, or at most one active
    contact remains where more were); at_stake (revenue and weighted pipeline) and at_risk (at_stake where it falls, else 0).
    When our person leaves, a contact stays active only if another of us had two-way contact in the last 90 days.
    """
    rows = weigh(activities, as_of)
    recent = rows[rows.two_way & (rows.age_days < ACTIVE_DAYS)].dropna(subset=["person"])
    share = rows.groupby(["account_id", "person"]).weight.sum()
    ours = (
        share[share > 0]
        .sort_values(kind="stable")
        .groupby("account_id")
        .tail(1)
        .reset_index()
        .set_index("account_id")
        .person
    )
    before = coverage_table(people, accounts, goals).set_index("account_id")
    found = []
    for scenario, leaving in (
        ("our_rep", ours),
        ("champion", _strongest(people, ["champion"])),
        ("top_contact", _strongest(people)),
    ):
        if scenario == "our_rep":
            others = recent[recent.person != recent.account_id.map(leaving)]
            held = people.contact_id.isin(others.contact_id) | ~people.account_id.isin(leaving.index)
            left = people.assign(is_active=people.is_active & held)
        else:
            left = people[~people.contact_id.isin(leaving)]
        after = coverage_table(left, accounts, goals).set_index("account_id")
        found.append(_fallen(scenario, leaving, people, left, before, after, accounts))
    table = pd.concat(found, ignore_index=True)
    names = people.drop_duplicates("contact_id").set_index("contact_id").contact_name
    table["person"] = table.person.map(names).fillna(table.person)
    return table.sort_values(
        ["at_risk", "at_stake", "account_id"], ascending=[False, False, True], kind="stable", ignore_index=True
    )


def _strongest(people: pd.DataFrame, roles: list[str] | None = None) -> pd.Series:
    """Return the strongest active contact of each account (with one of `roles`), by account."""
    rows = people[people.is_active & (people.role.isin(roles) if roles else True)]
    rows = rows.sort_values(["evidence", "contact_id"], ascending=[False, True], kind="stable").drop_duplicates(
        "account_id"
    )
    return rows.set_index("account_id").contact_id


def _fallen(scenario, leaving, people, left, before, after, accounts) -> pd.DataFrame:
    table = accounts[accounts.account_id.isin(leaving.index)][["account_id", "account_name", "owner"]].copy()
    at = accounts.set_index("account_id")
    ids = table.account_id
    table["scenario"], table["person"] = scenario, ids.map(leaving)
    lost = ((before[list(REQUIRED_ROLES)] == "covered") & (after[list(REQUIRED_ROLES)] != "covered")).sum(axis=1)
    for name, state, rows in (("before", before, people), ("after", after, left)):
        table[f"covered_share_{name}"] = ids.map(state.covered_share)
        table[f"n_active_{name}"] = ids.map(rows.groupby("account_id").is_active.sum()).fillna(0).astype(int)
    table["n_roles_lost"] = ids.map(lost).astype(int)
    table["falls"] = (table.n_roles_lost > 0) | (
        (table.n_active_after <= 1) & (table.n_active_before > table.n_active_after)
    )
    table["at_stake"] = ids.map(at.revenue.fillna(0) + at.weighted_pipeline.fillna(0))
    return table.assign(at_risk=table.at_stake.where(table.falls, 0.0))


@chart("stacked_bar", y="scenario", x="at_risk", size=(8, 4))
def plot_stress(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Per scenario the accounts and the money that would fall below the goals, of all that the scenario touches."""
    ax = ax or style.new_axes((8, 4))
    by = table.groupby("scenario").agg(
        at_risk=("at_risk", "sum"), at_stake=("at_stake", "sum"), n_falls=("falls", "sum"), n=("falls", "size")
    )
    by = by.reindex([name for name in ("top_contact", "champion", "our_rep") if name in by.index])
    place = np.arange(len(by))
    ax.barh(place, by.at_stake, color=style.PALE, label=words.say(None, "holds", "可承受"))
    ax.barh(place, by.at_risk, color=style.BAD, label=words.say(None, "falls below the goals", "低于目标"))
    for y, row in zip(place, by.itertuples(), strict=True):
        text = words.say(
            None,
            f"{row.n_falls} of {row.n} accounts, {words.money(row.at_risk)}",
            f"{row.n} 个客户中 {row.n_falls} 个，{words.money(row.at_risk)}",
        )
        ax.annotate(text, (row.at_stake, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(place, [words.word(f"leaves_{name}") for name in by.index])
    ax.set_xlim(0, max(by.at_stake.max(), 1) * 1.45)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(
            None,
            "Revenue of the window and weighted pipeline, all accounts at once",
            "期内收入与加权管道（各客户同时发生）",
        )
    )
    ax.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    ax.grid(axis="y", visible=False)
    return ax


def stress_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Compare the two departures: ours and the champion's."""
    falls = table[table.falls].groupby("scenario").size()
    money = table.groupby("scenario").at_risk.sum()
    n = table.groupby("scenario").size()
    part = {
        name: (int(falls.get(name, 0)), int(n.get(name, 0)), words.money(money.get(name, 0.0), lang))
        for name in ("our_rep", "champion")
    }
    (a, of_a, risk_a), (b, of_b, risk_b) = part["our_rep"], part["champion"]
    return words.say(
        lang,
        en=f"If our busiest person left, {a} of {of_a} accounts would fall below the goals ({risk_a} at risk); if the champion left, {b} of {of_b} ({risk_b}).",
        zh=f"若我方主力离开，{of_a} 个客户中 {a} 个将低于目标（风险金额{risk_a}）；若客户方支持者离开，{of_b} 个中 {b} 个（{risk_b}）。",
    )


# The account team


def team_table(team: pd.DataFrame, activities: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Who of us stands for each function at each account, and whether he is in touch; most revenue first.

    One row per account and function with somebody on the team on the day: account_id, account_name, owner, team_role, person
    (most active first), n_people, n_activities (in the last 90 days, one a day and kind), is_active; n_functions and
    n_functions_active of the account, revenue.
    """
    day = pd.Timestamp(as_of)
    now = team[(team.until.isna() | (team.until > day)) & (team.since.isna() | (team.since <= day))]
    rows = weigh(activities, as_of)
    done = rows[rows.age_days < ACTIVE_DAYS].groupby(["account_id", "person"]).size().rename("n_activities")
    now = now.drop_duplicates(["account_id", "person", "team_role"])
    now = now.merge(done.reset_index(), on=["account_id", "person"], how="left")
    now["n_activities"] = now.n_activities.fillna(0).astype(int)
    now = now.sort_values(["n_activities", "person"], ascending=[False, True], kind="stable")
    by = now.groupby(["account_id", "team_role"], as_index=False).agg(
        person=("person", "first"), n_people=("person", "size"), n_activities=("n_activities", "sum")
    )
    by["is_active"] = by.n_activities > 0
    whole = by.groupby("account_id").is_active
    table = accounts[["account_id", "account_name", "owner", "revenue"]].merge(by, on="account_id")
    table["n_functions"] = table.account_id.map(whole.size()).astype(int)
    table["n_functions_active"] = table.account_id.map(whole.sum()).astype(int)
    return table.sort_values(
        ["revenue", "account_id", "team_role"], ascending=[False, True, True], kind="stable", ignore_index=True
    )[_TEAM]


_TEAM = [
    "account_id", "account_name", "owner", "team_role", "person", "n_people", "n_activities", "is_active", "n_functions",
    "n_functions_active", "revenue",
]  # fmt: skip


@chart("matrix", y="account_name", x="team_role", label="person", size=(9, 6))
def plot_team(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Accounts by function: the person in charge, filled where in touch in the last 90 days."""
    ax = ax or style.new_axes((9, 6))
    accounts = list(dict.fromkeys(table.account_id))[:top_n]
    for row in table[table.account_id.isin(accounts)].itertuples():
        x, y = FUNCTIONS.index(row.team_role), accounts.index(row.account_id)
        more = f" +{row.n_people - 1}" if row.n_people > 1 else ""
        box = {
            "boxstyle": "round,pad=0.3",
            "facecolor": style.SKY if row.is_active else "white",
            "edgecolor": style.BLUE if row.is_active else style.ORANGE,
            "linestyle": "-" if row.is_active else "--",
        }
        ax.text(x, y, f"{row.person}{more} ({row.n_activities})", ha="center", va="center", fontsize=8, bbox=box)
    ax.set_xticks(range(len(FUNCTIONS)), [words.word(f"function_{name}") for name in FUNCTIONS])
    ax.xaxis.tick_top()
    names = table.drop_duplicates("account_id").set_index("account_id").account_name
    ax.set_yticks(range(len(accounts)), [words.short(names[account]) for account in accounts])
    ax.set_xlim(-0.5, len(FUNCTIONS) - 0.5)
    ax.set_ylim(len(accounts) - 0.4, -0.6)
    en = f"Activities of the last {ACTIVE_DAYS} days in brackets; dashed: none"
    ax.set_xlabel(words.say(None, en, f"括号内为近{ACTIVE_DAYS}天活动次数；虚线：无活动"))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def team_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts only one function touches, and the widest span of one owner."""
    by = table.drop_duplicates("account_id")
    n, one = len(by), int((by.n_functions_active <= 1).sum())
    span = by.groupby("owner").size().sort_values(kind="stable")
    if span.empty:
        return words.say(
            lang,
            f"{one} of {n} accounts are touched by at most one of our functions.",
            f"{n} 个客户中有 {one} 个至多只有一个职能在联系。",
        )
    return words.say(
        lang,
        en=f"{one} of {n} accounts are touched by at most one of our functions; {span.index[-1]} owns most of them ({span.iloc[-1]}, median {span.median():g}).",
        zh=f"{n} 个客户中有 {one} 个至多只有一个职能在联系；{span.index[-1]}负责的客户最多（{span.iloc[-1]} 个，中位数 {span.median():g}）。",
    )
