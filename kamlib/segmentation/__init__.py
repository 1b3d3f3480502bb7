"""Segmentation: where do our customers come from, and which of them carry the business?

Segments by industry, region, size, value and other dimensions, and two of them crossed. Grades come from `scoring`, the
ABC curve and RFM from `ranking`; what is done with them (score tables, matrix, actions) stands in `tiering`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kamlib import style
from kamlib.errors import InputError
from kamlib.exhibit import chart
from kamlib.segmentation.ranking import abc_table, groups
from kamlib.segmentation.scoring import FIRST_DAYS, comparable
from kamlib.segmentation.scoring import (
    tiers as tiers,  # part of this module's interface: other questions ask for tiers here
)
from kamlib.settings import Sizes, Tiers
from kamlib.words import money, say, share, word
from kamlib.workspace import Data

DIMENSIONS = (
    "industry", "region", "country", "size_band", "value_band", "frequency_band", "history_band", "owner",
    "department", "account_type", "tier",
)  # fmt: skip
SMALL = 5
"""Segments with fewer accounts than this are flagged: their shares and growth hang on single customers."""
MOST_ROWS, MOST_CELLS, MOST_SLICES = 12, 8, 6
ORDER = (
    "A", "B", "C", "D", "L", "M", "S", "high_value", "medium_value", "low_value", "high_frequency", "medium_frequency",
    "low_frequency", "no_orders", "existing", "new", "prospect", "unknown",
)  # fmt: skip
"""Segments that have an order of their own; others are ordered by revenue."""


def account_table(data: Data, rule: Tiers | None = None) -> pd.DataFrame:
    """Return the account mart with tier (see `scoring.tiers`) and the derived bands that segments may use.

    size_band (L, M, S by employees and annual revenue), value_band (high, medium, low: the ABC class),
    frequency_band (thirds by orders in the window), history_band (prospect, new, existing). Growth is unknown when the
    record does not reach back to the window before.
    """
    accounts = comparable(data).merge(tiers(data, rule).drop(columns="account_name"), on="account_id", validate="1:1")
    accounts["size_band"] = size_bands(accounts, data.settings.sizes)
    classes = abc_table(accounts).set_index("account_id")["abc_class"]
    values = {"A": "high_value", "B": "medium_value", "C": "low_value"}
    accounts["value_band"] = accounts["account_id"].map(classes).map(values).fillna("unknown")
    orders = accounts["n_orders"].where(accounts["n_orders"] > 0)
    names = np.array(["no_orders", "low_frequency", "medium_frequency", "high_frequency"])
    accounts["frequency_band"] = names[groups(orders, 3).fillna(0).astype(int)]
    tenure = accounts["tenure_days"].astype(float)
    accounts["history_band"] = np.select([tenure.isna(), tenure < FIRST_DAYS], ["prospect", "new"], "existing")
    return accounts


def dimensions_of(segment_by: str) -> tuple[str, str]:
    """Return the two dimensions of "industry,region"; with one only, the second is the tier (of the tier: industry)."""
    named = [part.strip() for part in segment_by.split(",")]
    if len(named) > 2:
        raise InputError(
            f"segment_by = '{segment_by}'. Give one dimension, or two separated by a comma.",
            f"segment_by = '{segment_by}'：请填写一个维度，或用逗号分隔的两个维度。",
        )
    return (named[0], named[1]) if len(named) == 2 else (named[0], "industry" if named[0] == "tier" else "tier")


def size_bands(accounts: pd.DataFrame, sizes: Sizes) -> pd.Series:
    """Return L, M or S per account: the lower of what employees and annual revenue say, or "unknown".

    Large and medium must be reached on both measures, as the National Bureau of Statistics asks (2017).
    """
    lower = _size_classes(accounts, sizes).min(axis=1)
    return lower.map({0: "S", 1: "M", 2: "L"}).fillna("unknown")


def size_conflicts(accounts: pd.DataFrame, sizes: Sizes) -> pd.DataFrame:
    """List the accounts whose employees and annual revenue put them in different sizes, largest revenue first."""
    classes = _size_classes(accounts, sizes)
    differ = classes.notna().all(axis=1) & (classes["employees"] != classes["annual_revenue"])
    letters = classes.apply(lambda column: column.map({0: "S", 1: "M", 2: "L"})).add_suffix("_band")
    shown = accounts[["account_name", "employees", "annual_revenue", "market_share", "size_band", "owner"]]
    return shown.join(letters)[differ].sort_values("annual_revenue", ascending=False, ignore_index=True)


def _size_classes(accounts: pd.DataFrame, sizes: Sizes) -> pd.DataFrame:
    cuts = {"employees": sizes.employees, "annual_revenue": sizes.annual_revenue}
    return pd.DataFrame({
        name: sum((accounts[name].astype(float) >= cut).astype(float) for cut in cut).where(accounts[name].notna())
        for name, cut in cuts.items()
    })  # fmt: skip


def segment_table(accounts: pd.DataFrame, segment_by: str = "industry") -> pd.DataFrame:
    """Sum the accounts per segment, largest revenue first; accounts without an entry form the segment "unknown".

    dimension, segment, n_accounts, account_share, revenue, revenue_share, gross_margin, gross_margin_share (of the
    revenue with known cost), contribution, growth (on the window before; of the sums), is_small (under 5 accounts).
    """
    table = _summed(accounts, {"segment": segment_by})
    table.insert(0, "dimension", segment_by)
    return table.sort_values(["revenue", "segment"], ascending=[False, True], ignore_index=True)


def crosstab_table(accounts: pd.DataFrame, rows: str, columns: str) -> pd.DataFrame:
    """Sum the accounts per cell of two dimensions; columns as in `segment_table`, with row_… and column_…."""
    table = _summed(accounts, {"row_segment": rows, "column_segment": columns})
    table.insert(0, "row_dimension", rows)
    table.insert(1, "column_dimension", columns)
    return table.sort_values(
        ["revenue", "row_segment", "column_segment"], ascending=[False, True, True], ignore_index=True
    )


def _summed(accounts: pd.DataFrame, by: dict[str, str]) -> pd.DataFrame:
    frame = accounts.assign(**{name: _filled(accounts[column]) for name, column in by.items()})
    frame["with_cost"] = frame["revenue"].where(frame["gross_margin"].notna())
    keep = lambda column: column.sum(min_count=1)  # noqa: E731 — unknown stays unknown, it is not zero
    table = frame.groupby(list(by), as_index=False).agg(
        n_accounts=("account_id", "size"), revenue=("revenue", "sum"), gross_margin=("gross_margin", keep),
        contribution=("contribution", keep), before=("revenue_prev", keep), with_cost=("with_cost", keep),
    )  # fmt: skip
    table["account_share"] = table["n_accounts"] / table["n_accounts"].sum()
    total = table["revenue"].sum()
    table["revenue_share"] = table["revenue"] / total if total > 0 else np.nan
    table["gross_margin_share"] = table["gross_margin"] / table["with_cost"].where(table["with_cost"] > 0)
    table["growth"] = table["revenue"] / table["before"].where(table["before"] > 0) - 1
    table["is_small"] = table["n_accounts"] < SMALL
    shown = ["n_accounts", "account_share", "revenue", "revenue_share", "gross_margin", "gross_margin_share"]
    return table[[*by, *shown, "contribution", "growth", "is_small"]]


def _filled(column: pd.Series) -> pd.Series:
    text = column.astype(object).where(column.notna(), "unknown").astype(str)
    return text.where(text.str.strip() != "", "unknown")


@chart("bar", size=(9.5, 3.6), x="revenue", y="segment")
def plot_segments(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = MOST_ROWS) -> Axes:
    """Draw revenue per segment with its accounts, margin and growth, pale where fewer than five accounts; beside it the same
    as a pie, unless a segment has a negative revenue."""
    ax, pie = style.panels(ax or style.new_axes(plot_segments.size), 1, 2, width_ratios=(2.6, 1))[0]
    _pie(pie, table)
    shown = table.head(top_n if len(table) <= top_n else top_n - 1)
    names, values = [word(s) for s in shown["segment"]], list(shown["revenue"])
    texts = [_segment_text(row) for row in shown.itertuples()]
    colours = [style.PALE if small else style.BLUE for small in shown["is_small"]]
    if rest := len(table) - len(shown):
        tail = table.tail(rest)
        names.append(f"{word('other')} ({rest})")
        values.append(tail["revenue"].sum())
        texts.append(f"{money(values[-1])} · {_counted(tail['n_accounts'].sum())}")
        colours.append(style.PALE)
    ax.barh(range(len(names)), values, color=colours)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    style.bar_labels(ax, texts)
    ax.set_xlim(min(0, *values) * 1.1, max(max(values) * 1.75, 1))
    ax.grid(axis="y", visible=False)
    style.money_axis(ax.xaxis)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(word("revenue"))
    ax.set_ylabel(word(table["dimension"].iloc[0]))
    return ax


def _pie(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the shares of the largest segments and of all others together; nothing where shares make no sense."""
    ax.axis("off")
    if table["revenue"].min() < 0 or not table["revenue"].sum() > 0:
        return
    top, rest = table.head(MOST_SLICES), table.iloc[MOST_SLICES:]
    names, counts = [word(name) for name in top["segment"]], list(top["n_accounts"])
    values, colours = list(top["revenue_share"]), list(style.CYCLE[: len(top)])
    if len(rest):
        names, counts = [*names, f"{word('other')} ({len(rest)})"], [*counts, rest["n_accounts"].sum()]
        values, colours = [*values, rest["revenue_share"].sum()], [*colours, style.PALE]
    wedges, *_ = ax.pie(
        values, colors=colours, startangle=90, counterclock=False, wedgeprops={"width": 0.45, "edgecolor": "white"}
    )
    labels = [f"{name}  {share(part)} ({n})" for name, part, n in zip(names, values, counts, strict=True)]
    ax.legend(
        wedges, labels, loc="upper center", bbox_to_anchor=(0.5, 0.02), fontsize=8, handlelength=0.8, labelspacing=0.3
    )


