"""The application that commands register with, and the options that several of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TextIO

import typer

from kamlib import language
from kamlib.errors import InputError
from kamlib.params import Choice
from kamlib.terminal import shown

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


def speak(lang: str) -> str:
    """Set the language of the command, without one that of the environment; return it as it was given."""
    name, chosen = ("--lang", lang) if lang else (language.VARIABLE, language.usual())
    if fault := Choice(language.LANGUAGES).fault(chosen):
        raise InputError(f"{name} {chosen}: {fault}", f"{name} {chosen}：{fault}")
    language.use(chosen)
    return lang


Lang = Annotated[
    str,
    typer.Option(callback=speak, is_eager=True, help="Language of all that is told: en or zh. Else KAM_LANG, or en."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The passphrase is its first line. Else KAM_PASSPHRASE, or you are asked."),
]


def tell(text: str, file: TextIO | None = None) -> None:
    """Print a text to standard output, or to `file`, at once; what a terminal would obey is written out."""
    print(shown(text), file=file, flush=True)
