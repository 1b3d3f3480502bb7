"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

from kamlib import language

matplotlib.use("Agg")
settings.register_profile("kit", deadline=None, max_examples=40, derandomize=True)  # no clock, no luck in a test
settings.load_profile("kit")

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="session")
def sample():
    """The sample company as of its last day; read once, never changed by a test."""
    import kamlib as kam

    return kam.load(SAMPLE)


@pytest.fixture(scope="session")
def imported(tmp_path_factory):
    """Import the sample's raw export of a vendor, once: a function of the vendor that returns the workspace."""
    from functools import cache

    from kamlib.sources.mapping import import_data

    @cache
    def workspace(vendor: str) -> Path:
        into = tmp_path_factory.mktemp("imported") / vendor
        import_data("auto", SAMPLE / "raw" / vendor, into, "2025-12-31")
        return into

    return workspace


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder with public data sets (`KAM_PUBLIC_DATA`, else `../shared/data`); skips where it is absent."""
    folder = Path(os.environ.get("KAM_PUBLIC_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("public data sets are not here; set KAM_PUBLIC_DATA to their folder")
    return folder


@pytest.fixture
def bring(tmp_path):
    """A function that imports files given as {name: text or bytes}; returns (data, ledger, {(file, column): (targets, how)})."""

    import kamlib as kam
    from kamlib.sources.mapping import import_data

    def bring(files: dict[str, str | bytes], mapping: str | Path = "auto", as_of: str = "", into: str = "ws", **more):
        source = tmp_path / "exports"
        for name, content in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        seen = {}

        def tell(found):
            seen.update({(use.sheet, use.header): (use.targets, use.how) for use in found.uses})

        ledger = import_data(mapping, source, tmp_path / into, as_of, tell=tell, **more).ledger
        return kam.load(tmp_path / into), ledger, seen

    return bring


@pytest.fixture(autouse=True)
def _english_again():
    """A command that a test runs in this process leaves its language behind."""
    yield
    language.use("en")
