"""The command `kam`. Every command imports what it needs when it is called, so that `kam --help` answers at once."""

from __future__ import annotations

import io
import os
import signal
import sys

import typer

from kamlib import passphrase, rooms
from kamlib.cli import bringing, running, workspaces  # noqa: F401 - they register their commands
from kamlib.cli.app import app, tell
from kamlib.errors import InputError

REFUSED = typer.BadParameter.__bases__[0]
"""A call that is wrong: click's UsageError, which typer keeps in places that change."""


def main() -> None:
    """Run the command line. Exit code 0: all delivered; 1: a notebook failed; 2: the input or the call is wrong;
    130: stopped. Whatever is written, its owner alone can read."""
    os.umask(0o077)
    passphrase.take()
    rooms.sweep()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that private folders are removed
    try:
        sys.exit(app(prog_name="kam", standalone_mode=False) or 0)
    except REFUSED as error:
        error.show(usage := io.StringIO())
        tell(usage.getvalue().rstrip(), sys.stderr)
        sys.exit(error.exit_code)
    except typer.Abort:  # nothing more to read where a passphrase was asked for
        sys.exit(1)
    except InputError as error:
        tell(f"kam: {error}", sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `kam params | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
