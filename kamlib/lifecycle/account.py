"""One account: its whole story on a strip of time, and what it prefers: products, season, channel, price, way of talking."""

from __future__ import annotations

import ibis
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kamlib import style
from kamlib.exhibit import chart
from kamlib.lifecycle.journey import COLOURS
from kamlib.tables import TABLES
from kamlib.words import money, say, short, word
from kamlib.workspace import Data, to_frame

KINDS = ("talked", "deal_opened", "deal_won", "deal_lost", "order_placed", "case_opened", "survey_answered")
LEAST_SEEN = 5
"""A preference is said of an account with so many orders (or contacts) in the last three years."""


# --- The story -----------------------------------------------------------------------------------------------------


def timeline_table(data: Data, account_id: str, spells: pd.DataFrame) -> pd.DataFrame:
    """Return what happened with one account, by kind and date, and the states it went through.

    account_name, life_event ("state", or one of `KINDS`), event_detail (the state, the type of contact or case, the survey's answer), began, ended_on (of
    states; missing for the present one), amount (of deals and orders). Empty for an account that is not on file.
    """
    names = data.frame("accounts").set_index("account_id")["account_name"]
    if account_id not in names.index:
        return pd.DataFrame(columns=_EVENTS)
    own = spells[spells["account_id"] == account_id].rename(
        columns={"state": "event_detail", "start": "began", "end": "ended_on"}
    )
    parts = [own[["event_detail", "began", "ended_on"]].assign(life_event="state")]
    read = {name: _own(data, name, account_id) for name in ("activities", "deals", "orders", "cases", "surveys")}
    for event, table, day, detail, amount in (
        ("talked", "activities", "happened_at", "type", None), ("deal_opened", "deals", "created_at", "deal_name", "amount"),
        ("deal_won", "deals", "closed_at", "deal_name", "amount"), ("deal_lost", "deals", "closed_at", "deal_name", "amount"),
        ("order_placed", "orders", "order_date", "channel", "amount"), ("case_opened", "cases", "opened_at", "type", None),
        ("survey_answered", "surveys", "answered_at", "overall", None),
    ):  # fmt: skip
        rows = read[table][read[table][day].notna()]
        if event in ("deal_won", "deal_lost"):
            rows = rows[rows["status"] == event.removeprefix("deal_")]
        part = pd.DataFrame(
            {"began": pd.to_datetime(rows[day]).dt.normalize(), "event_detail": rows[detail].astype("string")}
        )
        parts.append(part.assign(life_event=event, amount=rows[amount] if amount else np.nan))
    table = (
        pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else pd.DataFrame()
    )
    return (
        table.assign(account_name=names[account_id])
        .reindex(columns=_EVENTS)
        .sort_values(["began", "life_event"], kind="stable", ignore_index=True)
    )


def _own(data: Data, name: str, account_id: str) -> pd.DataFrame:
    rows = data.table(name)
    return to_frame(rows.filter(rows.account_id == account_id).order_by(TABLES[name].key))


_EVENTS = ["account_name", "life_event", "event_detail", "began", "ended_on", "amount"]


