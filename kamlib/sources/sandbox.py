"""Run the SQL of a mapping file where it can read the declared files and nothing else.

The files are copied into a database of their own; then the engine is shut off from the file system and its settings are
locked. What a mapping says is an expression, or a single SELECT, never another statement.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

import duckdb

from kamlib.errors import InputError, suggest
from kamlib.settings import Settings
from kamlib.sources import macros
from kamlib.sources.files import bound
from kamlib.sources.sql import literal

LONGEST = 1800  # seconds for one statement of a mapping


class Sandbox:
    """An engine in `scratch` with the functions of `macros`, and the mapping file that its errors name."""

    def __init__(self, scratch: Path, mapping: Path, zone: str = Settings().timezone) -> None:
        self.scratch, self.mapping = scratch, mapping
        self.con = duckdb.connect(str(scratch / "source.duckdb"), config={"python_enable_replacements": False})
        bound(self.con, scratch)
        for statement in macros.statements(zone):
            self.con.execute(statement)

    def lock(self) -> None:
        """Shut the engine off from everything but the scratch folder, for good."""
        for setting in (
            f"allowed_directories = [{literal(str(self.scratch.absolute()))}]",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self.con.execute(f"SET {setting}")

    def expression(self, text: str, where: str) -> str:
        """Return the expression `text` in brackets. InputError when it is more, or less, than one expression."""
        self._one_select(f"SELECT {text}\n", where)  # alone: a bracket too many would end ours
        self._one_select(f"SELECT ({text}\n)", where)
        return f"({text}\n)"

    def select(self, text: str, where: str) -> str:
        """Return the SELECT `text` in brackets. InputError when it is anything else."""
        text = text.strip().rstrip(";")
        self._one_select(text, where)
        return f"({text}\n)"

    def _one_select(self, text: str, where: str) -> None:
        try:
            statements = self.con.extract_statements(text)
        except duckdb.Error as error:
            raise InputError(
                f"{self.mapping}: {where}: not readable as SQL ({line_of(error)}). Mend it.",
                f"{self.mapping}：{where}：不是有效的 SQL（{line_of(error)}）。请改正。",
            ) from None
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InputError(
                f"{self.mapping}: {where}: a mapping may hold one SELECT, and no other statement.",
                f"{self.mapping}：{where}：映射中只能写一条 SELECT，不能有其他语句。",
            )

    def run(self, sql: str, where: str, columns: list[str]) -> duckdb.DuckDBPyConnection:
        """Run SQL that holds text of the mapping; `columns` are those it may name. InputError says where it fails, or
        that it does not come to an end."""
        alarm = threading.Timer(LONGEST, self.con.interrupt)
        alarm.start()
        try:
            return self.con.execute(sql)
        except duckdb.InterruptException:
            raise InputError(
                f"{self.mapping}: {where}: stopped after {LONGEST / 60:g} minutes. Mend the SQL, or split the files.",
                f"{self.mapping}：{where}：运行 {LONGEST / 60:g} 分钟后停止。请改正 SQL，或拆分文件。",
            ) from None
        except duckdb.PermissionException:
            raise InputError(
                f"{self.mapping}: {where}: reads more than the files declared under 'files'. Declare what it needs there.",
                f"{self.mapping}：{where}：读取了 files 之外的文件。请在 files 中声明所需文件。",
            ) from None
        except duckdb.Error as error:
            missing = re.search(r'Referenced column "(.+?)" ', str(error))
            if missing:
                near = suggest(missing[1], columns)
                en, zh = (
                    (f"{near} Columns: {', '.join(columns)}.", f"{near}现有列：{'、'.join(columns)}。")
                    if columns
                    else ("", "")
                )
                raise InputError(
                    f"{self.mapping}: {where}: there is no column '{missing[1]}'.{en}",
                    f"{self.mapping}：{where}：没有列“{missing[1]}”。{zh}",
                ) from None
            raise InputError(
                f"{self.mapping}: {where}: {line_of(error)}. Mend the SQL.",
                f"{self.mapping}：{where}：SQL 出错（{line_of(error)}）。请改正 SQL。",
            ) from None
        finally:
            alarm.cancel()


def line_of(error: duckdb.Error) -> str:
    """Return the first line of an engine's message, without its full stop."""
    return str(error).splitlines()[0][:200].rstrip(" .!")
