"""The key that turns names into pseudonyms: the same key, the same pseudonyms next month. It never lies in an output."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kamlib.errors import InputError
from kamlib.files import private_folder, secret_text

VARIABLE = "KAM_SHARE_KEY"
SHORTEST = 16


def share_key(file: Path | None, outputs: Path) -> bytes:
    """Return the key: that in `file`, else in the environment variable, else in `share.key` of the user's configuration,
    which is made at first use.

    InputError when it is too short, could be read by others, or lies in the folder `outputs`, where it would be shared.
    """
    if file is None and VARIABLE in os.environ:
        return _long_enough(os.environ[VARIABLE], VARIABLE)
    path = file or default_file()
    if path.resolve().is_relative_to(outputs.resolve()):
        raise InputError(
            f"{path} lies among the outputs, which are shared. Keep the key elsewhere.",
            f"{path} 位于要共享的输出文件夹中。请将密钥存放在别处。",
        )
    if file is None and not path.exists():
        _make(path)
    why = "whoever has the key can name everybody", "持有密钥者可还原所有名称"
    return _long_enough(secret_text(path, str(path), why).strip(), str(path))


def default_file() -> Path:
    """Return where the user's own key lies."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "kam" / "share.key"


def _make(path: Path) -> None:
    try:
        private_folder(path.parent)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:  # another run was quicker
        return
    except OSError as error:
        raise InputError(
            f"{path} cannot be made ({error.strerror}). Give a key with --share-key FILE or {VARIABLE}.",
            f"{path} 无法创建（{error.strerror}）。请用 --share-key FILE 或 {VARIABLE} 提供密钥。",
        ) from None


def _long_enough(text: str, where: str) -> bytes:
    if len(text) < SHORTEST:
        raise InputError(
            f"{where}: the key has {len(text)} letters; whoever can guess it can name everybody. Use 64.",
            f"{where}：密钥仅有 {len(text)} 个字符，一旦被猜中即可还原所有名称。请使用 64 个字符。",
        )
    return text.encode()
