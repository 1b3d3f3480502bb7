"""Dossier: everything about one account on two pages, and what to do next.

Notebook 10, and `kam dossier`, which writes one page per account without starting a kernel. Nothing is measured here
that another notebook does not measure: the dossier cuts one account out of their tables, so that its figures are
theirs. `Company` computes those tables once, however many dossiers are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from kamlib import lifecycle, segmentation
from kamlib.churn import backtest, signals
from kamlib.finance import receivables
from kamlib.funnel.pipeline import ageing_table
from kamlib.lifecycle import needs
from kamlib.lifecycle.next_orders import next_order_table
from kamlib.relationships import contact_table, threads_table
from kamlib.relationships.contact_map import pick_account
from kamlib.segmentation import scoring, tiering
from kamlib.workspace import Data


@dataclass
class Company:
    """The tables of the other notebooks, each computed when it is first asked for."""

    data: Data

    @cached_property
    def rule(self):
        """The company's tier rule."""
        return scoring.rule_of(self.data.settings.tiers)

    @cached_property
    def accounts(self) -> pd.DataFrame:
        """Notebook 01's account table: the mart with scores and tier."""
        return segmentation.account_table(self.data, self.rule)

    @cached_property
    def next_tier(self) -> pd.DataFrame:
        """Notebook 01: what separates each account from its next tier."""
        return tiering.next_tier_table(self.accounts, self.rule)

    @cached_property
    def silences(self) -> pd.DataFrame:
        """Notebook 04: every silence with its thresholds."""
        data = self.data
        facts = (data.order_days, data.as_of, data.settings, data.frame("accounts"), data.frame("contracts"))
        return lifecycle.silences(*facts)

    @cached_property
    def spells(self) -> pd.DataFrame:
        """Notebook 04: the states of every account in time."""
        data = self.data
        return lifecycle.spells(self.silences, data.as_of, data.settings, data.frame("accounts"))

    @cached_property
    def states(self) -> pd.DataFrame:
        """Notebook 04: the state of every account today."""
        data = self.data
        return lifecycle.current_states(self.silences, data.as_of, data.settings, data.frame("accounts"))

    @cached_property
    def next_orders(self) -> pd.DataFrame:
        """Notebook 04: when the next order is due."""
        data = self.data
        return next_order_table(data.order_days, self.states, data.frame("accounts"), data.as_of)

    @cached_property
    def spend(self) -> pd.DataFrame:
        """Notebook 04: what each account spends on what."""
        return needs.spend_table(self.data)

    @cached_property
    def whitespace(self) -> pd.DataFrame:
        """Notebook 04: what each account does not buy and others like it do."""
        return needs.whitespace(self.spend, self.data.frame("accounts"))

    @cached_property
    def people(self) -> pd.DataFrame:
        """Notebook 02: everybody we know at any account."""
        data = self.data
        return contact_table(
            data.frame("contacts"), data.frame("relationships"), self.activities, self.data.mart, data.as_of
        )

    @cached_property
    def threads(self) -> pd.DataFrame:
        """Notebook 02: how many living dialogues hold each account."""
        return threads_table(self.people, self.activities, self.data.mart, self.data.as_of)

    @cached_property
    def open_deals(self) -> pd.DataFrame:
        """Notebook 03: every open deal and how long it waits."""
        data = self.data
        return ageing_table(
            data.frame("deals"), data.frame("deal_stage_history"), self.activities, data.settings.stages, data.as_of
        )

    @cached_property
    def overdue(self) -> pd.DataFrame:
        """Notebook 05: who owes what, and how late."""
        data = self.data
        return receivables.ageing_table(data.mart, data.frame("invoices"), data.frame("payments"), data.as_of)

    @cached_property
    def signals(self) -> pd.DataFrame:
        """Notebook 07: the signs of leaving, in points."""
        return signals.signal_table(self.data)

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Notebook 07: how often accounts with so many points left in the past."""
        return backtest.band_table(backtest.panel_table(self.data, backtest.cutoffs(self.data)))

    @cached_property
    def activities(self) -> pd.DataFrame:
        """Every contact with anybody."""
        return self.data.frame("activities")

    @cached_property
    def surveys(self) -> pd.DataFrame:
        """Every invitation to a survey."""
        return self.data.frame("surveys")

    @cached_property
    def cases(self) -> pd.DataFrame:
        """Every complaint and question."""
        return self.data.frame("cases")

    def of(self, table: pd.DataFrame, account_id: str) -> pd.DataFrame:
        """Return the rows of one account."""
        return table[table["account_id"] == account_id].reset_index(drop=True)

    def account(self, wanted: str = "") -> pd.Series:
        """Return the row of the account whose id or name is `wanted`; empty: the largest. InputError if none."""
        return pick_account(self.accounts, wanted)


def chosen(company: Company, account: str = "", tier: str = "", owner: str = "") -> list[str]:
    """Return the ids of the accounts that a dossier is wanted of: one, those of a tier, an owner's, or, without any of
    these, the key accounts. InputError when there is none."""
    from kamlib.errors import InputError, suggest
    from kamlib.mart import key_accounts

    accounts = company.accounts
    if account:
        return [str(company.account(account)["account_id"])]
    for name, value in (("tier", tier), ("owner", owner)):
        known = sorted(accounts[name].dropna().unique())
        if value and value not in known:
            raise InputError(
                f"--{name} {value}: no account has it.{suggest(value, known)} There are: {', '.join(known)}.",
                f"--{name} {value}：没有这样的客户。{suggest(value, known)}现有：{'、'.join(known)}。",
            )
    rows = accounts if tier or owner else key_accounts(accounts)
    rows = rows[(rows["tier"] == tier) | (not tier)]
    rows = rows[(rows["owner"] == owner) | (not owner)]
    return rows["account_id"].tolist()
