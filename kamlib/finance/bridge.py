"""The bridge: how much of the change in net revenue and in gross margin is price, volume and mix, or customers come and gone?

Part of notebook 05. Every account × product that was bought in both windows is split on the engine: what today's
quantity would have cost at the price this account paid before is volume and mix, the rest is price. Quantities are added
up only among products of one category counted in the same unit. Each part is rounded to the cent before the next is taken as the
remainder, so that the bridge closes to the cent whatever the data. Source of the three-way split: Horngren, Datar and
Rajan, *Cost Accounting* (sales-price, sales-quantity and sales-mix variances).
"""

from __future__ import annotations

from itertools import product

import ibis
import numpy as np
import pandas as pd
from ibis import Table, Value
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance.growth import comparable, signed_money
from kamlib.mart.window import SUM, windows
from kamlib.words import money, say, word
from kamlib.workspace import Data

STEPS = (
    "price_effect", "cost_effect", "volume_effect", "mix_effect", "new_products", "dropped_products", "new_accounts", "stopped_accounts",
    "not_itemised", "returns_amount",
)  # fmt: skip
NAMES = ("account_id", "account_name", "revenue_prev", *STEPS, "revenue")
MARGINS = ("margin_prev", *(f"margin_{step}" for step in STEPS), "margin")
PERIODS, MEASURES = ("before", "now"), ("amount", "cogs")


def bridge_by_account(data: Data) -> pd.DataFrame:
    """Split each account's change between the two windows into `STEPS`; for net revenue, and for gross margin in `margin_…`.

    account_id, account_name, revenue_prev, the steps, revenue; then margin_prev, margin_<step> …, margin. "price_effect": what
    today's quantities cost more than at the price paid before, discounts included; "cost_effect" the same of the cost of
    goods (margin only); "volume_effect": the change of the quantity at the mean price of
    like products; "mix_effect": the shift to dearer products and customers; "new_products" and "dropped_products" of accounts that bought in both windows;
    "new_accounts" and "stopped_accounts" bought in one only; "not_itemised": orders beyond their lines, lines without
    product or quantity; "returns_amount": change of the returns. Margin is missing unless every order and line of both
    windows has its cost of goods. The steps of a row sum exactly to its change.
    """
    if not comparable(data):
        return pd.DataFrame(columns=[*NAMES, *MARGINS])
    orders, lines = _orders(data), _pairs(data)
    mart = data.mart[["account_id", "account_name", "revenue_prev", "revenue"]]
    table = mart.merge(_frame(_totals(orders)), on="account_id", how="left")
    table[["bought_before", "bought_now"]] = table[["bought_before", "bought_now"]].eq(True)
    table = table.fillna(dict.fromkeys(table.columns[2:], 0.0))
    moved = table[["revenue_prev", "revenue"]].ne(0.0).any(axis=1) | table[["bought_before", "bought_now"]].any(axis=1)
    table = table[moved].reset_index(drop=True)
    parts = _split(_frame(lines)).reindex(table["account_id"]).fillna(0.0).reset_index(drop=True)
    uncosted = table["n_uncosted"].sum() + _uncosted(data)
    for prefix, costs in (("", 0), ("margin_", 1)):
        table = pd.concat([table, _steps(table, parts, costs).add_prefix(prefix)], axis=1)
    table["margin_prev"] = table["revenue_prev"] - table["cogs_before"]
    table["margin"] = table["revenue"] - table["cogs_now"]
    if uncosted:
        table[list(MARGINS)] = np.nan
    return table[[*NAMES, *MARGINS]].round(2)


def _orders(data: Data) -> Table:
    """The orders of both windows, with the one they lie in."""
    orders, (this, before) = data.table("orders"), windows(data)
    orders = orders.mutate(now=this.holds(orders.order_date), before=before.holds(orders.order_date))
    return orders.filter(orders.now | orders.before)


def _uncosted(data: Data) -> int:
    lines = data.table("order_lines").semi_join(_orders(data), "order_id")
    return int(lines.cogs.isnull().sum().execute() or 0)


def _totals(orders: Table) -> Table:
    """Per account: what was ordered in each window, and what of it has no cost of goods."""
    return orders.group_by("account_id").agg(
        **_sums(orders, ("amount", "cogs")), n_uncosted=(orders.cogs.isnull() & orders.amount.notnull()).sum(),
        bought_before=orders.before.any(), bought_now=orders.now.any(),
    )  # fmt: skip


def _sums(rows: Table, columns: tuple[str, ...]) -> dict[str, Value]:
    """The sums of `columns` in each window, 0 where there is nothing to sum."""
    return {
        f"{column}_{period}": rows[column].sum(where=rows[period]).fill_null(0)
        for column, period in product(columns, PERIODS)
    }


