"""Scenarios: what would one per cent of price, volume, mix or cost do to contribution?

Part of notebook 05. Sensitivities of last year's figures, one lever at a time, everything else held: no forecast. Price
changes revenue and nothing else; volume changes revenue, cost of goods and cost-to-serve alike, while cost that names no
account stays; mix moves revenue from accounts below the gross margin of the portfolio to those above it. The volume that a
price rise may cost is the break-even of Nagle and Müller, *The Strategy and Tactics of Pricing*: −p ÷ (m + p).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance.growth import signed_money
from kamlib.words import money, say, share, word

STEP = 0.01


def scenario_table(mart: pd.DataFrame, *, step: float = STEP, unallocated: float = 0.0) -> pd.DataFrame:
    """Return what `step` of each lever, up and down, does to contribution after `unallocated`, the strongest lever first.

    what_if ("price", "volume", "mix", "cogs", "cost_to_serve"), change_rate (± step), effect, contribution (after it),
    effect_share (÷ contribution now; missing when that is not positive), break_even_rate (price only: the change of volume
    that would undo it). Accounts without known cost are left out; cost-to-serve too where it is not measured.
    """
    rows = mart[mart["contribution"].notna()]
    revenue, margin = rows["revenue"].sum(), rows["gross_margin"].sum()
    served = rows["cost_to_serve"].sum()
    now = rows["contribution"].sum() - unallocated
    if not revenue > 0:
        return pd.DataFrame(
            columns=["what_if", "change_rate", "effect", "contribution", "effect_share", "break_even_rate"]
        )
    levers = {
        "lever.price": revenue, "lever.volume": margin - served, "lever.mix": revenue * _spread(rows),
        "lever.cogs": -(revenue - margin), "lever.cost_to_serve": -served,
    }  # fmt: skip
    if rows["cost_to_serve"].isna().all():
        del levers["lever.cost_to_serve"]
    ranked = sorted(levers, key=lambda name: -abs(levers[name]))
    table = pd.DataFrame(
        [(name, change) for name in ranked for change in (step, -step)], columns=["what_if", "change_rate"]
    )
    table["effect"] = (table["what_if"].map(levers) * table["change_rate"]).round(2)
    table["contribution"] = now + table["effect"]
    table["effect_share"] = table["effect"] / now if now > 0 else np.nan
    per_unit = (margin - served) / revenue + table["change_rate"]
    undone = (-table["change_rate"] / per_unit).where((table["what_if"] == "lever.price") & (per_unit > 0))
    return table.assign(break_even_rate=undone)


def _spread(rows: pd.DataFrame) -> float:
    """Gross margin of the accounts above that of the portfolio, less that of the others: what a point of mix is worth."""
    rows = rows[rows["revenue"] > 0]
    whole = rows["gross_margin"].sum() / rows["revenue"].sum()
    above = rows["gross_margin"] / rows["revenue"] > whole
    if above.all() or not above.any():
        return 0.0
    rates = [rows.loc[side, "gross_margin"].sum() / rows.loc[side, "revenue"].sum() for side in (above, ~above)]
    return rates[0] - rates[1]


@chart("bar", y="what_if", x="effect", size=(8, 3))
def plot_scenarios(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the effect of each lever, up and down, as a tornado."""
    ax = ax or style.new_axes(plot_scenarios.size)
    names = list(dict.fromkeys(table["what_if"]))
    for up, colour in ((True, style.BLUE), (False, style.ORANGE)):
        rows = table[(table["change_rate"] > 0) == up].set_index("what_if").loc[names]
        ax.barh(
            range(len(names)),
            rows["effect"],
            color=colour,
            label=f"{'+' if up else ''}{share(rows['change_rate'].iloc[0])}",
        )
        for y, row in enumerate(rows.itertuples()):
            side = 1 if row.effect >= 0 else -1
            text = f"{signed_money(row.effect)}" + (
                f" ({share(row.effect_share, 1)})" if np.isfinite(row.effect_share) else ""
            )
            ax.annotate(text, (row.effect, y), (4 * side, 0), textcoords="offset points", va="center",
                        ha="left" if side > 0 else "right", fontsize=8)  # fmt: skip
    ax.set_yticks(range(len(names)), [word(name) for name in names])
    ax.invert_yaxis()
    ax.axvline(0, color=style.INK, lw=0.8)
    most = table["effect"].abs().max() * 1.7
    ax.set_xlim(-most or -1, most or 1)
    ax.grid(axis="y", visible=False)
    ax.locator_params(axis="x", nbins=5)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(say(None, "change of contribution", "贡献利润的变动"))
    ax.legend(loc="lower right", fontsize=8)
    return ax


def scenario_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what the price is worth, how much volume it may cost, and the lever after it."""
    up = table[table["change_rate"] > 0].set_index("what_if")
    price, step = up.loc["lever.price"], share(up["change_rate"].iloc[0])
    effect, part = money(price["effect"], lang), share(price["effect_share"])
    part = say(lang, f" ({part})", f"（{part}）") if np.isfinite(price["effect_share"]) else ""
    lost = share(-price["break_even_rate"], 1)
    other = next(name for name in up.index if name != "lever.price")
    what, size = word(other, lang), money(abs(up.loc[other, "effect"]), lang)
    served = "lever.cost_to_serve" in up.index
    of = say(lang, "contribution", "贡献利润") if served else word("unserved_margin", lang)
    en, zh = f"{step} of price is worth {effect} of {of.lower()}{part}", f"价格提高 {step} 可增加{of} {effect}{part}"
    if np.isfinite(price["break_even_rate"]):
        en, zh = f"{en} and may cost up to {lost} of volume", f"{zh}，最多可承受销量下降 {lost}"
    return say(lang, f"{en}; {step} of {what.lower()} moves {size}.", f"{zh}；{what}变动 {step} 影响 {size}。")
