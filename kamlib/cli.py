"""The command `kam`. Every command imports what it needs when it is called, so that `kam --help` answers at once."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from kamlib import passphrase
from kamlib.errors import InputError

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


def main() -> None:
    """Run the command line. Exit code 0: all delivered; 1: a notebook failed; 2: the input or the call is wrong;
    130: stopped. Whatever is written, its owner alone can read."""
    os.umask(0o077)
    passphrase.take()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that private folders are removed
    try:
        app()
    except InputError as error:
        print(f"kam: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `kam params | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)


@app.command()
def run(
    data: Annotated[Path | None, typer.Option(help="Folder with the tables. Default: the sample company.")] = None,
    out: Annotated[Path, typer.Option(help="Folder that receives the run folder <as-of>.")] = Path("runs"),
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as the data says.")] = "",
    only: Annotated[str, typer.Option(help="Notebooks to run, e.g. 03,07. Default: all.")] = "",
    p: Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="A parameter; repeatable.")] = None,
    lang: Annotated[str, typer.Option(help="Language of claims, charts and report: en or zh.")] = "",
    jobs: Annotated[int, typer.Option(min=0, help="Notebooks at once. 0: as many as there are cores.")] = 0,
    role: Annotated[
        str, typer.Option(help="Only what this role may see: rep, manager, partner, analyst, or yours.")
    ] = "",
    user: Annotated[str, typer.Option(help="Whose accounts the role sees, as the owner column writes the name.")] = "",
    share: Annotated[
        bool,
        typer.Option("--share", help="For others' eyes: pseudonyms for names, no contact details, no small cells."),
    ] = False,
    share_key: Annotated[
        Path | None,
        typer.Option(help="File with the key of the pseudonyms. Default: KAM_SHARE_KEY, or one of your own."),
    ] = None,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Run again what did not finish, as it was called.")
    ] = False,
    key_file: KeyFile = None,
) -> None:
    """Run the notebooks over the data and write runs/<as-of>/report.html.

    Exit code: 0 all delivered; 1 a notebook failed, the rest is delivered; 2 the input or the call is wrong;
    130 stopped.
    """
    passphrase.take(key_file)
    from kamlib.batch import run as batch

    call = batch.Call(
        data=data, out=out, as_of=as_of, only=only, values=tuple(p or ()), lang=lang, jobs=jobs, role=role, user=user,
        share=share, share_key=share_key,
    )  # fmt: skip
    raise typer.Exit(batch.rerun(call) if only_failed else batch.run(call))


@app.command()
def check(
    data: Annotated[Path, typer.Argument(help="Folder with the tables.")],
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Folder that receives the rows to work off, as CSV.")] = None,
    key_file: KeyFile = None,
) -> None:
    """Say what is wrong with a folder of tables, all at once: file, row, column, value, cure; what became of each row;
    and how good the data are: duplicates, owner conflicts, sums, dates, gaps."""
    passphrase.take(key_file)
    from kamlib.sources.check import check_folder

    report = check_folder(data, out)
    print(report.text(lang))
    raise typer.Exit(0 if report.usable else 2)


@app.command()
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="The workbook to write.")],
    lang: Annotated[str, typer.Option(help="Language of sheets, headers and comments: en or zh.")] = "en",
) -> None:
    """Write an Excel workbook to fill in by hand: every table, and the three tables of tiering with live formulas."""
    from kamlib.exchange.template import template as write

    print(write(file, lang))


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
    lang: Annotated[str, typer.Option(help="Language of the ledger: en or zh.")] = "en",
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
        tell=lambda found: print(recognition_text(found, lang) + "\n", flush=True),
    )
    print(ledger_text(imported.ledger, lang))
    print(imported.text(lang))


@export.command("tiers")
def export_tiers(
    workspace: Annotated[Path, typer.Argument(help="Workspace or folder with the tables.")],
    to: Annotated[str, typer.Option(help="The CRM that takes them: zoho or fxiaoke.")],
    out: Annotated[Path, typer.Option(help="The file to write: .csv for Zoho, .xlsx for 纷享销客.")],
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as the data says.")] = "",
    field: Annotated[str, typer.Option(help="Label of the CRM's tier field. Default: Rating, 客户级别.")] = "",
    provisional: Annotated[bool, typer.Option("--provisional", help="Also tiers that rest on too little.")] = False,
    lang: Annotated[str, typer.Option(help="Language of tiers the CRM has no spelling for: en or zh.")] = "",
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
    print(write(data, to, out, field=field, lang=lang, provisional=provisional, password=password).text(lang or None))


@app.command()
def history(workspace: Workspace, lang: Lang = "en", key_file: KeyFile = None) -> None:
    """List the snapshots of a workspace and what they teach together: moves of deals, tiers, owners, relationships."""
    passphrase.take(key_file)
    from kamlib.workspace.told import history_text

    print(history_text(workspace, lang))


@app.command()
def diff(
    workspace: Workspace,
    opening: Annotated[str, typer.Argument(metavar="A", help="A date, YYYY-MM-DD; its snapshot, or the one before.")],
    closing: Annotated[str, typer.Argument(metavar="B", help="A later date.")],
    out: Annotated[Path | None, typer.Option(help="Folder that receives every table as CSV.")] = None,
    lang: Lang = "en",
    key_file: KeyFile = None,
) -> None:
    """Say what changed between two dates, with the money: opening + changes = closing."""
    passphrase.take(key_file)
    from kamlib.workspace import day_of
    from kamlib.workspace.diff import diff as compare
    from kamlib.workspace.told import diff_text, write_tables

    found = compare(workspace, day_of(opening), day_of(closing))
    print(diff_text(found, lang))
    if out:
        write_tables(found, out)


@app.command()
def backup(
    workspace: Workspace, file: Annotated[Path, typer.Argument(help="The backup to write; a new file.")]
) -> None:
    """Write a workspace into one file and prove it by reading it back. Of an encrypted one it is encrypted."""
    from kamlib.workspace.backup import back_up

    print(f"{file}: {len(back_up(workspace, file).files):,} files, proved")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that kam backup wrote.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder that receives the workspace. Without: only prove it.")
    ] = None,
) -> None:
    """Prove a backup, every byte of it, and bring it back as a workspace."""
    from kamlib.workspace import backup

    if into is None:
        print(f"{file}: {len(backup.verify(file).files):,} files, proved")
    elif backup.restore(file, into):
        print(f"{into}: restored")
    else:
        print(f"{into}: is there already, equal; nothing changed")


@app.command()
def encrypt(workspace: Workspace, key_file: KeyFile = None) -> None:
    """Encrypt a workspace in place, with a passphrase. Cut short, it can be read as before; call it again to go on."""
    _in_place("encrypt", workspace, key_file)


@app.command()
def decrypt(workspace: Workspace, key_file: KeyFile = None) -> None:
    """Decrypt a workspace in place. Cut short, it can be read as before; call it again to go on."""
    _in_place("decrypt", workspace, key_file)


def _in_place(what: str, workspace: Path, key_file: Path | None) -> None:
    passphrase.take(key_file)
    from kamlib.workspace import snapshots, vault

    if not snapshots.is_workspace(workspace):
        raise InputError(f"{workspace} is no workspace. Give the folder that kam import wrote.")
    with snapshots.locked_workspace(workspace):
        print(f"{workspace}: {getattr(vault, what)(workspace):,} files {what}ed")


@app.command()
def params(
    number: Annotated[str, typer.Argument(metavar="[NN]", help="A notebook, e.g. 05. Default: all.")] = "",
) -> None:
    """List every parameter: notebook, name, type, default, meaning."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kamlib.batch.plan import home, parameter_rows, select

    table = Table("notebook", "parameter", "type", "default", "meaning", box=box.SIMPLE)
    for row in parameter_rows(select(home(), number)):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False).print(table)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks. Further options go to JupyterLab, e.g. --no-browser."""
    from kamlib.batch.plan import home  # before JupyterLab, which starts faster for it

    from jupyterlab.labapp import main as jupyterlab  # isort: skip

    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    jupyterlab(
        [f"--ServerApp.root_dir={home() / 'notebooks'}", *quiet, "--LabApp.extension_manager=readonly", *context.args]
    )


@app.command()
def sample(
    into: Annotated[Path, typer.Option(help="Folder that receives the tables.")],
    accounts: Annotated[int, typer.Option(min=1, help="How many accounts the company sells to.")] = 150,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 7,
    as_: Annotated[str, typer.Option("--as", metavar="VENDOR", help="As a CRM exports it: zoho or fxiaoke.")] = "",
    as_of: Annotated[str, typer.Option(help="With --as: the day of the export, YYYY-MM-DD. Default: the last.")] = "",
) -> None:
    """Invent a company: every table, of any size, the same for the same seed."""
    from kamlib.sample import generate, generate_export

    def told(line: str) -> None:
        print(line, file=sys.stderr)

    if as_ or as_of:
        generate_export(into, as_, as_of, accounts, seed, told)
    else:
        generate(into, accounts, seed, told)
    print(f"{accounts:,} accounts in {into}")


if __name__ == "__main__":
    main()
