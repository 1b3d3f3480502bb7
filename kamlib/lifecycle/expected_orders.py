"""Expected orders: how many will each account place in the next year, and how far can that be trusted?

Accounts are described by BG/NBD (`kamlib.models.bgnbd`): they buy at random at their own pace until they leave without saying so.
They are ranked by the orders to expect, never by the chance of being alive, which is 1 for everybody who bought once.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models import bgnbd, gamma_gamma, pareto_nbd
from kamlib.models.bgnbd import BgNbd
from kamlib.models.gamma_gamma import GammaGamma
from kamlib.models.likelihood import Fit
from kamlib.models.repeat_purchases import bought_between, history
from kamlib.words import number, say, short

LEAST_ACCOUNTS, LEAST_BACK = 30, 10
"""Fewer accounts, or fewer that ever came back, teach a model nothing: then nothing is expected of anybody."""
LEAST_WEEKS = 26
"""A year is not expected from less than half a year."""
MOST_FITTED = 20_000
"""Of more accounts a random part is fitted; all of them get their expectation."""
CORRELATED = 0.3
"""Beyond this correlation of frequency and order value the Gamma-Gamma model is not to be trusted with amounts."""
DRAWS = 400
NAMED = ["account_id", "account_name", "owner"]


# --- What the models learned ---------------------------------------------------------------------------------------


def models_table(order_days: pd.DataFrame, until: dt.date) -> pd.DataFrame:
    """Fit the models to what was known on `until`: one row per model and parameter.

    purchase_model ("bgnbd", "nbd": nobody ever leaves, "pareto_nbd"), parameter, estimate_ratio (in weeks where it has a unit) with its 95 % interval
    (log scale; missing where the likelihood is flat), n_accounts, loglik_score, converged, dropout_seen (of bgnbd: the data
    show that accounts leave). Empty with fewer than 30 accounts or 10 that came back.
    """
    seen = history(order_days, until)
    if not enough(seen):
        return pd.DataFrame(columns=_MODELS)
    part = fitted_part(seen)
    x, t_x, T = (part[name].to_numpy(float) for name in ("x", "t_x", "T"))
    bg, nbd, pareto = bgnbd.fit(x, t_x, T), bgnbd.fit_nbd(x, T), pareto_nbd.fit(x, t_x, T)
    rows = []
    for model, names, fit in (
        ("bgnbd", ("r", "alpha", "a", "b"), bg), ("nbd", ("r", "alpha"), nbd), ("pareto_nbd", ("r", "alpha", "s", "beta"), pareto),
    ):  # fmt: skip
        spread = 1.96 * np.sqrt(np.diag(fit.covariance))
        low, high = (fit.values * np.exp(sign * spread) for sign in (-1, 1))
        shown = (fit.log_likelihood, fit.converged, bgnbd.dropout_seen(bg, nbd), size_correlation(part))
        rows += [(model, *row, len(part), *shown) for row in zip(names, fit.values, low, high, strict=True)]
    return pd.DataFrame(rows, columns=_MODELS)


_MODELS = [
    "purchase_model", "parameter", "estimate_ratio", "estimate_ratio_low", "estimate_ratio_high", "n_accounts", "loglik_score",
    "converged", "dropout_seen", "size_ratio",
]  # fmt: skip


def size_correlation(seen: pd.DataFrame) -> float:
    """Return Spearman's correlation of the number of repeat orders and their mean value; NaN with fewer than 10 accounts."""
    back = seen[(seen["x"] > 0) & (seen["repeat_value"] > 0)]
    return float(back["x"].corr(back["repeat_value"], method="spearman")) if len(back) >= LEAST_BACK else np.nan


