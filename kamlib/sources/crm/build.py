"""From matched sheets to the mapping that a user could have written: files with their rules, tables, settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from kamlib.settings import Settings
from kamlib.sources import macros
from kamlib.sources.crm import doubts, evidence
from kamlib.sources.crm.dictionary import OWN
from kamlib.sources.crm.expressions import Register, Writer, register
from kamlib.sources.crm.match import BY_MAPPING, EXACT, Matched
from kamlib.sources.crm.over import Over, headers_in
from kamlib.sources.crm.pipeline import pipeline
from kamlib.sources.ledger import ALL_DELETED, Fault
from kamlib.sources.sql import literal, name_of
from kamlib.tables import TABLES

BY_NAME, NO_ID, KNOWN = "by name", "no record id", "not needed"
AMBIGUOUS = "customer name used by several customers"
DELETED = "deleted in the CRM"


@dataclass(frozen=True)
class Use:
    """What became of one column of one sheet: the canonical columns it feeds, and how it was recognised."""

    sheet: str
    header: str
    targets: tuple[str, ...]
    how: str


@dataclass
class Built:
    """The mapping, as the YAML file would say it, what became of every column, what is to be told, and by table the
    (file, header) of the number or name that had to do for a record id."""

    mapping: dict[str, Any]
    uses: list[Use]
    told: list[Fault]
    guessed: dict[str, tuple[str, str]]


@dataclass
class Feeds:
    """What each column of each sheet feeds: `targets` by (view, header), and those of a mapping file among them, `ours`;
    `lost` are the columns that would feed what a mapping file takes from elsewhere."""

    targets: dict[tuple[str, str], list[str]]
    ours: set[tuple[str, str]] = field(default_factory=set)
    lost: set[tuple[str, str]] = field(default_factory=set)
    told: list[Fault] = field(default_factory=list)
    lacking: list[doubts.Lacking] = field(default_factory=list)

    def add(self, places: list[tuple[str, str]], target: str) -> None:
        for place in places:
            self.targets[place].append(target)

    def outdated(self, places: list[tuple[str, str]]) -> bool:
        """Whether a rule over these columns speaks of one that feeds nothing any more."""
        return any(place in self.lost and not self.targets[place] for place in places)


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


def build(
    con: duckdb.DuckDBPyConnection,
    found: list[Matched],
    others: dict[str, Matched],
    over: Over,
    given: set[tuple[str, str]],
) -> Built:
    """Return what is to be read how; `others` are the sheets by module, `over` is what a mapping file says, `given` the
    (view, header) that it named for fields. InputError where nobody can tell."""
    for statement in macros.statements(Settings().timezone):
        con.execute(statement)
    stages = pipeline(con, found, others, over.stages)
    listed = register(found) if "accounts" not in others else None
    writers = [Writer(one, others, stages.stages, listed) for one in found]
    feeds = Feeds({(one.view, header): [] for one in found for header in one.sheet.headers}, given)
    tables = _tables(writers, feeds, over)
    if "accounts" not in {*tables, *over.tables} and listed:
        tables["accounts"] = [_accounts_named(listed, feeds)]
        feeds.told.append(_no_customer_file(found, listed))
    wanted = over.only_columns()
    doubts.refuse_lacking(found, feeds.lacking, {*tables, *(over.tables.keys() - {*wanted})}, wanted)
    doubts.refuse_twins(con, writers)
    files = {writer.one.view: _file(con, writer, feeds) for writer in writers if not _is_stage_list(writer.one, feeds)}
    ordered = {name: tables[name] if len(tables[name]) > 1 else tables[name][0] for name in TABLES if name in tables}
    mapping = {"settings": stages.settings, "files": files, "tables": ordered}
    uses = [use for writer in writers for use in _uses(writer, feeds)]
    guessed = doubts.guessed_keys(found, tables)
    told = [*stages.told, *doubts.no_id(guessed), *(lack.fault(con) for lack in feeds.lacking), *feeds.told]
    return Built(mapping, uses, told, guessed)


def _tables(writers: list[Writer], feeds: Feeds, over: Over) -> dict[str, list[dict[str, Any]]]:
    """Return the parts of every table that the sheets feed."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for writer in writers:
        module, others = writer.one.module, writer.others
        parts = [(table, part) for table, parts in module.tables.items() for part in parts]
        for table, part in parts:
            if part.get("unless") not in others and not over.replaces(table):
                made = _part(writer, table, part, feeds, over.part(table, writer.one.view))
                tables.setdefault(table, []).extend([made] * bool(made))
        for header, stage in writer.one.entered.items():
            if not over.replaces("deal_stage_history"):
                tables.setdefault("deal_stage_history", []).append(_entered(writer, header, stage, feeds))
    return {table: parts for table, parts in tables.items() if parts}


