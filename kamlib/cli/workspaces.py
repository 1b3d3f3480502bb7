"""Commands on a workspace: its history, what changed, backups, encryption."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kamlib import passphrase
from kamlib.cli.app import KeyFile, Lang, Workspace, app, tell
from kamlib.language import say


@app.command()
def history(
    workspace: Workspace,
    out: Annotated[Path | None, typer.Option(help="Folder that receives the whole as CSV.")] = None,
    lang: Lang = "",
    key_file: KeyFile = None,
) -> None:
    """List the snapshots of a workspace and what they teach together: moves of deals, tiers, owners, relationships."""
    passphrase.take(key_file)
    from kamlib.workspace.told import history_text

    tell(history_text(workspace, out=out))


@app.command()
def diff(
    workspace: Workspace,
    opening: Annotated[str, typer.Argument(metavar="A", help="A date, YYYY-MM-DD; its snapshot, or the one before.")],
    closing: Annotated[str, typer.Argument(metavar="B", help="A later date.")],
    out: Annotated[Path | None, typer.Option(help="Folder that receives every table as CSV.")] = None,
    lang: Lang = "",
    key_file: KeyFile = None,
) -> None:
    """Say what changed between two dates, with the money: opening + changes = closing."""
    passphrase.take(key_file)
    from kamlib.workspace import day_of
    from kamlib.workspace.diff import diff as compare
    from kamlib.workspace.told import diff_text, write_tables

    found = compare(workspace, day_of(opening), day_of(closing))
    tell(diff_text(found))
    if out:
        write_tables(found, out)


@app.command()
def backup(
    workspace: Workspace,
    file: Annotated[Path, typer.Argument(help="The backup to write; a new file.")],
    lang: Lang = "",
) -> None:
    """Write a workspace into one file and prove it by reading it back. Of an encrypted one it is encrypted."""
    from kamlib.workspace.backup import back_up

    tell(_proved(file, len(back_up(workspace, file).files)))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that kam backup wrote.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder that receives the workspace. Without: only prove it.")
    ] = None,
    lang: Lang = "",
) -> None:
    """Prove a backup, every byte of it, and bring it back as a workspace."""
    from kamlib.workspace import backup

    if into is None:
        tell(_proved(file, len(backup.verify(file).files)))
    elif backup.restore(file, into):
        tell(say(None, f"{into}: restored", f"{into}：已恢复"))
    else:
        tell(say(None, f"{into}: is there already, equal; nothing changed", f"{into}：已存在且内容相同，未作改动"))


def _proved(file: Path, n: int) -> str:
    return say(None, f"{file}: {n:,} files, proved", f"{file}：{n:,} 个文件，已全部核验")


@app.command()
def encrypt(workspace: Workspace, lang: Lang = "", key_file: KeyFile = None) -> None:
    """Encrypt a workspace in place, with a passphrase. Cut short, it can be read as before; call it again to go on."""
    _in_place("encrypt", workspace, key_file)


@app.command()
def decrypt(workspace: Workspace, lang: Lang = "", key_file: KeyFile = None) -> None:
    """Decrypt a workspace in place. Cut short, it can be read as before; call it again to go on."""
    _in_place("decrypt", workspace, key_file)


def _in_place(what: str, workspace: Path, key_file: Path | None) -> None:
    passphrase.take(key_file)
    from kamlib.workspace import snapshots, vault

    if not snapshots.is_workspace(workspace):
        raise snapshots.no_workspace(workspace)
    done = {"encrypt": "加密", "decrypt": "解密"}[what]
    with snapshots.locked_workspace(workspace):
        n = getattr(vault, what)(workspace)
        tell(say(None, f"{workspace}: {n:,} files {what}ed", f"{workspace}：已{done} {n:,} 个文件"))
