"""One currency: amounts are converted with the rates of `kam.toml`; without rates mixed currencies are refused."""

from __future__ import annotations

from kamlib.language import say
from kamlib.settings import Settings
from kamlib.sources.ledger import Fault
from kamlib.sources.rows import Checked
from kamlib.sources.sql import literal, name_of

PARENTS = {
    "returns": ("order_id", "orders"), "invoices": ("order_id", "orders"), "payments": ("invoice_id", "invoices"),
    "order_lines": ("order_id", "orders"), "deal_stage_history": ("deal_id", "deals"),
}  # fmt: skip
"""Rows that name no currency are in that of the order, invoice or deal they belong to; else in the base currency."""


def base_currency(checked: dict[str, Checked], settings: Settings) -> tuple[str, list[str]]:
    """Return the currency of all amounts and what is missing to convert them.

    It is that of `kam.toml`; where that says nothing and all amounts are in one currency, that one.
    """
    rows: dict[str, int] = {}
    for one in _with_currency(checked):
        for code, n in one.run(f"SELECT currency, count(*) FROM {one.rows} GROUP BY currency").fetchall():
            if code is not None:
                rows[code] = rows.get(code, 0) + n
    if len(rows) == 1 and "currency" not in settings.model_fields_set and not settings.rates:
        return next(iter(rows)), []
    missing = sorted(rows.keys() - {settings.currency, *settings.rates})
    if not missing:
        return settings.currency, []
    counts = sorted(rows.items(), key=lambda pair: -pair[1])
    en, zh = (
        ", ".join(f"{code} ({n:,} rows)" for code, n in counts),
        "、".join(f"{code}（{n:,} 行）" for code, n in counts),
    )
    base = settings.currency
    fault = say(
        None,
        f"Amounts are in {en}, the base currency is {base}, and kam.toml gives no rate for "
        f"{', '.join(missing)}. Write in kam.toml, or under 'settings' of the mapping:\n  [rates]\n",
        f"金额币种为 {zh}，本位币为 {base}，而 kam.toml 未给出 {'、'.join(missing)} 的汇率。"
        "请写入 kam.toml，或映射文件的 settings 之下：\n  [rates]\n",
    )
    lines = (f"  {code} = …  # {say(None, f'{base} for 1 {code}', f'1 {code} 折合 {base}')}" for code in missing)
    return base, [fault + "\n".join(lines)]


def convert(checked: dict[str, Checked], base: str, rates: dict[str, float]) -> list[Fault]:
    """Convert every amount of the staged tables to `base`; return what was converted."""
    foreign = {code: rate for code, rate in rates.items() if code != base}
    codes = ", ".join(map(literal, foreign))
    if not foreign or not any(
        one.run(f"SELECT count(*) FROM {one.rows} WHERE currency IN ({codes})").fetchone()[0]
        for one in _with_currency(checked)
    ):
        return []
    rate = f"CASE currency {' '.join(f'WHEN {literal(code)} THEN {value!r}' for code, value in foreign.items())} END"
    for name, (key, parent) in PARENTS.items():
        if name in checked and parent in checked and key in checked[name].columns:
            _inherit(checked[name], key, checked[parent], rate)
    told = []
    for one in checked.values():
        if any(column.name == "currency" for column in one.table.columns):
            told += _told(one, codes, foreign)
            one.run(
                f"UPDATE {one.rows} SET {_converted(one, rate)}currency = {literal(base)} WHERE currency IN ({codes})"
            )
    return told


def _inherit(one: Checked, key: str, parent: Checked, rate: str) -> None:
    theirs = f"(SELECT {key}, first(currency) AS currency FROM {parent.rows} GROUP BY {key}) p"
    if any(column.name == "currency" for column in one.table.columns):
        one.run(
            f"UPDATE {one.rows} s SET currency = p.currency FROM {theirs} WHERE s.currency IS NULL AND s.{key} = p.{key}"
        )
    elif setting := _converted(one, rate).rstrip(", "):
        one.run(f"UPDATE {one.rows} s SET {setting} FROM {theirs} WHERE s.{key} = p.{key} AND {rate} IS NOT NULL")


def _converted(one: Checked, rate: str) -> str:
    amounts = [column.name for column in one.table.columns if column.type == "money" and column.name in one.columns]
    return "".join(f"{name_of(name)} = CAST(round({name_of(name)} * {rate}, 2) AS DECIMAL(18,2)), " for name in amounts)


def _told(one: Checked, codes: str, rates: dict[str, float]) -> list[Fault]:
    found = one.run(
        f"SELECT currency, count(*) FROM {one.rows} WHERE currency IN ({codes}) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [
        Fault(one.table.name, one.opened.source.label, "currency", "converted", "told", n, ((None, code),),
              cure=f"{code} {rates[code]:g}")
        for code, n in found
    ]  # fmt: skip


def _with_currency(checked: dict[str, Checked]) -> list[Checked]:
    return [one for one in checked.values() if "currency" in one.columns]
