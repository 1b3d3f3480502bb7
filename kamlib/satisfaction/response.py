"""Response: who answers and who does not, and could the silent change the picture? (Part of satisfaction.)"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import FEWEST, latest_waves


def response_table(
    surveys: pd.DataFrame, mart: pd.DataFrame, relationships: pd.DataFrame, *, waves: int = 6
) -> pd.DataFrame:
    """Response by what is known of everybody who was invited in the last `waves`.

    One row per trait and group: trait, group_name, n_invited, n_accounts, n_answers, response_rate with its interval
    (Wilson; invitations of one account count for less when they are answered alike), p_rate (do the groups of the trait
    differ? Wald test, accounts as clusters), t2b_rate (of those who answered), all_t2b_rate and weighted_t2b_rate (of all:
    as answered, and with every group weighing as much as it was invited), lowest_rate and highest_rate (all silent ones
    dissatisfied, or all satisfied; Manski 1995). Traits: key accounts, way of asking, stance, the answer before.
    """
    rows = surveys[surveys.wave.isin(latest_waves(surveys, waves))]
    if rows.empty:
        return pd.DataFrame(columns=_COLUMNS)
    rows = rows.assign(answered=rows.overall.notna(), satisfied=(rows.overall >= 4))
    found = []
    for trait, group in _groups(rows, mart, relationships).items():
        parts = [_group(name, some) for name, some in rows.groupby(group.to_numpy())]
        if len(parts) < 2:
            continue
        table = pd.DataFrame(parts).assign(trait=trait)
        table["p_rate"] = _homogeneous(table)
        table["weighted_t2b_rate"] = np.average(table.t2b_rate, weights=table.n_invited)
        found.append(table)
    if not found:
        return pd.DataFrame(columns=_COLUMNS)
    answered, satisfied, n = rows.answered.sum(), rows.satisfied.sum(), len(rows)
    bounds = {"lowest_rate": satisfied / n, "highest_rate": (satisfied + n - answered) / n}
    return pd.concat(found, ignore_index=True).assign(all_t2b_rate=satisfied / max(answered, 1), **bounds)[_COLUMNS]


_COLUMNS = [
    "trait", "group_name", "n_invited", "n_accounts", "n_answers", "response_rate", "response_rate_low",
    "response_rate_high", "p_rate", "t2b_rate", "all_t2b_rate", "weighted_t2b_rate", "lowest_rate", "highest_rate",
]  # fmt: skip


def _groups(rows: pd.DataFrame, mart: pd.DataFrame, relationships: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the group of each invitation in each trait, all known before it was answered."""
    key = rows.account_id.map(mart.set_index("account_id").is_key_account.fillna(False).astype(bool))
    stance = relationships.sort_values("assessed_at", kind="stable").groupby("contact_id").stance.last()
    said = rows.contact_id.map(stance)
    order = rows.sort_values(["invited_at", "response_id"], kind="stable")
    before = order.groupby("contact_id").overall.transform(lambda answers: answers.ffill().shift())
    before = before.reindex(rows.index)
    return {
        "is_key_account": key.map({True: "key_account", False: "other_account"}).fillna("unknown"),
        "channel": rows.channel.fillna("unknown"),
        "stance": pd.Series(np.select([said < 0, said == 0, said > 0], ["against", "neutral", "in_favour"], "unknown"), rows.index),
        "answer_before": pd.Series(np.select([before <= 3, before >= 4], ["was_dissatisfied", "was_satisfied"], "never_answered"), rows.index),
    }  # fmt: skip


def _group(name: str, rows: pd.DataFrame) -> dict:
    k, n = int(rows.answered.sum()), len(rows)
    equal = stats.effective_trials(rows.answered, rows.account_id)
    low, high = stats.wilson(k / n * equal, equal)
    counts = {
        "group_name": name,
        "n_invited": n,
        "n_accounts": rows.account_id.nunique(),
        "n_answers": k,
        "equal": equal,
    }
    rates = {"response_rate": k / n, "response_rate_low": low, "response_rate_high": high}
    return counts | rates | {"t2b_rate": rows.satisfied.sum() / k if k else np.nan}


