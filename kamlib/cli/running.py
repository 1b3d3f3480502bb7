"""`kam run`, and what stands around the notebooks: their parameters, JupyterLab, the invented company."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kamlib import passphrase
from kamlib.cli.app import KeyFile, Lang, app, tell
from kamlib.language import say
from kamlib.terminal import shown


@app.command()
def run(
    data: Annotated[Path | None, typer.Option(help="Folder with the tables. Default: the sample company.")] = None,
    out: Annotated[Path, typer.Option(help="Folder that receives the run folder <as-of>.")] = Path("runs"),
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as the data says.")] = "",
    only: Annotated[str, typer.Option(help="Notebooks to run, e.g. 03,07. Default: all.")] = "",
    p: Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="A parameter; repeatable.")] = None,
    lang: Lang = "",
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
def dossier(
    data: Annotated[Path | None, typer.Option(help="Folder with the tables. Default: the sample company.")] = None,
    account: Annotated[str, typer.Option(help="One account, by id or name.")] = "",
    tier: Annotated[str, typer.Option(help="All accounts of a tier: A, B, C or D.")] = "",
    owner: Annotated[str, typer.Option(help="All accounts of an owner.")] = "",
    out: Annotated[Path, typer.Option(help="Folder that receives <as-of>/dossiers.")] = Path("runs"),
    as_of: Annotated[str, typer.Option(help="Last day seen, YYYY-MM-DD. Default: as the data says.")] = "",
    lang: Lang = "",
    role: Annotated[str, typer.Option(help="Only what this role may see: rep, manager, partner, analyst.")] = "",
    user: Annotated[str, typer.Option(help="Whose accounts the role sees.")] = "",
    share: Annotated[bool, typer.Option("--share", help="Pseudonyms for names, no contact details.")] = False,
    share_key: Annotated[Path | None, typer.Option(help="File with the key of the pseudonyms.")] = None,
    key_file: KeyFile = None,
) -> None:
    """Write a dossier of two pages for one account, a tier, an owner's book, or every key account."""
    passphrase.take(key_file)
    from kamlib.batch import dossiers
    from kamlib.batch import run as batch

    call = batch.Call(
        data=data, out=out, as_of=as_of, lang=lang, role=role, user=user, share=share, share_key=share_key
    )
    for name, path in dossiers.write(call, account, tier, owner):
        tell(f"{name}  {path}")


@app.command()
def params(
    number: Annotated[str, typer.Argument(metavar="[NN]", help="A notebook, e.g. 05. Default: all.")] = "",
    lang: Lang = "",
) -> None:
    """List every parameter: notebook, name, type, default, meaning."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from kamlib.batch.plan import home, parameter_rows, select

    heads = say(None, "notebook parameter type default meaning", "笔记本 参数 类型 默认值 含义").split()
    table = Table(*heads, box=box.SIMPLE)
    for row in parameter_rows(select(home(), number)):
        table.add_row(*map(shown, row))
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
    lang: Lang = "",
) -> None:
    """Invent a company: every table, of any size, the same for the same seed."""
    from kamlib.sample import generate, generate_export

    def told(line: str) -> None:
        tell(line, sys.stderr)

    if as_ or as_of:
        generate_export(into, as_, as_of, accounts, seed, told)
    else:
        generate(into, accounts, seed, told)
    tell(say(None, f"{accounts:,} accounts in {into}", f"已在 {into} 生成 {accounts:,} 个客户"))
