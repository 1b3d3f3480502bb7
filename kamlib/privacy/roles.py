"""What a role may see: the rows of its accounts, whatever table they stand in, without the columns masked.

Which rows belong to an account follows from the references that `kamlib.tables` declares, so that a new table is
restricted as soon as it is declared. A row belongs to the account it names, or that the row above it names; one that
names none belongs to its owner; a table of neither kind says in its declaration what is seen of it.
"""

from __future__ import annotations

from kamlib.errors import InputError, suggest
from kamlib.privacy.rebuild import MADE, rebuilt
from kamlib.settings import Role, maskable
from kamlib.sources.ledger import Access
from kamlib.sources.sql import literal, name_of
from kamlib.tables import SQL_TYPES, TABLES, Column, Table
from kamlib.workspace import Data


def restrict(data: Data, role: str, user: str = "") -> Data:
    """Return what `role` lets `user` see of `data`; see `rebuilt` for what does not go along.

    For a role that sees a department or a region, `user` is its name, or somebody who owns an account there. InputError
    for an unknown role, or a user to whom no account belongs.
    """
    if role not in data.settings.roles:
        roles = data.settings.roles
        raise InputError(
            f"--role {role}: there is no such role.{suggest(role, roles)} Roles: {', '.join(roles)}.",
            f"--role {role}：没有这个角色。{suggest(role, roles)}现有角色：{'、'.join(roles)}。",
        )
    rule = data.settings.roles[role]
    view = _View(data, rule, user)
    measured = data.measured.difference(rule.mask)
    return rebuilt(data, view.select, Access(role, user), measured)


def way(table: Table) -> Column | None:
    """Return the column that leads from a row of `table` to its account; None for accounts, and where there is none."""
    if table.name == "accounts":
        return None
    required = (c for c in table.columns if c.required and c.ref not in ("", table.name) and way(TABLES[c.ref]))
    return next((c for c in table.columns if c.ref == "accounts"), None) or next(required, None)


def decided(table: Table) -> bool:
    """Return whether the declaration of `table` says who may see a row."""
    return table.name == "accounts" or bool(way(table)) or "owner" in table.names or bool(table.seen)


class _View:
    """The SELECT of each table for one role and user."""

    def __init__(self, data: Data, rule: Role, user: str) -> None:
        self.data, self.rule = data, rule
        self.accounts = _accounts(data, rule, user)
        self.people = f"SELECT owner FROM {MADE}.accounts UNION ALL SELECT {literal(user)}"

    def select(self, table: Table) -> str:
        columns = ", ".join(f"{self._cell(table, column)} AS {name_of(column.name)}" for column in table.columns)
        return f"SELECT {columns} FROM main.{name_of(table.name)} s WHERE {self._seen(table)}"

    def _seen(self, table: Table) -> str:
        """SQL for whether the row `s` is seen."""
        if table.name in self.rule.mask:
            return "false"
        if self.rule.rows == "all":
            return "true"
        if table.name == "accounts":
            return self.accounts
        if table.seen == "referred":
            return self._referred(table)
        to_account, owned = way(table), f"s.owner IN ({self.people})" if "owner" in table.names else "false"
        conditions = [
            _found(column)
            for column in table.columns
            if column.required and column.ref and column != to_account and self._checked(column)
        ]
        own = (
            f"CASE WHEN s.{to_account.name} IS NULL THEN {owned} ELSE {_found(to_account)} END" if to_account else owned
        )
        return " AND ".join([own, *conditions])

    def _cell(self, table: Table, column: Column) -> str:
        """SQL for a cell: masked, or blank when it refers to what is not seen."""
        cell = f"s.{name_of(column.name)}"
        if any(column is masked and name in self.rule.mask for name, masked in maskable(table)):
            return f"s.{table.key[0]}" if column.required else f"CAST(NULL AS {SQL_TYPES[column.type]})"
        if self.rule.rows == "all" or not column.ref or not self._checked(column):
            return cell
        if column.ref == table.name:
            (key,) = table.key
            return f"CASE WHEN {cell} IN (SELECT s.{key} FROM main.{table.name} s WHERE {self._seen(table)}) THEN {cell} END"
        return f"CASE WHEN {_found(column)} THEN {cell} END"

    def _checked(self, column: Column) -> bool:
        """Whether a reference is to something that can be seen or not."""
        return column.ref in self.data.measured and not TABLES[column.ref].seen

    @staticmethod
    def _referred(table: Table) -> str:
        (key,) = table.key
        by = [
            f"SELECT {column.name} FROM {MADE}.{other.name}"
            for other in TABLES.values()
            for column in other.columns
            if column.ref == table.name
        ]
        return f"s.{key} IN ({' UNION ALL '.join(by)})"


def _found(column: Column) -> str:
    return f"s.{name_of(column.name)} IN (SELECT {TABLES[column.ref].key[0]} FROM {MADE}.{column.ref})"


def _whose(rule: Role) -> str:
    return {"owner": "负责人", "department": "部门", "region": "地区"}[rule.rows]


def _accounts(data: Data, rule: Role, user: str) -> str:
    """SQL for whether the account `s` belongs to the user. InputError when none does."""
    if rule.rows == "all":
        return "true"
    by = name_of(rule.rows)
    if not user:
        raise InputError(
            f"This role sees the accounts of one {rule.rows}: say whose with --user NAME.",
            f"该角色只能查看一个{_whose(rule)}的客户：请用 --user NAME 指定。",
        )
    person = literal(user)
    own = f"s.{by} = {person}"
    if rule.rows != "owner":
        own = f"({own} OR s.{by} IN (SELECT {by} FROM main.accounts WHERE owner = {person}))"
    con = data.con.con
    if not con.execute(f"SELECT count(*) FROM main.accounts s WHERE {own}").fetchone()[0]:
        known = con.execute(
            f"SELECT DISTINCT unnest([owner, {by}]) AS name FROM main.accounts ORDER BY name"
        ).fetchall()
        near = suggest(user, [name for (name,) in known if name])
        raise InputError(
            f"--user {user}: no account belongs to this {rule.rows}.{near} Write it as accounts.{rule.rows} does.",
            f"--user {user}：没有客户属于该{_whose(rule)}。{near}请与 accounts.{rule.rows} 中的写法一致。",
        )
    return own
