"""Receivables: who owes us what, how long is it overdue, and how many days of sales are waiting to be paid?

Part of notebook 05. Invoices and payments carry VAT while revenue elsewhere does not; therefore DSO sets receivables
against *invoiced* amounts, both with VAT, and never against net revenue. Credit notes (negative invoices) reduce what an
account owes; payments that name no known invoice are unapplied cash, taken off what is overdue first, as in the mart.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.words import money, number, say, share, short, word

BUCKETS = ("not_due", "overdue_1_30", "overdue_31_60", "overdue_61_90", "overdue_over_90")
COLOURS = (style.PALE, style.SKY, style.BLUE, style.ORANGE, style.VERMILION)
YEAR = 365
CENT = 0.005


def open_invoices(invoices: pd.DataFrame, payments: pd.DataFrame, day: dt.date) -> pd.DataFrame:
    """Return what was open on `day`, one row per invoice not settled by then.

    invoice_id, account_id, invoice_date, due_date, amount, paid, open, overdue_days (day − due date; 0 or less is not
    due; an invoice without due date is taken as not due), bucket (one of `BUCKETS`). Credit notes stay in with a
    negative `open`, in the bucket of their date.
    """
    day = pd.Timestamp(day)
    rows = invoices.loc[
        invoices["invoice_date"] <= day, ["invoice_id", "account_id", "invoice_date", "due_date", "amount"]
    ]
    paid = payments[payments["paid_at"] <= day].groupby("invoice_id")["amount"].sum()
    rows = rows.assign(paid=rows["invoice_id"].map(paid).fillna(0.0).astype(float))
    rows["open"] = (rows["amount"] - rows["paid"]).round(2)
    rows = rows[rows["open"].abs() > CENT]
    rows["overdue_days"] = (day - rows["due_date"]).dt.days.fillna(0)
    edges = [-np.inf, 0, 30, 60, 90, np.inf]
    rows["bucket"] = pd.cut(rows["overdue_days"], edges, labels=BUCKETS).astype(str)
    return rows.reset_index(drop=True)


def ageing_table(mart: pd.DataFrame, invoices: pd.DataFrame, payments: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Age what every account owes on `as_of`, the largest overdue amount first.

    account_id, account_name, owner, the five `BUCKETS` of open invoices, unapplied (payments that name no known invoice),
    receivable (the buckets less unapplied), overdue (the four late buckets less unapplied, at least 0), overdue_rate (÷
    receivable; missing when that is not positive), oldest_days (of the oldest overdue invoice).
    """
    rows = open_invoices(invoices, payments, as_of)
    aged = rows.pivot_table(index="account_id", columns="bucket", values="open", aggfunc="sum")
    aged = aged.reindex(columns=list(BUCKETS)).fillna(0.0)
    late = rows[(rows["overdue_days"] > 0) & (rows["open"] > 0)]
    loose = payments[~payments["invoice_id"].isin(invoices["invoice_id"])].groupby("account_id")["amount"].sum()
    table = mart[["account_id", "account_name", "owner"]].merge(aged, on="account_id", how="left")
    table[list(BUCKETS)] = table[list(BUCKETS)].fillna(0.0)
    table["unapplied"] = table["account_id"].map(loose).fillna(0.0).astype(float)
    table["receivable"] = (table[list(BUCKETS)].sum(axis=1) - table["unapplied"]).round(2)
    table["overdue"] = (table[list(BUCKETS[1:])].sum(axis=1) - table["unapplied"]).clip(lower=0).round(2)
    table["overdue_rate"] = (table["overdue"] / table["receivable"]).where(table["receivable"] > 0)
    table["oldest_days"] = (
        table["account_id"].map(late.groupby("account_id")["overdue_days"].max()).fillna(0).astype(int)
    )
    owing = table[list(BUCKETS)].ne(0).any(axis=1) | table["unapplied"].ne(0)
    order = ["overdue", "receivable", "account_id"]
    return table[owing].sort_values(order, ascending=[False, False, True], ignore_index=True)


@chart("stacked_bar", y="account_name", x=BUCKETS, size=(8, 4.8))
def plot_ageing(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 10) -> Axes:
    """Stack what the `top_n` accounts with most overdue owe, by how long it is late; say what the others owe."""
    ax = ax or style.new_axes(plot_ageing.size)
    head, rest = table.head(top_n), table.iloc[top_n:]
    left = np.zeros(len(head))
    for bucket, colour in zip(BUCKETS, COLOURS, strict=True):
        width = head[bucket].clip(lower=0)  # a stack cannot show credits; the amounts at the ends are net of them
        ax.barh(range(len(head)), width, left=left, color=colour, label=word(bucket))
        left += width.to_numpy()
    for y, (end, late) in enumerate(zip(left, head["overdue"], strict=True)):
        text = say(None, f"{money(late)} overdue", f"逾期 {money(late)}")
        ax.annotate(text, (end, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(len(head)), [short(name) for name in head["account_name"]])
    ax.invert_yaxis()
    ax.margins(x=0.2)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(word("open_invoices") + (f"\n{_others_owe(rest)}" if len(rest) else ""))
    style.money_axis(ax.xaxis)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=5, fontsize=8, columnspacing=1, handlelength=1)
    return ax


