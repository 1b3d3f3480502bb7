"""Key account management: the names a notebook uses. One module per question stands beside them."""

from importlib import import_module

_HOME = {
    "load": "workspace",
    "check_params": "params",
    "Choice": "params",
    "Date": "params",
    "Folder": "params",
    "Int": "params",
    "Number": "params",
    "Text": "params",
    "Exhibits": "exhibit",
    "Practice": "practice",
    "explore": "widgets",
    "InputError": "errors",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):  # imported on first use, so that `kam check` does not wait for matplotlib
    if name in _HOME:
        value = getattr(import_module(f"kamlib.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'kamlib' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
