"""The application that commands register with, and the options that several of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="kam",
    help="Key account analysis (大客户管理): from CRM and ERP exports to notebooks, exhibits and one report.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
export = typer.Typer(help="Write what other systems take back.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(export, name="export")
Workspace = Annotated[Path, typer.Argument(help="A folder that kam import wrote.")]
Lang = Annotated[str, typer.Option(help="Language of the text: en or zh.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The passphrase is its first line. Else KAM_PASSPHRASE, or you are asked."),
]
