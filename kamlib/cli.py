"""The command `kam`. Every command imports what it needs when it is called, so that `kam --help` answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from kamlib.errors import InputError

app = typer.Typer(
    name="kam",
    help="Key account analysis (大客户管理): from CRM and ERP exports to notebooks, exhibits and one report.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line. Exit code 0: all delivered; 1: a notebook failed; 2: the input or the call is wrong."""
    # jsonschema (behind nbformat and papermill) needs 1.4 s to build this grammar, and does without when it is absent
    sys.modules.setdefault("rfc3987_syntax", None)
    try:
        app()
    except InputError as error:
        print(f"kam: {error}", file=sys.stderr)
        sys.exit(2)
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
    only_failed: Annotated[bool, typer.Option(help="Run again what did not finish, as it was called.")] = False,
) -> None:
    """Run the notebooks over the data and write runs/<as-of>/report.html."""
    from kamlib.batch.run import Call, run

    call = Call(data=data, out=out, as_of=as_of, only=only, values=tuple(p or ()), lang=lang, jobs=jobs)
    raise typer.Exit(run(call, only_failed=only_failed))


@app.command()
def params(number: Annotated[str, typer.Argument(metavar="[NN]", help="A notebook, e.g. 05. Default: all.")] = "") -> None:
    """List every parameter: notebook, name, type, default, meaning."""
    from kamlib.batch.plan import home, parameter_table, select

    print(parameter_table(select(home(), number)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the notebooks. Further options go to JupyterLab, e.g. --no-browser."""
    from jupyterlab.labapp import main as jupyterlab

    from kamlib.batch.plan import home

    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    jupyterlab([f"--ServerApp.root_dir={home() / 'notebooks'}", *quiet, "--LabApp.extension_manager=readonly", *context.args])


@app.command()
def sample(
    accounts: Annotated[int, typer.Option(min=1, help="How many accounts the company sells to.")],
    into: Annotated[Path, typer.Option(help="Folder that receives the tables.")],
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
) -> None:
    """Invent a company: every table, of any size, the same for the same seed."""
    from rich.console import Console

    from kamlib.sample import generate

    console = Console(stderr=True)
    generate(into, accounts, seed, console.print)
    print(f"{accounts:,} accounts in {into}")


if __name__ == "__main__":
    main()
