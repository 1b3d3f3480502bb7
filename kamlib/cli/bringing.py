"""Commands that take data in and give results back: check, import, template, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kamlib import passphrase
from kamlib.cli.app import KeyFile, Lang, app, export, tell
from kamlib.language import language


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="Folder with the tables.")],
    lang: Lang = "",
    out: Annotated[Path | None, typer.Option(help="Folder that receives the rows to work off, as CSV.")] = None,
    key_file: KeyFile = None,
) -> None:
    """Say what is wrong with a folder of tables, all at once: file, row, column, value, cure; what became of each row;
    and how good the data are: duplicates, owner conflicts, sums, dates, gaps."""
    passphrase.take(key_file)
    from kamlib.sources.check import check_folder

    report = check_folder(data, out)
    tell(report.text())
    raise typer.Exit(0 if report.usable else 2)


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder with the exported files.")],
    into: Annotated[Path, typer.Option(help="Folder that receives the workspace.")],
    mapping: Annotated[
        str, typer.Option("--from", help="auto, zoho, fxiaoke, salesforce, hubspot, or a mapping file (YAML).")
    ] = "auto",
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as mapping or file names say.")] = "",
    save_mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the mapping to this file, for --from next month.")
    ] = None,
    dates: Annotated[str, typer.Option(help="dmy, mdy or ymd, where nothing tells the day from the month.")] = "",
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt the new workspace with a passphrase.")] = False,
    lang: Lang = "",
    key_file: KeyFile = None,
) -> None:
    """Bring what a CRM or any other system exported into the canonical tables, with every row accounted for.

    What each column was taken for is shown before anything is written.
    """
    passphrase.take(key_file)
    from kamlib.sources.check import ledger_text
    from kamlib.sources.crm.shown import recognition_text
    from kamlib.sources.mapping import import_data

    imported = import_data(
        mapping,
        source,
        into,
        as_of,
        dates=dates,
        save=save_mapping,
        encrypt=encrypt,
        tell=lambda found: tell(recognition_text(found) + "\n"),
    )
    tell(ledger_text(imported.ledger))
    tell(imported.text())


@app.command()
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The workbook to write.")],
    lang: Lang = "",
) -> None:
    """Write an Excel workbook to fill in by hand: every table, and the three tables of tiering with live formulas."""
    from kamlib.exchange.template import template as write

    tell(write(file, language()))


@export.command("tiers")
def export_tiers(
    workspace: Annotated[Path, typer.Argument(help="Workspace or folder with the tables.")],
    to: Annotated[str, typer.Option(help="The CRM that takes them: zoho or fxiaoke.")],
    out: Annotated[Path, typer.Option(help="The file to write: .csv for Zoho, .xlsx for 纷享销客.")],
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as the data says.")] = "",
    field: Annotated[str, typer.Option(help="Label of the CRM's tier field. Default: Rating, 客户级别.")] = "",
    provisional: Annotated[bool, typer.Option("--provisional", help="Also tiers that rest on too little.")] = False,
    lang: Lang = "",
    protect: Annotated[
        bool, typer.Option("--protect", help="Give the workbook a password: KAM_OFFICE_PASSWORD, or asked for.")
    ] = False,
    key_file: KeyFile = None,
) -> None:
    """Write tier and score of every account under the CRM's own ids and labels, to be imported there."""
    passphrase.take(key_file)
    from kamlib.exchange.tiers import export_tiers as write
    from kamlib.privacy import office
    from kamlib.workspace import load

    password = office.password() if protect else ""
    data = load(workspace, as_of)
    tell(write(data, to, out, field=field, lang=lang, provisional=provisional, password=password).text())