def models_claim(models: pd.DataFrame, rhythm: dict[str, float], lang: str | None = "en") -> str:
    """Say in words whether the fit can be used: did it converge, is dropout seen, and are orders as random as it assumes?

    `rhythm` is what `kamlib.models.regularity.regularity` returns.
    """
    if models.empty:
        return say(
            lang,
            "No model: fewer than 30 accounts, or fewer than 10 that came back.",
            "不建模：客户不足 30 个，或回购客户不足 10 个。",
        )
    bg = models[models["purchase_model"] == "bgnbd"].iloc[0]
    sentences = [
        say(lang, "The climb converged.", "估计已收敛。")
        if bg["converged"]
        else say(lang, "The climb did not converge: do not use these numbers.", "估计未收敛：请勿使用这些数字。")
    ]
    if bg["dropout_seen"]:
        sentences.append(say(lang, "The data show that accounts leave.", "数据可以看出客户会离开。"))
    else:
        sentences.append(
            say(
                lang,
                "Dropout cannot be seen in these data (too short, or nobody falls silent): every account is taken to stay, "
                "so look to the dormant list for who may be gone.",
                "数据看不出流失（时间太短，或无人沉默）：模型视所有客户为留存，是否离开请看沉默名单。",
            )
        )
    sentences.append(_rhythm_sentence(rhythm, lang))
    if abs(bg["size_ratio"]) > CORRELATED:
        r = number(bg["size_ratio"], 2)
        en = f"How often and how large accounts order go together (r = {r}), which the amounts expected leave out: rank by orders."
        sentences.append(say(lang, en, f"下单频次与单额相关（r = {r}），预期金额未计入这一点：请按下单数排序。"))
    return say(lang, " ", "").join(sentences)


def _rhythm_sentence(rhythm: dict[str, float], lang: str | None) -> str:
    k = f"k = {number(rhythm['k'], 1)} ({number(rhythm['low'], 1)} – {number(rhythm['high'], 1)})"
    if not np.isfinite(rhythm["k"]):
        return say(lang, "How regular orders are cannot be said yet.", "购买规律性尚无法判断。")
    if rhythm["low"] > 1.2:
        return say(
            lang,
            f"Orders come more regularly than chance ({k}; 1 is chance): an overdue account is worse off than the model thinks.",
            f"购买比随机更有规律（{k}，1 为随机）：逾期未下单的客户，实际情形比模型估计的更差。",
        )
    if rhythm["high"] < 0.8:
        return say(
            lang,
            f"Orders come in bursts ({k}; 1 is chance): a silence means less than the model thinks.",
            f"购买呈集中爆发（{k}，1 为随机）：沉默的含义弱于模型估计。",
        )
    return say(lang, f"Orders come about as randomly as the model assumes ({k}).", f"购买接近模型假设的随机（{k}）。")


# --- What to expect of each account --------------------------------------------------------------------------------


def expected_table(
    order_days: pd.DataFrame, states: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, *, weeks: float = 52
) -> pd.DataFrame:
    """Expect the orders of every account in the next `weeks`, those with most first.

    account_id, account_name, owner, state, n_last_year (order days in the 12 months up to `as_of`), expected_mean with
    expected_mean_low and _high (80 % interval, the doubt about the parameters included), alive_share (never rank by
    it), expected_amount (times the order value to expect; missing where no such mean exists), n_total_low and n_total_high (80 % interval of all
    accounts together). Empty where no model can be fitted.
    """
    seen = unnamed(history(order_days, as_of).merge(accounts[NAMED], on="account_id"))
    fitted = fitted_on(seen)
    if fitted is None or seen["T"].max() < LEAST_WEEKS:
        return pd.DataFrame(columns=_EXPECTED)
    x, t_x, T = (seen[name].to_numpy(float) for name in ("x", "t_x", "T"))
    model = BgNbd(*fitted.values)
    table = seen.merge(states[["account_id", "state"]], on="account_id", how="left")
    table["expected_mean"], table["alive_share"] = model.expected(weeks, x, t_x, T), model.alive(x, t_x, T)
    futures = _futures(fitted, weeks, x, t_x, T)
    table["expected_mean_low"], table["expected_mean_high"] = np.quantile(
        futures, [0.1, 0.9], axis=1, method="inverted_cdf"
    )
    table["n_total_low"], table["n_total_high"] = np.quantile(futures.sum(axis=0), [0.1, 0.9], method="inverted_cdf")
    table["expected_amount"] = table["expected_mean"] * order_values(seen)
    year_ago = pd.Timestamp(as_of) - pd.DateOffset(years=1)
    table["n_last_year"] = (
        bought_between(order_days, year_ago, as_of).reindex(seen["account_id"], fill_value=0).to_numpy()
    )
    ranked = table.assign(rounded=table["expected_mean"].round(6)).sort_values(
        ["rounded", "account_id"], ascending=[False, True]
    )
    return ranked[_EXPECTED].astype({"n_total_low": int, "n_total_high": int}).reset_index(drop=True)