def _segment_text(row: tuple) -> str:
    margin = say(None, f" · margin {share(row.gross_margin_share)}", f" · 毛利率 {share(row.gross_margin_share)}")
    growth = "" if pd.isna(row.growth) else f" · {_signed(row.growth)}"
    counted = _counted(row.n_accounts) + ("*" if row.is_small else "")
    return f"{money(row.revenue)} · {counted}" + ("" if pd.isna(row.gross_margin_share) else margin) + growth


def _counted(n: int) -> str:
    return say(None, f"{n} accounts", f"{n}个客户")


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + share(value)


def segments_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the largest segment with its shares and its growth."""
    top, n = table.iloc[0], int(table["n_accounts"].sum())
    if set(table["segment"]) == {"unknown"}:
        by = word(table["dimension"].iloc[0], lang)
        return say(
            lang,
            f"{by} is not recorded for any of {n} accounts: segment by another dimension (segment_by)",
            f"{n}个客户均未填写{by}：请换一个维度（segment_by）",
        )
    name, by = word(top["segment"], lang), word(top["dimension"], lang)
    grown = (
        ""
        if pd.isna(top["growth"])
        else say(lang, f", growth {_signed(top['growth'])}", f"，同比{_signed(top['growth'])}")
    )
    part = share(top["revenue_share"])
    return say(
        lang,
        f"{by}: {name} brings {part} of net revenue with {top['n_accounts']} of {n} accounts{grown}",
        f"按{by}看，{name}以{n}个客户中的{top['n_accounts']}个贡献{part}的净收入{grown}",
    )


@chart("heatmap", size=(7, 3.5), x="column_segment", y="row_segment", colour="revenue_share")
def plot_crosstab(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = MOST_CELLS) -> Axes:
    """Draw each cell's share of revenue and number of accounts; the smallest rows and columns are put together."""
    ax = ax or style.new_axes(plot_crosstab.size)
    table = table.assign(**{side: _lumped(table, side, top_n) for side in ("row_segment", "column_segment")})
    pivot = {
        value: table.pivot_table(
            index="row_segment", columns="column_segment", values=value, aggfunc="sum", fill_value=0
        )
        for value in ("revenue", "revenue_share", "n_accounts")
    }
    rows = _ordered(pivot["revenue"].sum(axis=1))
    columns = _ordered(pivot["revenue"].sum())
    shares, counts = (pivot[name].reindex(index=rows, columns=columns) for name in ("revenue_share", "n_accounts"))
    texts = pd.DataFrame(
        [
            [f"{share(v)}\n{n:.0f}" for v, n in zip(*pair, strict=True)]
            for pair in zip(shares.values, counts.values, strict=True)
        ]
    )
    style.heat_map(ax, shares.where(counts > 0), texts)
    ax.set_xlabel(word(table["column_dimension"].iloc[0]))
    ax.set_ylabel(word(table["row_dimension"].iloc[0]))
    return ax


def _lumped(table: pd.DataFrame, side: str, top_n: int) -> pd.Series:
    order = table.groupby(side)["revenue"].sum().sort_values(ascending=False).index
    small = order[top_n - 1 :] if len(order) > top_n else []
    return table[side].where(~table[side].isin(small), "other")


def _ordered(totals: pd.Series) -> list[str]:
    names = list(totals.drop("other", errors="ignore").sort_values(ascending=False).index)
    if set(names) <= set(ORDER):
        names.sort(key=ORDER.index)
    return names + ["other"] * ("other" in totals)


def crosstab_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the largest cell and count the thin ones."""
    top, small = table.iloc[0], int(table["is_small"].sum())
    name = f"{word(top['row_segment'], lang)} × {word(top['column_segment'], lang)}"
    part, n = share(top["revenue_share"]), top["n_accounts"]
    return say(
        lang,
        f"{name} is the largest cell with {part} of net revenue ({n} accounts); "
        f"{small} of {len(table)} cells have fewer than {SMALL} accounts",
        f"{name}是最大的交叉单元，占净收入{part}（{n}个客户）；{len(table)}个单元中{small}个不足{SMALL}个客户",
    )