@chart("dots", x="began", y="life_event", label="event_detail", size=(10, 3.8))
def plot_timeline(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one line per kind of event, larger marks for larger amounts, and the lifecycle states as a band below."""
    ax = ax or style.new_axes(plot_timeline.size)
    events = table[table["life_event"] != "state"]
    last = max(
        table["began"].max(), table["ended_on"].max() if table["ended_on"].notna().any() else table["began"].max()
    )
    kinds = [kind for kind in KINDS if (events["life_event"] == kind).any()]
    colours = {"deal_won": style.GREEN, "deal_lost": style.VERMILION, "order_placed": style.BLUE}
    for y, kind in enumerate(kinds):
        rows = events[events["life_event"] == kind]
        size = 18 + 130 * np.sqrt(rows["amount"] / rows["amount"].max()) if rows["amount"].max() > 0 else 18
        ax.scatter(rows["began"], [y] * len(rows), s=size, color=colours.get(kind, style.GREY), alpha=0.55, lw=0)
    for row in table[table["life_event"] == "state"].itertuples():
        end = last if pd.isna(row.ended_on) else row.ended_on
        ax.barh(
            len(kinds),
            (end - row.began) / pd.Timedelta(days=1),
            left=row.began,
            height=0.55,
            color=COLOURS[row.event_detail],
            lw=0,
        )
    opening = events["began"].min() if len(events) else table["began"].min()
    ax.set_xlim(opening - pd.Timedelta(days=20), last + pd.Timedelta(days=20))
    ax.set_yticks(
        range(len(kinds) + 1),
        [*(f"{word(kind)} ({(events['life_event'] == kind).sum()})" for kind in kinds), word("state")],
        fontsize=9,
    )
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m"))
    ax.grid(axis="y", visible=False)
    seen = [state for state in COLOURS if (table["event_detail"] == state).any()]
    handles = [Patch(color=COLOURS[state], label=word(state)) for state in seen]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(seen), fontsize=8)
    return ax


def timeline_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say since when the account is known, what it ordered and where it stands."""
    name, events = short(table["account_name"].iloc[0]), table[table["life_event"] != "state"]
    states, orders = table[table["life_event"] == "state"], table[table["life_event"] == "order_placed"]
    now = f"{word(states['event_detail'].iloc[-1], lang)}" if len(states) else word("unknown", lang)
    since = f"{states['began'].iloc[-1]:%Y-%m-%d}" if len(states) else ""
    if orders.empty:
        return say(
            lang,
            f"{name}: {len(events)} events, no order yet; {now} since {since}.",
            f"{name}：共 {len(events)} 条记录，尚无订单；{since} 起为{now}。",
        )
    first, last, total = (
        f"{orders['began'].min():%Y-%m-%d}",
        f"{orders['began'].max():%Y-%m-%d}",
        orders["amount"].sum(),
    )
    return say(
        lang,
        f"{name}: {len(orders)} orders for {money(total, 'en')} between {first} and {last}; {now} since {since}.",
        f"{name}：{first} 至 {last} 下单 {len(orders)} 次，合计 {money(total, 'zh')}；{since} 起为{now}。",
    )


# --- What it prefers -----------------------------------------------------------------------------------------------


def preference_table(data: Data, account_id: str, spend: pd.DataFrame) -> pd.DataFrame:
    """Return what one account prefers, beside all accounts: preference, preferred, own_share, all_share, n_seen.

    Product (category with most spend of the last three years, `spend` as of `needs.spend_table`), season (quarter with most orders), sales channel, price
    (median discount off list price; the share of promotion orders) and the way of contact with most answers. Preferred is "not enough data" below five
    orders or contacts.
    """
    orders, talks = data.table("orders"), data.table("activities")
    orders = orders.mutate(
        quarter=ibis.literal("Q") + orders.order_date.quarter().cast("string"), in_promotion=orders.promotion.notnull()
    )
    talks = talks.filter(talks.two_way)
    n, n_talks = (int((rows.account_id == account_id).sum().execute() or 0) for rows in (orders, talks))
    rows = [
        ("product_category", *_most(spend.rename(columns={"product_need": "value", "amount": "n"}), account_id), n),
        ("season", *_most(_counts(orders, "quarter"), account_id), n),
        ("sales_channel", *_most(_counts(orders, "channel"), account_id), n),
        ("contact_type", *_most(_counts(talks, "type"), account_id), n_talks),
        ("discount", "", *_discounts(orders, account_id), n),
        ("promotion", "", *_most(_counts(orders, "in_promotion"), account_id, value=True)[1:], n),
    ]
    table = pd.DataFrame(rows, columns=["preference", "preferred", "own_share", "all_share", "n_seen"])
    few = table["n_seen"] < LEAST_SEEN
    table.loc[few, ["own_share"]] = np.nan
    table.loc[few, "preferred"] = "insufficient_data"
    return table


def _counts(rows: ibis.Table, column: str) -> pd.DataFrame:
    known = rows.filter(rows[column].notnull())
    found = known.group_by("account_id", value=known[column]).agg(n=known.count())
    return to_frame(found.order_by("account_id", "value"))


def _most(counts: pd.DataFrame, account_id: str, value: object = None) -> tuple[str, float, float]:
    """Return the value that the account has most of (or the one given), its share of it, and everybody's."""
    every = counts.groupby("value")["n"].sum()
    own = counts[counts["account_id"] == account_id].groupby("value")["n"].sum()
    if own.empty or own.sum() <= 0:
        return "not_measured", np.nan, np.nan
    best = own.idxmax() if value is None else value
    return str(best), float(own.get(best, 0) / own.sum()), float(every.get(best, 0) / every.sum())


def _discounts(orders: ibis.Table, account_id: str) -> tuple[float, float]:
    """Return the median discount off list price of the account's orders and of all."""
    listed = orders.filter(orders.list_amount > 0)
    off = 1 - listed.amount.cast("float64") / listed.list_amount.cast("float64")
    found = listed.agg(own=off.median(where=listed.account_id == account_id), every=off.median()).execute().iloc[0]
    return tuple(float(value) if pd.notna(value) else np.nan for value in found)
