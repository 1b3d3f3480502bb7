"""Commands on a workspace: its history, what changed, backups, encryption."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kamlib import passphrase
from kamlib.cli.app import KeyFile, Lang, Workspace, app
from kamlib.errors import InputError


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