def _part(
    writer: Writer, table: str, said: dict[str, Any], feeds: Feeds, ours: dict[str, Any]
) -> dict[str, Any] | None:
    """Return how rows of the sheet become rows of a table, but for what the mapping file says itself (`ours`); None when
    a required column cannot be made."""
    one, guessed = writer.one, dict(writer.guessed)
    made: dict[str, Any] = {"from": one.view}
    for key in ("where", "once"):
        if key in said and key not in ours:
            written = writer.expression(said[key])
            if written is None:
                return None
            made[key] = written
    columns, used, owners = {}, {}, []
    for column in TABLES[table].columns:
        known = dict(writer.guessed)
        entry = writer.column(said["columns"].get(column.name, ()), column.type)
        if column.name in ours["columns"]:
            writer.guessed = known
            feeds.lost.update(writer.used if entry else ())
            given = headers_in(ours["columns"][column.name], one.sheet.headers)
            used[column.name] = [(one.view, header) for header in given]
            feeds.ours.update(used[column.name])
        elif entry is not None:
            columns[column.name] = entry["column"] if set(entry) == {"column"} else entry
            used[column.name] = list(writer.used)
            owners += [column.name] * (column.share == "staff" and writer.by_id)
        elif column.required:
            writer.guessed = guessed
            feeds.lacking.append(doubts.Lacking(table, column.name, one))
            return None
    money = TABLES[table].money
    without = doubts.Lacking(table, money, one)
    if money and money not in {*columns, *ours["columns"]} and without.left:
        feeds.lacking.append(without)
    _currency(one, table, columns, used, ours["columns"])
    for name, places in used.items():
        feeds.add(places, f"{table}.{name}")
    feeds.told += [doubts.owner_ids(one, table, name, used[name]) for name in owners]
    return made | {"columns": columns}


def _currency(one: Matched, table: str, columns: dict, used: dict, ours: dict) -> None:
    """Read the currency off the signs of the amounts, where no column says it."""
    money = TABLES[table].money
    if "currency" in TABLES[table].names and not {"currency"} & {*columns, *ours} and one.signed and money in columns:
        header = next((h for view, h in used[money] if view == one.view and h in one.signed), None)
        if header:
            columns["currency"] = {"sql": f"as_currency({name_of(header)})"}
            used["currency"] = [(one.view, header)]


def _entered(writer: Writer, header: str, stage: str, feeds: Feeds) -> dict[str, Any]:
    """Return how the days in one column become rows: the deal entered the stage that the header names."""
    one = writer.one
    key = writer.column(["key"], "text")
    day = f"as_day({name_of(header)}{f', dates := {literal(one.dates)}' if one.dates else ''})"
    feeds.add([(one.view, header)], "deal_stage_history.entered_at")
    name, _ = writer.stages.get(stage, (stage, ""))
    columns = {"deal_id": key.get("column", key), "stage": {"sql": literal(name)}, "entered_at": {"sql": day}}
    return {"from": one.view, "where": f"as_text({name_of(header)}) IS NOT NULL", "columns": columns}


def _accounts_named(listed: Register, feeds: Feeds) -> dict[str, Any]:
    """Return how customers are made of the rows that name them, where no file lists them."""
    feeds.add(list(listed.places), "accounts.account_id")
    select = f"SELECT account_id, coalesce(min(account_name), account_id) AS account_name FROM {listed.rows}"
    return {"sql": f"{select} WHERE account_id IS NOT NULL GROUP BY account_id"}


def _no_customer_file(found: list[Matched], listed: Register) -> Fault:
    views = {view for view, _ in listed.places}
    labels = ", ".join(one.sheet.label for one in found if one.view in views)
    return Fault("accounts", labels, "", "no_customer_file", "told", 1)


def _is_stage_list(one: Matched, feeds: Feeds) -> bool:
    """Whether the sheet is the CRM's own list of stages: it becomes settings, and is not read again."""
    if not evidence.is_stage_list(one):
        return False
    feeds.add([(one.view, header) for header in dict.fromkeys(one.headers.values())], "stages")
    return True


def _file(con: duckdb.DuckDBPyConnection, writer: Writer, feeds: Feeds) -> dict[str, Any]:
    one = writer.one
    patterns = one.sheet.patterns
    said: dict[str, Any] = {"path": patterns[0] if len(patterns) == 1 else patterns}
    if one.sheet.sheet:
        said["sheet"] = one.sheet.sheet
    if one.module.money and (money := writer.expression(f"{{{one.module.money}}}")):
        said["money"] = f"TRY_CAST({money} AS DECIMAL(18, 2))"
    guessed = dict(writer.guessed)
    aside, told = (_rules(writer, getattr(one.module, kind), kind, feeds) for kind in ("set_aside", "told"))
    if DELETED in aside and doubts.holds_everywhere(con, one, aside[DELETED]):
        # a mark that every row has separates nothing: the rows count, and are told
        told[ALL_DELETED] = aside[DELETED]
        aside[DELETED] += f" AND NOT (SELECT bool_and({aside[DELETED]}) FROM {name_of(one.view)})"
    if "account" in guessed:
        aside[AMBIGUOUS] = f"{guessed['account']} > 1"
    told |= {f"{one.module.fields[name].of} found by name": f"{n} = 1" for name, n in guessed.items()}
    said |= {kind: rules for kind, rules in (("set_aside", aside), ("told", told)) if rules}
    return said if set(said) != {"path"} or len(patterns) > 1 else said["path"]


def _rules(writer: Writer, templates: dict[str, str], kind: str, feeds: Feeds) -> dict[str, str]:
    """Return the rules whose columns are there and still feed something."""
    rules = {}
    for reason, template in templates.items():
        condition = writer.expression(template)
        if condition is not None and not feeds.outdated(writer.used):
            rules[reason] = condition
            feeds.add(writer.used, kind)
    return rules


def _uses(writer: Writer, feeds: Feeds) -> list[Use]:
    one = writer.one
    known = set(one.headers.values())
    by_name = {header for (name, part), header in one.headers.items() if name in writer.guessed and part == "name"}
    uses = []
    for header in one.sheet.headers:
        places = tuple(dict.fromkeys(feeds.targets[one.view, header]))
        how = one.how.get(header, EXACT) if places else KNOWN if header in known else ""
        if (one.view, header) in feeds.ours:
            how = BY_MAPPING
        elif places and header in by_name:
            how = BY_NAME
        elif places and header == one.guessed:
            how = NO_ID
        uses.append(Use(one.sheet.label, header, places, how))
    return uses
