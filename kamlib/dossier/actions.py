"""Who does what by when: each finding of the dossier that calls for something, with its owner and day. Part of notebook 10."""

from __future__ import annotations

import pandas as pd

from kamlib.dossier import Company
from kamlib.dossier.standing import deals_table, needs_table, risk_table
from kamlib.words import money, number, say, word

SOON, MONTH, QUARTER = 7, 30, 90
"""Days: at once, within a month, within a quarter."""


def actions_table(company: Company, account_id: str, lang: str | None = None) -> pd.DataFrame:
    """Return what to do: priority (1 first), action, reason, owner, due. Empty when nothing calls for anything."""
    row = company.accounts.set_index("account_id").loc[account_id]
    found: list[tuple[int, str, str]] = []
    for part in (_risk, _money_owed, _late_order, _people, _voice, _deals, _tier, _needs):
        found += part(company, account_id, lang)
    today = pd.Timestamp(company.data.as_of)
    table = pd.DataFrame(found, columns=["days", "action", "reason"]).sort_values(
        "days", kind="stable", ignore_index=True
    )
    table["owner"], table["due"] = row["owner"], today + pd.to_timedelta(table["days"], unit="D")
    table["priority"] = range(1, len(table) + 1)
    return table[["priority", "action", "reason", "owner", "due"]]


def _risk(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    table = risk_table(company, account_id)
    if table.empty or table["risk_points"].iloc[0] < 3:
        return []
    signs = say(lang, ", ", "、").join(
        word(name, lang) for name in table.loc[table["points"].fillna(0) > 0, "signal"].head(3)
    )
    return [(SOON, say(lang, "Visit and ask what has changed", "登门拜访，了解发生了什么变化"), signs)]


def _money_owed(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    owed = company.of(company.overdue, account_id)
    if owed.empty or owed["overdue"].iloc[0] <= 0:
        return []
    amount, days = money(owed["overdue"].iloc[0], lang), int(owed["oldest_days"].iloc[0])
    reason = say(lang, f"{amount} overdue, the oldest by {days} days", f"逾期 {amount}，最长 {days} 天")
    return [(SOON, say(lang, "Agree on a date of payment", "约定付款日期"), reason)]


def _late_order(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    due = company.of(company.next_orders, account_id)
    if due.empty or due["order_status"].iloc[0] != "overdue":
        return []
    late, gap = number(due["late_days"].iloc[0]), number(due["gap_days"].iloc[0])
    reason = say(
        lang,
        f"usually every {gap} days, now {late} days beyond its own range",
        f"通常每 {gap} 天下单，现已超出自身范围 {late} 天",
    )
    return [(SOON, say(lang, "Call about the order that is due", "致电了解应下的订单"), reason)]


def _people(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    if not company.data.has("contacts", "activities"):
        return []
    thread = company.of(company.threads, account_id)
    if thread.empty or not bool(thread["single_threaded"].iloc[0]):
        return []
    n = int(thread["n_active"].iloc[0])
    if not n:
        reason = say(lang, "nobody there has answered for 90 days", "90 天内无人回应")
        return [(SOON, say(lang, "Find somebody there who answers", "重新找到愿意回应的联系人"), reason)]
    reason = say(lang, "one active contact: the account hangs on one person", "活跃联系人仅一位：客户系于一人")
    if n > 1:
        reason = say(lang, "one contact holds most of the dialogue", "沟通大多集中于一位联系人")
    return [(MONTH, say(lang, "Open a second dialogue, in another role", "建立第二条联系，另一角色"), reason)]


def _voice(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    mine = company.of(company.surveys, account_id)
    if mine.empty:
        missing = company.data.has("surveys")
        return (
            [
                (
                    QUARTER,
                    say(lang, "Invite to the next survey", "邀请参加下次调查"),
                    say(lang, "never asked", "从未调查"),
                )
            ]
            if missing
            else []
        )
    answers = mine.dropna(subset="overall").sort_values("answered_at")
    if answers.empty or answers["overall"].iloc[-1] > 3:
        return []
    reason = say(
        lang,
        f"last answer {number(answers['overall'].iloc[-1], 0)} of 5",
        f"最近一次评分 {number(answers['overall'].iloc[-1], 0)} 分（满分 5）",
    )
    return [(SOON, say(lang, "Call about the answer and close the loop", "就答复致电，闭环处理"), reason)]


def _deals(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    deals = deals_table(company, account_id)
    slow = deals[deals["is_slow"].fillna(False).astype(bool) | deals["next_step"].isna()]
    if slow.empty:
        return []
    reason = say(
        lang,
        f"{len(slow)} of {len(deals)} open deals, {money(slow['amount'].sum(), 'en')}",
        f"{len(deals)} 个在谈商机中 {len(slow)} 个，{money(slow['amount'].sum(), 'zh')}",
    )
    return [(MONTH, say(lang, "Set a next step for each deal that waits", "为停滞的商机逐一约定下一步"), reason)]


def _tier(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    lift = company.of(company.next_tier, account_id)
    if lift.empty or pd.isna(lift["needed_score"].iloc[0]):
        return []
    row = lift.iloc[0]
    reason = say(
        lang,
        f"{number(row['gap_score'], 1)} points to tier {row['next_tier']}: {word(row['lever'], 'en').lower()} from {number(row['lever_score'])} to {number(row['needed_score'])}",
        f"距 {row['next_tier']} 级 {number(row['gap_score'], 1)} 分：{word(row['lever'], 'zh')}由 {number(row['lever_score'])} 升至 {number(row['needed_score'])}",
    )
    return [(QUARTER, say(lang, "Work on what lifts the tier", "改善可提升级别的指标"), reason)]


def _needs(company: Company, account_id: str, lang: str | None) -> list[tuple[int, str, str]]:
    latent = needs_table(company, account_id)
    latent = latent[latent["need_kind"] == "latent"]
    if latent.empty:
        return []
    row = latent.iloc[0]
    reason = say(
        lang, f"{int(row['n_like'])} of 15 accounts like it buy it", f"15 个同类客户中 {int(row['n_like'])} 个在采购"
    )
    return [
        (
            QUARTER,
            say(lang, f"Offer {word(row['product_need'], 'en')}", f"推介{word(row['product_need'], 'zh')}"),
            reason,
        )
    ]
