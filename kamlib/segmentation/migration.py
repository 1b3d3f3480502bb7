"""Migration: which accounts changed tier since the scoring before, by how much of their own doing, and does it hold?

Both dates are graded by today's rules, on the tables as they were known on each: a changed rule moves nobody. Bands that
are read off the book move with it; how much of a move is due to that is told apart from what the account itself did.
A tier is changed only when the score has passed the cut by two points, or lies past it at two scorings in a row.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from kamlib import style
from kamlib.exhibit import chart
from kamlib.segmentation.scoring import BAND_COLUMNS, band_table, comparable, earned_points, tiers
from kamlib.segmentation.tiering import NEAR, tier_at
from kamlib.settings import Tiers
from kamlib.words import names, say, share, word
from kamlib.workspace import Data

TIERS = ("A", "B", "C", "D")
SCALE = "scale"
"""The reason of a move that the account did not make: the bands moved, because others did."""
HALF_YEAR = 182


def scoring_days(data: Data) -> list[dt.date]:
    """Return up to three dates to compare, oldest first, the last one the as-of date: those of the scorings before, else half
    a year apart, as far back as a full year can be graded."""
    known = data.frame("score_snapshots")["scored_at"].dropna().dt.date
    given = sorted(day for day in known.unique() if day < data.as_of)[-2:]
    assumed = [data.as_of - dt.timedelta(days=steps * HALF_YEAR) for steps in (2, 1)]
    return [*(given or [day for day in assumed if reaches(data, day)]), data.as_of]


def reaches(data: Data, day: dt.date) -> bool:
    """Return whether there are orders a year before `day` (a month's grace): less is no year to be graded by."""
    return bool(data.mart["first_order"].min() <= pd.Timestamp(day) - pd.Timedelta(days=365 - 31))


Graded = tuple[dt.date, pd.DataFrame, Tiers]
"""A date, the tiers of those who had ordered by then by today's rule, and the rule with the bands of that date pinned."""


def graded_on(data: Data, rule: Tiers, days: list[dt.date]) -> list[Graded]:
    """Grade by `rule` on each of `days`, on the tables as they were known then."""
    found = []
    for day in days:
        then = data.at(day) if day < data.as_of else data
        bands = band_table(comparable(then), rule).set_index("measure")[BAND_COLUMNS]
        pinned = rule.model_copy(update={"bands": {name: tuple(row) for name, row in zip(bands.index, bands.to_numpy(), strict=True)}})  # fmt: skip
        bought = then.mart.loc[then.mart["n_orders_ever"] > 0, "account_id"]
        graded = tiers(then, rule)
        found.append((day, graded[graded["account_id"].isin(bought)], pinned))
    return found


def moves_table(data: Data, graded: list[Graded], accounts: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Compare the last two of `graded` (see `graded_on`; the last is the as-of date) for every account that had ordered by then, largest customers first.

    account_id, account_name, owner, from_tier, to_tier (by score; "new_since": no order by the first date; "lost_since": lost since),
    held_tier (to_tier with hysteresis), from_composite_score, to_composite_score, own_change_score and scale_change_score
    (their difference, by what the account did and by bands that moved), moved_by (the indicator, or "scale", that carried
    most of it), is_held (a move of score that does not count yet), revenue. Empty without a date to compare.
    """
    if len(graded) < 2:
        return pd.DataFrame(columns=_COLUMNS)
    (day, before, old_rule), (_, after, _) = graded[-2:]
    before, after = before.set_index("account_id"), after.set_index("account_id")
    table = accounts[["account_id", "account_name", "owner", "revenue", "lost_at"]].set_index("account_id")
    table = table.loc[table.index.isin(after.index)].copy()
    table["from_tier"] = (
        before["tier"].reindex(table.index).astype(object).where(lambda tier: tier.notna(), "new_since")
    )
    table["to_tier"] = after["tier"].reindex(table.index).astype(object)
    scores = [frame.set_index("account_id")["composite_score"].reindex(table.index) for _, frame, _ in graded]
    table["held_tier"] = held_tiers(scores, rule.cuts).where(table["from_tier"] != "new_since", table["to_tier"])
    table["from_composite_score"], table["to_composite_score"] = scores[-2], scores[-1]
    table = table.join(_reasons(data, rule, old_rule, before, after))
    lost = table["lost_at"].notna() & (table["lost_at"] > pd.Timestamp(day))
    for name in ("to_tier", "held_tier"):
        table.loc[lost, name] = "lost_since"
    table["is_held"] = table["held_tier"] != table["to_tier"]
    table = table.reset_index().dropna(subset=["from_tier", "to_tier"])
    return table.sort_values(["revenue", "account_id"], ascending=[False, True], ignore_index=True)[_COLUMNS]


_COLUMNS = [
    "account_id", "account_name", "owner", "from_tier", "to_tier", "held_tier", "from_composite_score", "to_composite_score",
    "own_change_score", "scale_change_score", "moved_by", "is_held", "revenue",
]  # fmt: skip


def held_tiers(scores: list[pd.Series], cuts: dict[str, float]) -> pd.Series:
    """Return the tier after a row of scorings, oldest first, with hysteresis: it changes when the score has passed the cut by
    two points or more, or lies past it at two scorings in a row."""
    levels = [*cuts, "D"]
    values = list(cuts.values())

    def after(held: str | None, last: float, now: float) -> str | None:
        if not np.isfinite(now):
            return held
        if held is None:
            return tier_at(now, cuts)
        place = levels.index(held)
        sure_up = sum(
            now < cut + NEAR for cut in values
        )  # the best tier that the score reaches with two points to spare
        sure_down = sum(now < cut - NEAR for cut in values)  # the best that it does not miss by more than two
        again = levels.index(tier_at(last, cuts)) if np.isfinite(last) else place
        here = levels.index(tier_at(now, cuts))
        both = max(here, again) if max(here, again) < place else min(here, again) if min(here, again) > place else place
        return levels[min(place, sure_up, both) if here < place else max(place, sure_down, both)]

    tiers: list = [None] * len(scores[0])
    previous = pd.Series(np.nan, index=scores[0].index)
    for column in scores:
        tiers = [after(*row) for row in zip(tiers, previous.to_numpy(float), column.to_numpy(float), strict=True)]
        previous = column
    return pd.Series(tiers, index=scores[0].index, dtype=object)


def _reasons(data: Data, rule: Tiers, old_rule: Tiers, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return own_change_score, scale_change_score and moved_by: today's accounts read against the bands of then, less what
    they earned then; what is left of the change is the bands'."""
    now_old = tiers(data, old_rule).set_index("account_id").reindex(before.index)
    change = earned_points(now_old, rule) - earned_points(before, rule)
    own = change.sum(axis=1, min_count=1)
    total = earned_points(after.reindex(before.index), rule).sum(axis=1, min_count=1) - earned_points(before, rule).sum(
        axis=1, min_count=1
    )
    parts = change.assign(**{SCALE: total - own})
    along = parts.mul(np.sign(total), axis=0).fillna(-np.inf)
    reason = along.idxmax(axis=1).where(total.abs() > 1e-9)
    return pd.DataFrame({"own_change_score": own, "scale_change_score": parts[SCALE], "moved_by": reason}).round(
        {"own_change_score": 6, "scale_change_score": 6}
    )


def movers(moves: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts of `moves_table` whose tier is another one now, with hysteresis; new and lost ones left out."""
    changed = (
        (moves["from_tier"] != moves["held_tier"])
        & (moves["from_tier"] != "new_since")
        & (moves["held_tier"] != "lost_since")
    )
    return moves[changed].reset_index(drop=True)


def migration_table(moves: pd.DataFrame) -> pd.DataFrame:
    """Count `moves_table` by tier before and now (held): from_tier, to_tier, n_accounts, row_share, n_held, revenue; every
    pair of A to D, and new and lost ones where there are any."""
    if moves.empty:
        return pd.DataFrame(columns=["from_tier", "to_tier", "n_accounts", "row_share", "n_held", "revenue"])
    rows = [*TIERS, *(["new_since"] if (moves["from_tier"] == "new_since").any() else [])]
    columns = [*TIERS, *(["lost_since"] if (moves["held_tier"] == "lost_since").any() else [])]
    found = moves.groupby(["from_tier", "held_tier"]).agg(
        n_accounts=("account_id", "size"), n_held=("is_held", "sum"), revenue=("revenue", "sum")
    )
    pairs = pd.MultiIndex.from_product([rows, columns], names=["from_tier", "to_tier"])
    found = found.rename_axis(pairs.names).reindex(pairs, fill_value=0)
    row_total = found["n_accounts"].groupby("from_tier").transform("sum")
    found.insert(1, "row_share", found["n_accounts"] / row_total.where(row_total > 0))
    return found.reset_index().astype({"n_accounts": int, "n_held": int, "revenue": float})


@chart("heatmap", x="to_tier", y="from_tier", colour="row_share", size=(6.5, 4.2))
def plot_migration(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw counts and row percentages: framed who stayed, right of the frame who fell, left of it who rose."""
    ax = ax or style.new_axes(plot_migration.size)
    rows, columns = table["from_tier"].unique(), table["to_tier"].unique()
    cells = table.set_index(["from_tier", "to_tier"])
    counts = cells["n_accounts"].unstack().reindex(index=rows, columns=columns)
    shares = cells["row_share"].unstack().reindex(index=rows, columns=columns)
    texts = pd.DataFrame(
        [[f"{n}\n{share(part)}" for n, part in zip(*pair, strict=True)] for pair in zip(counts.to_numpy(), shares.to_numpy(), strict=True)]
    )  # fmt: skip
    style.heat_map(ax, shares.where(counts > 0), texts, high=1)
    for place in range(len(TIERS)):
        ax.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=style.INK, lw=1.2))
    ax.set_xlabel(say(None, "Tier now", "现级别"))
    ax.set_ylabel(say(None, "Tier before", "原级别"))
    return ax


def migration_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts rose, fell and stayed, how many moves do not count yet, and who came and went."""
    place = {tier: i for i, tier in enumerate(TIERS)}
    step = table["from_tier"].map(place) - table["to_tier"].map(place)
    rose, fell, stayed = (int(table.loc[which, "n_accounts"].sum()) for which in (step > 0, step < 0, step == 0))
    held = int(table["n_held"].sum())
    new, lost = (int(table.loc[table[side] == name, "n_accounts"].sum()) for side, name in (("from_tier", "new_since"), ("to_tier", "lost_since")))  # fmt: skip
    waits = (
        say(
            lang,
            f"; {held} moves within 2 points of a cut do not count yet",
            f"；{held}次变动距分界线不足2分，暂不计入",
        )
        if held
        else ""
    )
    came = say(lang, f"; new: {new}, lost: {lost}", f"；新增{new}个，流失{lost}个") if new + lost else ""
    return say(
        lang,
        f"By the same rules, {rose} of {rose + fell + stayed} accounts rose and {fell} fell; {stayed} kept their tier{waits}{came}",
        f"同一规则下，{rose + fell + stayed}个客户中{rose}个升级、{fell}个降级，{stayed}个级别不变{waits}{came}",
    )


def movers_claim(moves: pd.DataFrame, lang: str = "en") -> str:
    """Name the largest accounts that fell, and count the moves that the scale made rather than the account."""
    moved = movers(moves)
    place = {tier: i for i, tier in enumerate(TIERS)}
    fell = moved[moved["from_tier"].map(place) < moved["held_tier"].map(place)]
    by_scale = int((moved["moved_by"] == SCALE).sum())
    listed = names(list(fell["account_name"]), lang) if len(fell) else say(lang, "none", "无")
    return say(
        lang,
        f"Fallen, largest first: {listed}; {by_scale} of {len(moved)} moves are due to {word(SCALE, lang).lower()}",
        f"降级客户（按收入）：{listed}；{len(moved)}次变动中{by_scale}次源于{word(SCALE, lang)}",
    )


def given_claim(given: pd.DataFrame, graded: list[Graded], lang: str = "en") -> str:
    """Say how many tiers given at the scoring before (`score_snapshots`) differ from what today's rules give for that date."""
    if len(graded) < 2 or given.empty:
        return say(lang, "No tiers were given before", "此前没有已评定的级别")
    day, before, _ = graded[-2]
    then = given[given["scored_at"].dt.date == day].set_index("account_id")["tier"]
    now = before.set_index("account_id")["tier"].reindex(then.index).dropna()
    if now.empty:
        return say(lang, f"No tiers were given on {day}", f"{day}没有已评定的级别")
    differ = int((then[now.index] != now).sum())
    return say(
        lang,
        f"{differ} of {len(now)} tiers given on {day} differ from what today's rules give for that day: rules, not customers, moved them",
        f"{day}评定的{len(now)}个级别中，{differ}个与按现行规则重算的结果不同：变的是规则，不是客户",
    )