def _others_owe(rest: pd.DataFrame) -> str:
    n, owed, late = len(rest), money(rest["receivable"].sum()), money(rest["overdue"].sum())
    return say(
        None, f"{n} other accounts owe {owed}, {late} of it overdue", f"其余 {n} 个客户共欠 {owed}，其中逾期 {late}"
    )


def ageing_claim(table: pd.DataFrame, lang: str | None = "en", *, dso: float = np.nan) -> str:
    """Say which part of the receivables is overdue, and how long sales wait to be paid (`dso`, countback days)."""
    owed, late, old = (table[name].sum() for name in ("receivable", "overdue", BUCKETS[-1]))
    part = share(late / owed if owed > 0 else np.nan)
    days = number(dso)
    return say(
        lang,
        f"{part} of {money(owed, lang)} receivable is overdue, {money(old, lang)} by more than 90 days; "
        f"DSO {days} days (countback).",
        f"应收账款 {money(owed, lang)} 中 {part} 已逾期，其中 {money(old, lang)} 逾期超过 90 天；"
        f"应收账款周转天数 {days} 天（倒推法）。",
    )


# --- Days sales outstanding ---------------------------------------------------------------------------------------


def dso_table(invoices: pd.DataFrame, payments: pd.DataFrame, as_of: dt.date, *, n_months: int = 13) -> pd.DataFrame:
    """Return days sales outstanding on `as_of` and at the `n_months` − 1 month-ends before it, oldest first.

    on_day; receivable and not_due (open invoices); invoiced (the 365 days before); simple_days = receivable ÷ invoiced ×
    365; countback_days: the receivable set against the latest months' invoices, newest first, which does not move when
    sales swing; best_possible_days: as simple, with the part not yet due; delinquent_days = simple − best possible.
    Missing before a year of invoices (countback: when the receivable exceeds all invoices).
    """
    first = invoices["invoice_date"].min()
    ends = pd.date_range(end=pd.Timestamp(as_of), periods=n_months, freq="ME")
    days = ends[ends < pd.Timestamp(as_of)][-(n_months - 1) :].append(pd.DatetimeIndex([as_of]))
    table = pd.DataFrame([_dso_on(day, invoices, payments) for day in days if day >= first])
    return table if len(table) else pd.DataFrame(columns=list(DSO_COLUMNS))


DSO_COLUMNS = (
    "on_day", "receivable", "not_due", "invoiced", "simple_days", "countback_days", "best_possible_days",
    "delinquent_days",
)  # fmt: skip


def _dso_on(day: pd.Timestamp, invoices: pd.DataFrame, payments: pd.DataFrame) -> dict[str, object]:
    rows = open_invoices(invoices, payments, day)
    owed, not_due = rows["open"].sum(), rows.loc[rows["overdue_days"] <= 0, "open"].sum()
    year_ago = day - pd.Timedelta(days=YEAR)
    sold = invoices.loc[(invoices["invoice_date"] > year_ago) & (invoices["invoice_date"] <= day), "amount"].sum()
    per_day = (
        sold / YEAR if sold > 0 and invoices["invoice_date"].min() <= year_ago + pd.DateOffset(months=1) else np.nan
    )
    simple, best = owed / per_day, not_due / per_day
    back = countback_days(owed, invoices, day)
    return dict(zip(DSO_COLUMNS, (day, owed, not_due, sold, simple, back, best, simple - best), strict=True))


def countback_days(owed: float, invoices: pd.DataFrame, day: dt.date) -> float:
    """Return how many days of the latest invoices make up what is `owed` on `day`.

    Whole months are used up from the newest back, each counting its calendar days (the newest up to `day`); the last
    counts in part. Owed 250, invoiced 100 in June (30 days), 120 in May, 60 in April → 30 + 31 + 30·30/60 = 76 days.
    Missing when all invoices together are less than what is owed.
    """
    day = pd.Timestamp(day)
    known = invoices[invoices["invoice_date"] <= day]
    if owed <= 0 or known.empty:
        return 0.0 if owed <= 0 else np.nan
    month = known["invoice_date"].dt.to_period("M")
    sums = known.groupby(month)["amount"].sum()
    sums = sums.reindex(pd.period_range(sums.index.min(), day.to_period("M"), freq="M"), fill_value=0.0)
    counted = 0.0
    for period, sold in sums.iloc[::-1].items():
        length = day.day if period == day.to_period("M") else period.days_in_month
        if sold > owed:
            return counted + length * owed / sold
        counted, owed = counted + length, owed - sold
        if owed <= CENT:
            return counted
    return np.nan


