"""Needs: what do accounts ask for, what do accounts like them buy that they do not, and how does what they buy change?

An explicit need has been said: an open deal. A latent one has not: a product category that most of the account's lookalikes buy from us, and
it does not (whitespace). Lookalikes are the fifteen accounts whose other categories are most alike, industry counted as half a category.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.words import money, number, say, share, short, word
from kamlib.workspace import Data, to_frame

LOOKALIKES = 15
LEAST_LIKE = 30
"""With fewer accounts that bought in the window nobody has fifteen that deserve the name."""
MOST_ACCOUNTS, MOST_NEEDS = 1000, 30
LATE_START = pd.Timedelta(days=31)
"""Data that begin so much after a year did still have all of it."""
PRIOR = 5
"""So many accounts of the average kind are added to the lookalikes: five of five is not a certainty."""
NAMED = ["account_id", "account_name", "owner"]


# --- What was bought -----------------------------------------------------------------------------------------------


def spend_table(data: Data) -> pd.DataFrame:
    """Return what accounts spent per product category in each of the last three years: account_id, product_need, years_ago, amount.

    years_ago is 0 for the 12 months up to the as-of date; earlier years only as far as the data hold all of them. Without categories products take their place, the thirty that most
    accounts buy.
    """
    lines, orders = data.table("order_lines"), data.table("orders").select("order_id", "account_id", "order_date")
    products = data.table("products").select("product_id", "product_name", "product_category")
    ends = [pd.Timestamp(data.as_of) - pd.DateOffset(years=n) for n in (1, 2, 3)]
    opening = pd.Timestamp(orders.order_date.min().execute())
    n_whole = max(1, sum(opening <= end + LATE_START for end in ends))
    rows = lines.inner_join(orders, "order_id").inner_join(products, "product_id")
    rows = rows.filter(rows.order_date > ibis.literal(ends[2].date()))
    ago = ibis.cases((rows.order_date > ends[0].date(), 0), (rows.order_date > ends[1].date(), 1), else_=2)
    rows = rows.mutate(years_ago=ago)
    categorised = bool(rows.product_category.notnull().any().execute())
    need = rows.product_category if categorised else rows.product_name
    found = (
        rows.mutate(product_need=need)
        .filter(need.notnull())
        .group_by("account_id", "product_need", "years_ago")
        .agg(amount=rows.amount.sum())
    )
    spend = to_frame(found.order_by("account_id", "product_need", "years_ago"))
    spend = spend[spend["years_ago"] < n_whole]
    buyers = spend.groupby("product_need")["account_id"].nunique().sort_values(ascending=False, kind="stable")
    return spend[spend["product_need"].isin(buyers.index[:MOST_NEEDS])].reset_index(drop=True)


# --- What lookalikes buy -------------------------------------------------------------------------------------------


def whitespace(spend: pd.DataFrame, accounts: pd.DataFrame, years_ago: int = 0) -> pd.DataFrame:
    """Score every category that an account did not buy in the year: one row per account and such category.

    account_id, product_need, n_like (of 15 lookalikes that buy it), likeness_share ((n_like + 5·share of all) ÷ 20: it ranks, it is no chance of buying),
    value_if (its revenue times the median share that a category had in the first year of those that took one up). Empty with fewer than 30
    buying accounts or 3 categories.
    """
    year = spend[(spend["years_ago"] == years_ago) & (spend["amount"] > 0)]
    wide = year.pivot_table(index="account_id", columns="product_need", values="amount", aggfunc="sum").fillna(0.0)
    if len(wide) < LEAST_LIKE or wide.shape[1] < 3:
        return pd.DataFrame(columns=_WHITE)
    total = wide.sum(axis=1)
    wide = wide.loc[total.nlargest(MOST_ACCOUNTS, keep="first").sort_index().index]
    industry = accounts.set_index("account_id")["industry"].reindex(wide.index)
    same = (industry.to_numpy()[:, None] == industry.to_numpy()) & industry.notna().to_numpy()
    rows = pd.concat([_cells(wide, need, same) for need in wide.columns], ignore_index=True)
    rows["value_if"] = rows["account_id"].map(total) * _first_year_share(spend, years_ago)
    return rows[_WHITE]


_WHITE = ["account_id", "product_need", "n_like", "likeness_share", "value_if"]


def _first_year_share(spend: pd.DataFrame, years_ago: int) -> float:
    """Return the median share in an account's spend of a category it did not buy the year before; NaN with fewer than 5."""
    now, then = (spend[(spend["years_ago"] == ago) & (spend["amount"] > 0)] for ago in (years_ago, years_ago + 1))
    part = now.assign(part=now["amount"] / now.groupby("account_id")["amount"].transform("sum"))
    part = part[part["account_id"].isin(then["account_id"])]
    part = part.merge(
        then[["account_id", "product_need"]], on=["account_id", "product_need"], how="left", indicator=True
    )
    new = part.loc[part["_merge"] == "left_only", "part"]
    return float(new.median()) if len(new) >= 5 else np.nan


