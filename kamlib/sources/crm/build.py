"""From matched sheets to the mapping that a user could have written: files with their rules, tables, settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from kamlib.sources.crm import evidence
from kamlib.sources.crm.dictionary import OWN
from kamlib.sources.crm.expressions import Register, Writer, register
from kamlib.sources.crm.match import EXACT, Matched
from kamlib.sources.ledger import Fault
from kamlib.sources.sql import literal, name_of
from kamlib.tables import TABLES

BY_NAME, KNOWN = "by name", "not needed"
AMBIGUOUS = "customer name used by several customers"


@dataclass(frozen=True)
class Use:
    """What became of one column of one sheet: the canonical columns it feeds, and how it was recognised."""

    sheet: str
    header: str
    targets: tuple[str, ...]
    how: str


def name_views(found: list[Matched]) -> dict[str, Matched]:
    """Give each sheet the name that the mapping calls it by; return the first sheet of each module."""
    taken: set[str] = set()
    by_module: dict[str, Matched] = {}
    for one in found:
        name = base = one.module.name if one.vendor.name != OWN else f"{OWN}_{one.module.name}"
        again = 2
        while name in taken:
            name, again = f"{base}_{again}", again + 1
        taken.add(name)
        one.view = name
        by_module.setdefault(one.module.name, one)
    return by_module


def build(con: duckdb.DuckDBPyConnection, found: list[Matched]) -> tuple[dict[str, Any], list[Use], list[Fault]]:
    """Return the mapping, as the YAML file would say it, what became of every column, and what is to be told."""
    others = name_views(found)
    settings, stages = _stages(con, found)
    files: dict[str, Any] = {}
    tables: dict[str, list[dict[str, Any]]] = {}
    listed = register(found) if "accounts" not in others else None
    writers = [Writer(one, others, stages, listed) for one in found]
    targets = {(one.view, header): [] for one in found for header in one.sheet.headers}
    for writer in writers:
        for table, parts in writer.one.module.tables.items():
            for part in parts:
                if part.get("unless") not in others and (made := _part(writer, table, part, targets)):
                    tables.setdefault(table, []).append(made)
        for header, stage in writer.one.entered.items():
            tables.setdefault("deal_stage_history", []).append(_entered(writer, header, stage, targets))
        files[writer.one.view] = _file(writer, targets)
    told = []
    if "accounts" not in tables and listed:
        tables["accounts"] = [_accounts_named(listed, targets)]
        views = {view for view, _ in listed.places}
        labels = ", ".join(one.sheet.label for one in found if one.view in views)
        told.append(Fault("accounts", labels, "", "no_customer_file", "told", 1))
    uses = [use for writer in writers for use in _uses(writer, targets)]
    ordered = {name: tables[name] if len(tables[name]) > 1 else tables[name][0] for name in TABLES if name in tables}
    return {"settings": settings, "files": files, "tables": ordered}, uses, told


Targets = dict[tuple[str, str], list[str]]
"""The canonical columns that each column of each sheet feeds."""


def _part(writer: Writer, table: str, said: dict[str, Any], targets: Targets) -> dict[str, Any] | None:
    """Return how rows of the sheet become rows of a table; None when a required column cannot be made."""
    one = writer.one
    made: dict[str, Any] = {"from": one.view}
    for key in ("where", "once"):
        if key in said:
            written = writer.expression(said[key])
            if written is None:
                return None
            made[key] = written
    columns, used = {}, {}
    for column in TABLES[table].columns:
        entry = writer.column(said["columns"].get(column.name, ()), column.type)
        if entry is None:
            if column.required:
                return None
            continue
        columns[column.name] = entry["column"] if set(entry) == {"column"} else entry
        used[column.name] = list(writer.used)
    if (
        "currency" in TABLES[table].names
        and "currency" not in columns
        and one.signed
        and TABLES[table].money in columns
    ):
        header = next((h for view, h in used[TABLES[table].money] if view == one.view and h in one.signed), None)
        if header:
            columns["currency"] = {"sql": f"as_currency({name_of(header)})"}
            used["currency"] = [(one.view, header)]
    for name, places in used.items():
        for place in places:
            targets[place].append(f"{table}.{name}")
    return made | {"columns": columns}


def _entered(writer: Writer, header: str, stage: str, targets: Targets) -> dict[str, Any]:
    """Return how the days in one column become rows: the deal entered the stage that the header names."""
    one = writer.one
    key = writer.column(["key"], "text")
    day = f"as_day({name_of(header)}{f', dates := {literal(one.dates)}' if one.dates else ''})"
    targets[one.view, header].append("deal_stage_history.entered_at")
    name, _ = writer.stages.get(stage, (stage, ""))
    columns = {"deal_id": key.get("column", key), "stage": {"sql": literal(name)}, "entered_at": {"sql": day}}
    return {"from": one.view, "where": f"as_text({name_of(header)}) IS NOT NULL", "columns": columns}


def _accounts_named(listed: Register, targets: Targets) -> dict[str, Any]:
    """Return how customers are made of the rows that name them, where no file lists them."""
    for place in listed.places:
        targets[place].append("accounts.account_id")
    select = f"SELECT account_id, coalesce(min(account_name), account_id) AS account_name FROM {listed.rows}"
    return {"sql": f"{select} WHERE account_id IS NOT NULL GROUP BY account_id"}


def _file(writer: Writer, targets: Targets) -> dict[str, Any]:
    one = writer.one
    patterns = one.sheet.patterns
    said: dict[str, Any] = {"path": patterns[0] if len(patterns) == 1 else patterns}
    if one.sheet.sheet:
        said["sheet"] = one.sheet.sheet
    if one.module.money and (money := writer.expression(f"{{{one.module.money}}}")):
        said["money"] = f"TRY_CAST({money} AS DECIMAL(18, 2))"
    guessed = dict(writer.guessed)
    for kind in ("set_aside", "told"):
        rules = {}
        for reason, template in getattr(one.module, kind).items():
            if (condition := writer.expression(template)) is not None:
                rules[reason] = condition
                for place in writer.used:
                    targets[place].append(kind)
        if kind == "set_aside" and "account" in guessed:
            rules[AMBIGUOUS] = f"{guessed['account']} > 1"
        if kind == "told":
            rules |= {f"{one.module.fields[name].of} found by name": f"{n} = 1" for name, n in guessed.items()}
        if rules:
            said[kind] = rules
    return said if set(said) != {"path"} or len(patterns) > 1 else said["path"]


def _uses(writer: Writer, targets: Targets) -> list[Use]:
    one = writer.one
    known = set(one.headers.values())
    by_name = {header for (name, part), header in one.headers.items() if name in writer.guessed and part == "name"}
    uses = []
    for header in one.sheet.headers:
        places = tuple(dict.fromkeys(targets[one.view, header]))
        how = one.how.get(header, EXACT) if places else KNOWN if header in known else ""
        uses.append(Use(one.sheet.label, header, places, BY_NAME if places and header in by_name else how))
    return uses


def _stages(con: duckdb.DuckDBPyConnection, found: list[Matched]) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """Return the settings that declare the open stages, and the (name, status) of every stage by what it is called.

    Stages of the vendor's standard pipeline have the kit's names; those that the CRM declares itself have its labels.
    Another one is won or lost when its name says so, else open, with the mean probability of its deals.
    """
    standard = {called: stage for one in found for stage in one.vendor.stages for called in stage.called}
    own = {stage.id: stage for one in found for stage in evidence.own_stages(con, one)}
    names = {called: (stage.name, stage.status) for called, stage in standard.items()}
    names |= {called: names.get(stage.label, (stage.label, stage.status)) for called, stage in own.items()}
    opened: dict[str, dict[str, Any]] = {}
    listed = sorted(found, key=lambda one: "deals" not in one.module.tables)  # they may know the chance
    for stage in (stage for one in listed for stage in evidence.stages(con, one)):
        name, status = names.setdefault(stage.called, (stage.called, _status(stage.called)))
        if status != "open" or name in opened:
            continue
        called = own[stage.called].label if stage.called in own else stage.called
        known = standard.get(called)
        declared = own[stage.called].chance if stage.called in own else known and known.probability
        chance = next((one for one in (stage.chance, declared) if one is not None), 0.5)
        opened[name] = {"name": name, "probability": round(min(max(chance, 0), 1), 2)}
        if known:
            opened[name] |= {"en": known.en, "zh": known.zh, "group": known.group}
    ordered = sorted(opened.values(), key=lambda entry: entry["probability"])
    return {"stages": ordered} if ordered else {}, names


_WON, _LOST, _INVALID = ("won", "赢", "成交"), ("lost", "输", "丢", "失"), ("invalid", "无效", "disqualified", "作废")


def _status(called: str) -> str:
    text = called.casefold()
    for status, signs in (("invalid", _INVALID), ("lost", _LOST), ("won", _WON)):
        if any(sign in text for sign in signs):
            return status
    return "open"