def latest(table: pd.DataFrame, column: str) -> float:
    """Return the last value of `column` of a `dso_table`; NaN when it is empty."""
    return float(table[column].iloc[-1]) if len(table) else np.nan


def dso_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say DSO by both methods, and how much of it is owed to late payment."""
    now = table.iloc[-1]
    simple, back, best, late = (number(now[name], 1) for name in DSO_COLUMNS[4:])  # one digit, so that they add up
    return say(
        lang,
        f"DSO {simple} days (countback {back}): {best} by the terms granted, {late} by late payment.",
        f"应收账款周转天数 {simple} 天（倒推法 {back} 天）：账期所致 {best} 天，逾期所致 {late} 天。",
    )


@chart("line", x="on_day", y="countback_days", size=(8, 3.6))
def plot_dso(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw countback and simple DSO over the month-ends, the simple one split into terms granted and late payment."""
    ax = ax or style.new_axes(plot_dso.size)
    days, best = table["on_day"], table["best_possible_days"]
    ax.fill_between(days, 0, best, color=style.PALE, lw=0, label=word("best_possible_days"))
    ax.fill_between(
        days, best, table["simple_days"], color=style.ORANGE, alpha=0.6, lw=0, label=word("delinquent_days")
    )
    ax.plot(days, table["simple_days"], color=style.INK, lw=1, ls="--", label=word("simple_days"))
    ax.plot(days, table["countback_days"], color=style.BLUE, lw=2, marker="o", ms=3.5, label=word("countback_days"))
    shown = table[["simple_days", "countback_days"]].max().max()
    ax.set_ylim(0, 1.1 * shown if np.isfinite(shown) else 1)
    ax.set_ylabel(say(None, "days", "天"))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4, fontsize=8)
    return ax


# --- How accounts pay ---------------------------------------------------------------------------------------------


def settlement_table(invoices: pd.DataFrame, payments: pd.DataFrame) -> pd.DataFrame:
    """Return one row per invoice paid in full: invoice_id, account_id, amount, settled_at, settle_days, late_days.

    settled_at is the day of the payment that completed the amount; settle_days run from the invoice date, late_days
    from the due date (0 when paid in time).
    """
    rows = payments.merge(invoices, on="invoice_id", suffixes=("_paid", ""))
    rows = rows[rows["amount"] > 0].sort_values(["invoice_id", "paid_at"])
    rows["so_far"] = rows.groupby("invoice_id")["amount_paid"].cumsum()
    done = rows[rows["so_far"] >= rows["amount"] - CENT].groupby("invoice_id", as_index=False).first()
    done = done.rename(columns={"paid_at": "settled_at"})
    done["settle_days"] = (done["settled_at"] - done["invoice_date"]).dt.days
    done["late_days"] = (done["settled_at"] - done["due_date"]).dt.days.clip(lower=0)
    return done[["invoice_id", "account_id", "amount", "settled_at", "settle_days", "late_days"]]


def terms_table(mart: pd.DataFrame, invoices: pd.DataFrame, payments: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Compare how each account pays with its own terms, the latest payers first.

    account_id, account_name, n_invoices (with a due date, settled or past due; those still within terms say nothing
    yet), n_paid_late (paid late, or past due and open), paid_late_rate with _low and _high (Wilson, 95 %); of settled
    invoices, weighted by amount: terms_days, settle_days and beyond_terms_days (0 for those in time).
    """
    dated = invoices[invoices["due_date"].notna()]
    paid = settlement_table(dated, payments).merge(dated[["invoice_id", "due_date", "invoice_date"]], on="invoice_id")
    paid["terms_days"] = (paid["due_date"] - paid["invoice_date"]).dt.days
    paid["beyond_terms_days"] = paid["late_days"]
    waiting = open_invoices(dated, payments, as_of).query("overdue_days > 0 and open > 0")
    flags = [paid[["account_id"]].assign(late=paid["late_days"] > 0), waiting[["account_id"]].assign(late=True)]
    late = pd.concat(flags).groupby("account_id")["late"]
    table = late.agg(n_invoices="size", n_paid_late="sum").astype(int).reset_index()
    n_late, n = table["n_paid_late"], table["n_invoices"]
    table["paid_late_rate"] = n_late / n
    table["paid_late_rate_low"], table["paid_late_rate_high"] = stats.wilson(n_late, n)
    for name in ("terms_days", "settle_days", "beyond_terms_days"):
        weighted = (paid[name] * paid["amount"]).groupby(paid["account_id"]).sum()
        table[name] = table["account_id"].map(weighted / paid.groupby("account_id")["amount"].sum())
    table = mart[["account_id", "account_name"]].merge(table, on="account_id")
    return table.sort_values(["beyond_terms_days", "account_id"], ascending=[False, True], ignore_index=True)