_EXPECTED = [
    *NAMED, "state", "n_last_year", "expected_mean", "expected_mean_low", "expected_mean_high", "alive_share",
    "expected_amount", "n_total_low", "n_total_high",
]  # fmt: skip


def unnamed(seen: pd.DataFrame) -> pd.DataFrame:
    """Return `history` in an order that owes nothing to names, so that what is drawn by chance does not either."""
    return seen.sort_values(["T", "t_x", "x", "repeat_value"], kind="stable", ignore_index=True)


def enough(seen: pd.DataFrame) -> bool:
    """Return whether `history` has accounts enough to teach a model anything."""
    return len(seen) >= LEAST_ACCOUNTS and (seen["x"] > 0).sum() >= LEAST_BACK


def fitted_part(seen: pd.DataFrame) -> pd.DataFrame:
    """Return `history`, or a random part of it where it is very long."""
    return seen.sample(MOST_FITTED, random_state=0) if len(seen) > MOST_FITTED else seen


def fitted_on(seen: pd.DataFrame) -> Fit | None:
    """Return BG/NBD fitted to `history`, or None where there is too little to learn from."""
    if not enough(seen):
        return None
    return bgnbd.fit(*(fitted_part(seen)[name].to_numpy(float) for name in ("x", "t_x", "T")))


def order_values(seen: pd.DataFrame) -> np.ndarray:
    """Return the order value to expect of each account, few orders pulled towards the mean of all (Gamma-Gamma)."""
    back = seen[(seen["x"] > 0) & (seen["repeat_value"] > 0)]
    if len(back) < LEAST_BACK:
        return np.full(len(seen), np.nan)
    fit = gamma_gamma.fit(back["x"], back["repeat_value"])
    return GammaGamma(*fit.values).expected(seen["x"], seen["repeat_value"].clip(lower=0))


def _futures(fitted: Fit, weeks: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Draw possible numbers of orders, one column a future; each comes from parameters of its own."""
    random, draws = np.random.default_rng(0), fitted.draws(DRAWS)
    return np.column_stack([BgNbd(*values).simulate(weeks, x, t_x, T, random) for values in draws])


@chart("dots", x="expected_mean", y="account_name", low="expected_mean_low", high="expected_mean_high", size=(8, 5))
def plot_expected(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Draw the first `top_n` accounts: expectation with its interval, and the last 12 months as a ring."""
    ax = ax or style.new_axes(plot_expected.size)
    rows = table.head(top_n)
    at = np.arange(len(rows))
    ax.hlines(at, rows["expected_mean_low"], rows["expected_mean_high"], color=style.BLUE, lw=3, alpha=0.4)
    text = say(
        None,
        "expected in the next 12 months; bar: 80 % interval",
        "未来 12 个月预期，横条为 80 % 区间",
    )
    ax.scatter(rows["expected_mean"], at, color=style.BLUE, s=40, zorder=3, label=text)
    before = say(None, "ordered in the last 12 months", "过去 12 个月实际")
    ax.scatter(
        rows["n_last_year"], at, facecolors="white", edgecolors=style.VERMILION, s=46, lw=1.4, zorder=4, label=before
    )
    ax.set_yticks(at, [short(name) for name in rows["account_name"]], fontsize=9)
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "days with an order", "下单天数"))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=1, fontsize=8)
    return ax


def expected_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many orders the next year should bring, beside the last, and of whom far fewer are expected."""
    total, before, n = table["expected_mean"].sum(), int(table["n_last_year"].sum()), len(table)
    low, high = (number(table[name].iloc[0]) for name in ("n_total_low", "n_total_high"))
    fall = table.assign(fall=table["n_last_year"] - table["expected_mean"]).nlargest(1, "fall").iloc[0]
    en = f"{number(total)} orders are expected of the {n:,} accounts already won in 12 months (80 % interval {low} to {high}), after {before:,} in the last 12"
    zh = f"未来 12 个月预期现有 {n:,} 个客户下单 {number(total)} 次（80 % 区间 {low}～{high}），过去 12 个月为 {before:,} 次"
    if fall["fall"] >= 1:
        name, then, now = short(fall["account_name"]), int(fall["n_last_year"]), number(fall["expected_mean"], 1)
        en, zh = (
            f"{en}; the largest fall is that of {name}, from {then} to {now}",
            f"{zh}；降幅最大的是{name}，由 {then} 次降至 {now} 次",
        )
    return say(lang, f"{en}.", f"{zh}。")
