"""What the user sees of a run: one line per notebook, live on a terminal, plain elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kamlib import words
from kamlib.batch.plan import Notebook
from kamlib.terminal import shown

MARKS = {"pending": ("·", "dim"), "running": ("▸", "cyan"), "done": ("✓", "green"), "failed": ("✗", "red")}


@dataclass
class Line:
    """The line of one notebook."""

    status: str = "pending"
    text: str = ""
    started: float = 0.0
    seconds: float | None = None


class Progress:
    """Shows where each notebook is. Use it as a context; the runner's threads call `start`, `at` and `end`."""

    def __init__(self, notebooks: Sequence[Notebook], lang: str, console: Console | None = None) -> None:
        self.lines = {notebook.number: Line() for notebook in notebooks}
        self.names = {notebook.number: f"{notebook.number} {notebook.name}" for notebook in notebooks}
        self.width = max(map(len, self.names.values()), default=0)
        self.lang, self.console = lang, console or Console(highlight=False)
        self.live = Live(get_renderable=self._table, console=self.console) if self.console.is_terminal else None

    def __enter__(self) -> Progress:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def start(self, number: str) -> None:
        """Say that a notebook started."""
        self.lines[number] = Line("running", started=time.monotonic())
        self._plain(number, words.word("report.running", self.lang))

    def at(self, number: str, heading: str) -> None:
        """Say under which heading a notebook is."""
        self.lines[number].text = shown(heading)

    def end(self, number: str, status: str, text: str) -> None:
        """Say that a notebook is done, with what it delivered, or failed, with the reason."""
        line = self.lines[number]
        line.status, line.text, line.seconds = status, shown(text), time.monotonic() - line.started
        self._plain(number, f"{words.word(f'report.{status}', self.lang)} {line.seconds:6.1f} s  {line.text}")

    def _plain(self, number: str, text: str) -> None:
        if not self.live:
            self.console.print(f"{self.names[number]:<{self.width}}  {text}", soft_wrap=True, markup=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for number, line in self.lines.items():
            mark, style = MARKS[line.status]
            seconds = line.seconds if line.seconds is not None else time.monotonic() - line.started
            elapsed = "" if line.status == "pending" else f"{seconds:.1f} s"
            table.add_row(Text(mark, style), Text(self.names[number], style), elapsed, Text(line.text))
        return table