def _pairs(data: Data) -> Table:
    """Sum the order lines per account, group of like products (category and unit) and kind ("kept", "new", "dropped", "unclear"), each account × product split.

    `…_then` is what today's quantity would have been at the price, and the cost, of the window before: to the cent.
    """
    orders, lines = _orders(data), data.table("order_lines")
    both = _totals(orders).filter(lambda t: t.bought_before & t.bought_now).select("account_id")
    orders = orders.semi_join(both, "account_id").select("order_id", "account_id", *PERIODS)
    lines = lines.filter(lines.product_id.notnull()).select("order_id", "product_id", "quantity", *MEASURES)
    rows = lines.inner_join(orders, "order_id")
    pairs = rows.group_by("account_id", "product_id").agg(
        **_sums(rows, MEASURES), **_sums(rows, ("quantity",)), had=rows.before.any(), has=rows.now.any()
    )
    kept = (pairs.quantity_before > 0) & (pairs.quantity_now > 0)
    kind = ibis.cases((~pairs.had, "new"), (~pairs.has, "dropped"), (kept, "kept"), else_="unclear")
    grown = pairs.quantity_now / pairs.quantity_before.nullif(0)
    then = {f"{name}_then": (pairs[f"{name}_before"].cast("float64") * grown).round(2).cast(SUM) for name in MEASURES}
    products = data.table("products")
    alike = products.product_category.fill_null("") + "\t" + products.unit.fill_null("")
    products = products.select("product_id", alike=alike)
    pairs = (
        pairs.mutate(kind=kind, **then).left_join(products, "product_id").mutate(alike=lambda t: t.alike.fill_null(""))
    )
    summed = ("quantity_before", "quantity_now", *(f"{m}_{p}" for m, p in product(MEASURES, (*PERIODS, "then"))))
    return pairs.group_by("account_id", "alike", "kind").agg(**{name: pairs[name].sum() for name in summed})


def _frame(table: Table) -> pd.DataFrame:
    frame = table.to_pandas()
    money_columns = [name for name, kind in table.schema().items() if kind.is_decimal()]
    return frame.astype(dict.fromkeys(money_columns, "float64"))