def _cells(wide: pd.DataFrame, need: str, same: np.ndarray) -> pd.DataFrame:
    """Score one category for the accounts that do not buy it; accounts equally far away share the last places."""
    bought = wide.drop(columns=need).to_numpy() > 0
    both = bought.astype(float) @ bought.T
    sizes = bought.sum(axis=1)
    either = sizes[:, None] + sizes - both
    alike = np.divide(both, either, out=np.zeros_like(both), where=either > 0) + same / (2 * wide.shape[1])
    np.fill_diagonal(alike, -1)
    buys = (wide[need].to_numpy() > 0).astype(float)
    alike = alike.round(9)
    last = -np.partition(-alike, LOOKALIKES - 1, axis=1)[:, LOOKALIKES - 1 : LOOKALIKES]
    nearer, tied = alike > last, alike == last
    counts = nearer @ buys + (LOOKALIKES - nearer.sum(axis=1)) * (tied @ buys) / tied.sum(axis=1)
    likely = (counts + PRIOR * buys.mean()) / (LOOKALIKES + PRIOR)
    return pd.DataFrame({"account_id": wide.index, "product_need": need, "n_like": counts, "likeness_share": likely})[
        buys == 0
    ]


def adoption(spend: pd.DataFrame, accounts: pd.DataFrame) -> dict[str, float]:
    """Test whitespace on the past: of the tenth of gaps that looked likeliest a year ago, how many were bought since?

    {"n_top", "k_top", "n_all", "k_all"}: gaps among the likeliest tenth and all gaps, with those bought in the year that followed.
    """
    then = whitespace(spend, accounts, years_ago=1)
    if then.empty:
        return dict.fromkeys(("n_top", "k_top", "n_all", "k_all"), 0)
    now = spend[(spend["years_ago"] == 0) & (spend["amount"] > 0)][["account_id", "product_need"]].assign(bought=1)
    then = then.merge(now, on=["account_id", "product_need"], how="left").fillna({"bought": 0})
    then = then.assign(rounded=-then["likeness_share"].round(9)).sort_values(["rounded", "account_id", "product_need"])
    cut = then["rounded"].iloc[max(len(then) // 10, 1) - 1]
    top = then[then["rounded"] <= cut]  # all that are equally likely, whatever they are called
    return {
        "n_top": len(top),
        "k_top": int(top["bought"].sum()),
        "n_all": len(then),
        "k_all": int(then["bought"].sum()),
    }


def needs_table(spend: pd.DataFrame, deals: pd.DataFrame, accounts: pd.DataFrame, *, each: int = 40) -> pd.DataFrame:
    """List explicit needs (open deals, largest first) and latent ones (whitespace, likeness times value), at most `each` of a kind.

    account_id, account_name, owner, product_need, need_kind, n_like (lookalikes that buy it), likeness_share, value_if (the deal's amount, or the first
    year's revenue if bought), n_top, n_top_bought, n_all, n_all_bought (`adoption`).
    """
    latent = whitespace(spend, accounts)
    worth = latent["likeness_share"].astype(float) * latent["value_if"].astype(float).fillna(1.0)
    latent = latent.assign(need_kind="latent", rank=-worth.round(6))
    asked = deals[(deals["status"] == "open") & deals["product_category"].notna() & deals["account_id"].notna()]
    asked = asked.groupby(["account_id", "product_category"], as_index=False)["amount"].sum()
    asked = asked.rename(columns={"product_category": "product_need", "amount": "value_if"}).assign(
        need_kind="explicit"
    )
    asked["rank"] = -asked["value_if"].astype(float)
    parts = [
        part.sort_values(["rank", "account_id", "product_need"]).head(each) for part in (asked, latent) if len(part)
    ]
    if not parts:
        return pd.DataFrame(columns=_NEEDS)
    table = pd.concat(parts, ignore_index=True).merge(accounts[NAMED], on="account_id")
    return (
        table.assign(**adoption(spend, accounts))
        .rename(columns={"k_top": "n_top_bought", "k_all": "n_all_bought"})
        .reindex(columns=_NEEDS)
    )


_NEEDS = [
    *NAMED, "product_need", "need_kind", "n_like", "likeness_share", "value_if", "n_top", "n_top_bought", "n_all", "n_all_bought",
]  # fmt: skip


@chart("bar", x="value_if", y="account_name", colour="need_kind", label="product_need", size=(10, 4.4))
def plot_needs(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 8) -> Axes:
    """Draw the largest need of each account by kind: what was asked for at the left, what lookalikes buy at the right."""
    ax = ax or style.new_axes(plot_needs.size)
    left, right = style.panels(ax, 1, 2)[0]
    explicit, latent = (
        table[table["need_kind"] == kind].drop_duplicates("account_id").head(top_n) for kind in ("explicit", "latent")
    )
    valued = latent["value_if"].notna().any()
    _bars(left, explicit, "value_if", [word(need) for need in explicit["product_need"]], style.BLUE)
    texts = [f"{word(row.product_need)} ({row.n_like:.0f}/{LOOKALIKES})" for row in latent.itertuples()]
    _bars(right, latent, "value_if" if valued else "n_like", texts, style.ORANGE)
    for panel, kind in ((left, "explicit"), (right, "latent")):
        panel.set_title(word(f"need_{kind}"), fontsize=9)
    style.money_axis(left.xaxis)
    left.set_xlabel(say(None, "open deals", "进行中商机金额"))
    if valued:
        style.money_axis(right.xaxis)
    many = say(None, f"of {LOOKALIKES} lookalikes so many buy it", f"{LOOKALIKES} 个相似客户中的购买数")
    first = say(None, f"first year's revenue if bought\n({many})", f"若购买，首年收入\n（{many}）")
    right.set_xlabel(first if valued else many)
    return left


def _bars(ax: Axes, rows: pd.DataFrame, column: str, texts: list[str], colour: str) -> None:
    ax.barh(np.arange(len(rows)), rows[column].fillna(0), color=colour, height=0.6)
    ax.bar_label(ax.containers[0], texts, padding=4, fontsize=8)
    ax.set_yticks(range(len(rows)), [style.wrapped(short(name), 22) for name in rows["account_name"]], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlim(0, max(rows[column].fillna(0).max(), 1) * 1.7 if len(rows) else 1)
    ax.locator_params(axis="x", nbins=4)
    ax.grid(axis="y", visible=False)


def needs_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which gap is worth most, and whether the likeliest gaps of a year ago were bought more often than others."""
    latent, row = table[table["need_kind"] == "latent"], table.iloc[0]
    asked = table.loc[table["need_kind"] == "explicit", "value_if"].sum()
    if latent.empty:
        return say(
            lang,
            f"Open deals name needs for {money(asked, 'en')}; lookalikes need 30 buying accounts and 3 categories.",
            f"进行中商机的显性需求合计 {money(asked, 'zh')}；相似客户比较需至少 30 个在购客户和 3 个品类。",
        )
    top = latent.iloc[0]
    en = f"{short(top['account_name'])} could buy {word(top['product_need'], 'en')}, as {number(top['n_like'])} of {LOOKALIKES} lookalikes do"
    zh = f"{short(top['account_name'])}可开发{word(top['product_need'], 'zh')}：{LOOKALIKES} 个相似客户中 {number(top['n_like'])} 个在买"
    if np.isfinite(top["value_if"]):
        en += f" (about {money(top['value_if'], 'en')} in the first year)"
        zh += f"（首年约 {money(top['value_if'], 'zh')}）"
    if row["n_all"]:
        k, n, base = int(row["n_top_bought"]), int(row["n_top"]), row["n_all_bought"] / row["n_all"]
        low, high = stats.wilson(k, n)
        sure = (
            ("a gap this likely is worth a call", "值得跟进")
            if low > base
            else ("too little to trust the ranking", "排序尚不可靠")
        )
        en += f"; of the likeliest gaps of a year ago {share(k / n)} were bought since (95 % interval {share(low)} to {share(high)}, n = {n}; all gaps {share(base)}): {sure[0]}"
        zh += f"；一年前最可能的空白中 {share(k / n)} 已购买（95 % 区间 {share(low)}～{share(high)}，n = {n}；全部空白 {share(base)}）：{sure[1]}"
    return say(lang, f"{en}.", f"{zh}。")


# --- How what they buy changes -------------------------------------------------------------------------------------


def mix_shift_table(
    spend: pd.DataFrame, deals: pd.DataFrame, accounts: pd.DataFrame, since: pd.Timestamp
) -> pd.DataFrame:
    """Compare what each account bought in the last year with the year before, those that changed most first.

    account_id, account_name, shift_share (share of the spend that went to other categories), adopted and dropped (categories), n_rivals and
    rivals (competitors named in deals closed after `since`). Accounts that bought in both years only.
    """
    years = [
        spend[(spend["years_ago"] == ago) & (spend["amount"] > 0)].pivot_table(
            index="account_id", columns="product_need", values="amount", aggfunc="sum"
        )
        for ago in (0, 1)
    ]
    if any(year.empty for year in years):
        return pd.DataFrame(columns=_SHIFT)
    both = years[0].index.intersection(years[1].index)
    needs = years[0].columns.union(years[1].columns)
    now, then = (year.reindex(index=both, columns=needs).fillna(0.0) for year in years)
    moved = (now.div(now.sum(axis=1), axis=0) - then.div(then.sum(axis=1), axis=0)).abs().sum(axis=1) / 2
    table = pd.DataFrame({"shift_share": moved.round(9)})
    for name, gained in (("adopted", (now > 0) & (then == 0)), ("dropped", (now == 0) & (then > 0))):
        table[name] = [", ".join(needs[row]) for row in gained.to_numpy()]
    named = deals[deals["competitor"].notna() & (deals["closed_at"] > since)].groupby("account_id")["competitor"]
    table["n_rivals"] = named.nunique().reindex(both, fill_value=0)
    table["rivals"] = named.agg(lambda names: ", ".join(sorted(set(names)))).reindex(both).fillna("")
    table = table.reset_index().merge(accounts[["account_id", "account_name"]], on="account_id")
    return table.sort_values(["shift_share", "account_id"], ascending=[False, True], ignore_index=True)[_SHIFT]


_SHIFT = ["account_id", "account_name", "shift_share", "adopted", "dropped", "n_rivals", "rivals"]
