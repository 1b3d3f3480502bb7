"""How we deal with accounts: deals, contacts and contact, satisfaction, cases, receivables, contracts, losses.

Each function returns one row per account that has any; the mart fills in the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
from ibis import Table, Value

from kamlib.mart.window import SUM, windows

if TYPE_CHECKING:
    from kamlib.workspace import Data

ACTIVE_DAYS = 90
"""A contact is active who was in a two-way exchange with us in the last 90 days, the as-of date included."""
MEETINGS = ("visit", "meeting")
"""Two-way by nature, when the CRM does not say whether an activity was."""


def pipeline(data: Data) -> Table:
    """Return the open deals, their amount, also weighted by stage, and what closed in the window.

    The weight is the stage's probability in `kam.toml`, for another stage that of the CRM, and 0 without either.
    """
    deals = data.table("deals")
    stages = [(stage.name, stage.probability) for stage in data.settings.stages]
    assumed = deals.stage.cases(*stages, else_=deals.probability) if stages else deals.probability
    is_open, closed_now = deals.status == "open", windows(data)[0].holds(deals.closed_at)
    is_won, is_lost = closed_now & (deals.status == "won"), closed_now & (deals.status == "lost")
    return deals.group_by("account_id").agg(
        n_open_deals=is_open.sum(),
        open_pipeline=deals.amount.sum(where=is_open),
        weighted_pipeline=(deals.amount * assumed).sum(where=is_open).cast(SUM),
        n_won=is_won.sum(),
        n_lost=is_lost.sum(),
        won_amount=deals.amount.sum(where=is_won),
    )


def contacts(data: Data) -> Table:
    """Return how many contacts work at the account, as far as we know."""
    people = data.table("contacts")
    return people.group_by("account_id").agg(n_contacts=people.left_at.isnull().sum())


def active_contacts(data: Data) -> Table:
    """Return how many contacts, who have not left, were in a two-way exchange with us in the last 90 days."""
    return in_touch(data.table("activities"), data.table("contacts"), ibis.literal(data.as_of))


def in_touch(rows: Table, people: Table, today: Value, by: tuple[str, ...] = ()) -> Table:
    """Count the active contacts of each account from activities and contacts; `by` names what else the rows are split
    by, as the day they were known on, which is then `today`."""
    recent = today.delta(rows.happened_at.cast("date"), unit="day") < ACTIVE_DAYS
    live = rows.two_way.fill_null(rows.type.isin(MEETINGS)) & recent
    pairs = rows.filter(live & rows.contact_id.notnull()).select("account_id", "contact_id", *by).distinct()
    stayed = pairs.anti_join(people.filter(people.left_at.notnull()), ["contact_id", *by])
    return stayed.group_by("account_id", *by).agg(n_active_contacts=stayed.count())


def activities(data: Data) -> Table:
    """Return the last contact of any kind, and the contacts and visits in the window."""
    rows = data.table("activities")
    now = windows(data)[0].holds(rows.happened_at)
    return rows.group_by("account_id").agg(
        last_contact=rows.happened_at.cast("date").max(),
        n_activities=now.sum(),
        n_visits=(now & (rows.type == "visit")).sum(),
    )


def answers(data: Data) -> Table:
    """Return the means of the answers given in the window, and when the account last answered."""
    rows = data.table("surveys")
    now = windows(data)[0].holds(rows.answered_at)
    return rows.group_by("account_id").agg(
        satisfaction_mean=rows.overall.mean(where=now),
        n_answers=now.sum(),
        recommend_mean=rows.recommend.mean(where=now),
        last_survey=rows.answered_at.max(),
    )


def cases(data: Data) -> Table:
    """Return the open cases, and the cases and complaints opened in the window."""
    rows = data.table("cases")
    now = windows(data)[0].holds(rows.opened_at)
    return rows.group_by("account_id").agg(
        n_open_cases=rows.closed_at.isnull().sum(),
        n_cases=now.sum(),
        n_complaints=(now & (rows.type == "complaint")).sum(),
    )


def receivables(data: Data) -> Table:
    """Return what the account owes, and the part of it past due; see `owed`."""
    return owed(data.table("invoices"), data.table("payments"), ibis.literal(data.as_of))


def owed(invoices: Table, payments: Table, today: Value, by: tuple[str, ...] = ()) -> Table:
    """Return receivable and overdue by account; `by` and `today` as in `in_touch`.

    receivable = invoices − all payments of the account, so it ties to the ledger. A payment for no known invoice is
    taken off what is overdue first, as it would settle the oldest invoices. Due on the day itself is not yet overdue.
    """
    paid = payments.group_by("invoice_id", *by).agg(paid=payments.amount.sum())
    late = (invoices.due_date < today).fill_null(False)
    billed = invoices.mutate(late=late).left_join(paid, ["invoice_id", *by])
    billed = billed.mutate(owed=billed.amount - billed.paid.fill_null(0))
    loose = payments.anti_join(invoices, ["invoice_id", *by])
    rows = ibis.union(
        billed.select("account_id", *by, owed=billed.owed.cast(SUM), late=billed.late.ifelse(billed.owed, 0).cast(SUM)),
        loose.select("account_id", *by, owed=(-loose.amount).cast(SUM), late=(-loose.amount).cast(SUM)),
    )
    sums = rows.group_by("account_id", *by).agg(receivable=rows.owed.sum(), late=rows.late.sum())
    return sums.select("account_id", *by, "receivable", overdue=(sums.late > 0).ifelse(sums.late, 0).cast(SUM))


def contracts(data: Data) -> Table:
    """Return when the last known contract ends."""
    rows = data.table("contracts")
    return rows.group_by("account_id").agg(contract_end=rows.end_date.max())


def losses(data: Data) -> Table:
    """Return the latest recorded loss; the mart drops it when the account has ordered since."""
    rows = data.table("losses")
    return rows.group_by("account_id").agg(lost_at=rows.lost_at.max())