def _split(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return, by account_id, the revenue and the cost of goods of each part: `<step>_amount` and `<step>_cogs`."""
    pairs = pairs.fillna(0.0).assign(n=pairs["quantity_now"] - pairs["quantity_before"])
    kept = pairs[pairs["kind"] == "kept"].copy()
    base = kept.groupby("alike")[["quantity_before", "amount_before", "cogs_before"]].sum()
    parts = []
    for name in MEASURES:
        mean = kept["alike"].map(base[f"{name}_before"] / base["quantity_before"]).astype(float)
        kept[f"volume_{name}"] = (mean * kept["n"]).round(2)
        kept[f"mix_{name}"] = kept[f"{name}_then"] - kept[f"{name}_before"] - kept[f"volume_{name}"]
        kept[f"rate_{name}"] = kept[f"{name}_now"] - kept[f"{name}_then"]
        parts += [f"{part}_{name}" for part in ("volume", "mix", "rate")]
    table = kept.groupby("account_id")[parts].sum()
    for kind, name in product(("new", "dropped"), MEASURES):
        change = (pairs[f"{name}_now"] - pairs[f"{name}_before"]).where(pairs["kind"] == kind, 0.0)
        found = change.groupby(pairs["account_id"]).sum()
        table = table.reindex(table.index.union(found.index))
        table[f"{kind}_{name}"] = found
    return table


def _steps(table: pd.DataFrame, parts: pd.DataFrame, costs: int) -> pd.DataFrame:
    """The steps of net revenue (`costs` 0) or of gross margin (1) per account; what they leave open is not itemised."""
    less = {
        name: parts[f"{name}_amount"] - costs * parts[f"{name}_cogs"] for name in ("volume", "mix", "new", "dropped")
    }
    new, stopped = ~table["bought_before"].astype(bool), ~table["bought_now"].astype(bool)
    ordered = {p: table[f"amount_{p}"] - costs * table[f"cogs_{p}"] for p in PERIODS}
    back = (table["amount_before"] - table["revenue_prev"]) - (table["amount_now"] - table["revenue"])
    steps = pd.DataFrame({
        "price_effect": parts["rate_amount"], "cost_effect": -costs * parts["rate_cogs"], "volume_effect": less["volume"],
        "mix_effect": less["mix"], "new_products": less["new"], "dropped_products": less["dropped"],
        "new_accounts": ordered["now"].where(new, 0.0), "stopped_accounts": -ordered["before"].where(stopped, 0.0),
        "not_itemised": 0.0, "returns_amount": back,
    }).round(2)  # fmt: skip
    steps["not_itemised"] = (ordered["now"] - ordered["before"] + back - steps.sum(axis=1)).round(2) + 0.0
    return steps


# --- The whole -----------------------------------------------------------------------------------------------------


def bridge_table(accounts: pd.DataFrame) -> pd.DataFrame:
    """Sum a `bridge_by_account`: step, kind ("total" or "change"), amount and gross_margin.

    The first row is the window before, the last this window, between them every step that moved anything; `gross_margin`
    is missing where a cost of goods is.
    """
    names = NAMES[2:]
    if accounts.empty:
        return pd.DataFrame(columns=["step", "kind", "amount", "gross_margin"])
    table = pd.DataFrame({"step": names, "kind": ["total", *["change"] * len(STEPS), "total"]})
    table["amount"] = accounts[list(names)].sum().round(2).to_numpy() + 0.0
    table["gross_margin"] = accounts[list(MARGINS)].sum(min_count=1).round(2).to_numpy() + 0.0
    moved = (table["kind"] == "total") | table[["amount", "gross_margin"]].fillna(0.0).ne(0.0).any(axis=1)
    return table[moved].reset_index(drop=True)


@chart("waterfall", x="step", y="amount", colour="kind", size=(8.5, 4.8))
def plot_bridge(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the steps as floating bars from the window before, of net revenue and, where cost is known, of gross margin."""
    ax = ax or style.new_axes(plot_bridge.size)
    measures = [name for name in ("amount", "gross_margin") if table[name].notna().all()]
    grid = style.panels(ax, 1, len(measures), sharey=True)[0]
    for panel, name in zip(grid, measures, strict=True):
        _cascade(panel, table[name].to_numpy(), word("revenue" if name == "amount" else name))
    grid[0].set_yticks(range(len(table)), [word(step) for step in ["window_before", *table["step"][1:-1], "change"]])
    grid[0].invert_yaxis()
    return grid[0]


def _cascade(ax: Axes, amount: np.ndarray, title: str) -> None:
    """Draw changes one below the other, each from where the last ended; the bottom bar is their sum."""
    change = np.append(amount[1:-1], amount[-1] - amount[0])
    left = np.append(amount[1:-1].cumsum() - amount[1:-1], 0.0)
    colours = np.append(
        np.where(change[:-1] < 0, style.ORANGE, style.SKY), style.BLUE if change[-1] >= 0 else style.BAD
    )
    at = np.arange(1, len(amount))
    ax.barh(at, change, left=left, color=colours, height=0.66)
    ends = np.append(0.0, amount[1:-1].cumsum())
    ax.vlines(ends, at - 1 + 0.33, at - 0.33 + 0.66 * (at == at[-1]), color=style.GREY, lw=0.8)
    ax.axvline(0, color=style.INK, lw=0.8)
    texts = ["" if size == 0 else signed_money(size) for size in change[:-1]]
    texts = [money(amount[0]), *texts, f"{signed_money(change[-1])} → {money(amount[-1])}"]
    spots = np.append(0.0, np.maximum(left, left + change))
    for y, (spot, text) in enumerate(zip(spots, texts, strict=True)):
        ax.annotate(text, (spot, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
    low, high = min(0.0, *ends, *left), max(0.0, *spots)
    ax.set_xlim(low - 0.04 * (high - low), high + 0.42 * (high - low) or 1.0)
    ax.locator_params(axis="x", nbins=3)
    ax.grid(axis="y", visible=False)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(say(None, f"change of {title.lower()}", f"{title}的变动"))


SAID = {
    "price_effect": ("price_effect",),
    "volume_and_mix": ("volume_effect", "mix_effect"),
    "range_effect": ("new_products", "dropped_products"),
    "customers_effect": ("new_accounts", "stopped_accounts"),
}
"""What the claim sums up, in this order."""


def bridge_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what moved net revenue, and what price less unit cost did to the gross margin."""
    amount, margin = (table.set_index("step")[name] for name in ("amount", "gross_margin"))
    parts = [
        f"{word(name, lang) if lang == 'zh' else word(name, lang).lower()} "
        f"{signed_money(amount.reindex(steps).sum(), lang)}"
        for name, steps in SAID.items()
    ]
    change = signed_money(amount.iloc[-1] - amount.iloc[0], lang)
    en, zh = f"Net revenue {change}: {', '.join(parts)}", f"净收入 {change}：{'、'.join(parts)}"
    if margin.isna().any():
        return say(lang, f"{en}.", f"{zh}。")
    moved = signed_money(margin.iloc[-1] - margin.iloc[0], lang)
    rate = signed_money(margin.reindex(["price_effect", "cost_effect"]).sum(), lang)
    return say(
        lang,
        f"{en}. Gross margin {moved}; price less unit cost {rate}.",
        f"{zh}。毛利 {moved}；其中价格扣除单位成本 {rate}。",
    )