def _homogeneous(table: pd.DataFrame) -> float:
    """Chance of such differences between the groups' rates if all had the same; NaN with fewer than two usable groups."""
    some = table[(table.n_accounts >= FEWEST) & table.response_rate.between(0, 1, inclusive="neither")]
    if len(some) < 2:
        return np.nan
    precision = some.equal / (some.response_rate * (1 - some.response_rate))
    distance = precision * (some.response_rate - np.average(some.response_rate, weights=precision)) ** 2
    return float(sp.chi2.sf(distance.sum(), len(some) - 1))


@chart("dots", x="group_name", y="response_rate", low="response_rate_low", high="response_rate_high", size=(8, 5))
def plot_response(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Response rate per group with its interval, trait by trait, and the rate of all."""
    ax = ax or style.new_axes((8, 5))
    gaps = table.trait.ne(table.trait.shift()).cumsum() - 1
    place = -(np.arange(len(table)) + 0.8 * gaps).to_numpy()
    whiskers = np.abs(table[["response_rate_low", "response_rate_high"]].to_numpy().T - table.response_rate.to_numpy())
    ax.errorbar(table.response_rate, place, xerr=whiskers, fmt="o", color=style.BLUE, ecolor=style.PALE, capsize=3)
    ax.set_yticks(place, [f"{words.word(r.group_name)} (n = {r.n_invited})" for r in table.itertuples()])
    for name, rows in table.groupby("trait", sort=False):
        p = rows.p_rate.iloc[0]
        told = "" if np.isnan(p) else f"\np = {p:.2f}" if p >= 0.005 else "\np < 0.01"
        y = place[rows.index].mean()
        ax.text(
            1.02, y, f"{words.word(f'by_{name}')}{told}", transform=ax.get_yaxis_transform(), va="center", fontsize=8
        )
    first = table[table.trait == table.trait.iloc[0]]
    ax.axvline(first.n_answers.sum() / first.n_invited.sum(), color=style.GREY, lw=1, ls="--")
    ax.set_xlim(0, 1)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(None, "Answered, of those invited (95 % interval; dashed: all)", "答复率（95%区间；虚线：全部）")
    )
    ax.grid(axis="y", visible=False)
    return ax


def response_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say who answers less, how far reweighting moves the top-2-box, and what the silent could make of it at worst."""
    first = table.iloc[0]
    if (n := int(table[table.trait == first.trait].n_accounts.sum())) < FEWEST:
        return words.say(
            lang,
            f"Who answers less cannot be said: {n} accounts were asked, {FEWEST} are needed.",
            f"仅邀请了 {n} 个客户（至少需要 {FEWEST} 个），无法判断谁较少答复。",
        )
    some = table[table.trait == first.trait]
    rate = words.share(some.n_answers.sum() / some.n_invited.sum())
    differ = list(dict.fromkeys(table[table.p_rate < 0.05].trait))
    named = {to: words.names([words.word(f"by_{name}", to).lower() for name in differ], to) for to in words.LANGUAGES}
    moved = (table.weighted_t2b_rate - table.all_t2b_rate).abs().max()
    span = f"{words.share(first.lowest_rate)}–{words.share(first.highest_rate)}"
    t2b = words.share(first.all_t2b_rate)
    points = "" if np.isnan(moved) else f"{100 * moved:.1f}"
    en = (
        f"{rate} answered; response differs by {named['en']}"
        if differ
        else f"{rate} answered, no group clearly less than another"
    )
    zh = f"答复率{rate}，{named['zh']}之间存在差异" if differ else f"答复率{rate}，各组之间无明显差异"
    if points:
        en, zh = (
            f"{en}. Reweighting moves {t2b} satisfied by at most {points} points",
            f"{zh}；重新加权后满意占比{t2b}最多变动 {points} 个百分点",
        )
    return words.say(
        lang, en=f"{en}; the silent could make it {span}.", zh=f"{zh}；未答复者若全不满意或全满意，则为 {span}。"
    )
