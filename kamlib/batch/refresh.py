"""`make notebooks`: execute the committed notebooks on the sample and store their outputs, the same on every run.

What changes between runs is left out: papermill's and the kernel's notes, widgets, the outputs of cells tagged
`explore`. A seal in the metadata says that the file is just what was written here: a notebook that somebody ran on
other data, or changed without running it, does not carry a valid one, and a test refuses it.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from typing import Any

import nbformat

from kamlib.batch import manifest, warm
from kamlib.batch.execute import Kernels, execute
from kamlib.batch.plan import Notebook, cases, home, select
from kamlib.batch.progress import Progress
from kamlib.batch.run import logged, modules
from kamlib.errors import InputError
from kamlib.files import write_atomically

SAMPLE = "data/sample"
PICTURES = {
    "whale": "05.4",
    "matrix": "01.6",
    "coverage": "02.3",
    "warning": "07.8",
}  # docs/pictures, shown in the README
LARGEST = 500_000  # bytes of a committed notebook


def refresh(root: Path, notebooks: Sequence[Notebook]) -> dict[str, str]:
    """Execute `notebooks` with their defaults and write them back; return what kept some of them from being written,
    by number. Those are left as they were."""
    faults: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        warm.kernels(modules(notebooks)),
        logged(Path(folder) / "log") as log,
        Progress(notebooks, "en") as progress,
        ThreadPoolExecutor(cpu_count()) as pool,
    ):
        kernels = Kernels(root, log)

        def one(notebook: Notebook) -> None:
            number = notebook.number
            progress.start(number)
            output = Path(folder) / notebook.path.name
            error = execute(notebook, output, {}, kernels, lambda heading: progress.at(number, heading))
            fault = f"{error['heading']}: {error['reason']}" if error else store(notebook, output, fingerprint(root))
            progress.end(number, manifest.FAILED if fault else manifest.DONE, fault)
            faults[number] = fault

        list(pool.map(one, notebooks))
    return {number: fault for number, fault in sorted(faults.items()) if fault}


def store(notebook: Notebook, output: Path, sample: str) -> str:
    """Write what `output` holds into the project; return what speaks against it instead, or ""."""
    executed = nbformat.read(output, as_version=4)
    if notebook.parameters["data_dir"].default != SAMPLE:
        return f"its data_dir is not {SAMPLE}"
    for cell in executed.cells:
        for said in cell.get("outputs", []):
            if said.output_type == "error" or said.get("name") == "stderr":
                return f"a cell complains: {' '.join((said.get('text') or said.get('evalue')).split())[:200]}"
    text = normalised(executed, sample)
    if len(text.encode()) > LARGEST:
        return f"{len(text.encode()):,} bytes are more than {LARGEST:,}: make pictures or tables smaller"
    write_atomically(notebook.path, text)
    return ""


def normalised(notebook: nbformat.NotebookNode, sample: str) -> str:
    """Return the notebook as text without anything that differs between two runs, sealed."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = [] if "explore" in tags else [plain(output) for output in cell.outputs]
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })  # fmt: skip
    versions = {name: version(name) for name in ("pandas", "matplotlib")}
    notebook.metadata.kamlib = {"sample": sample, "seal": seal(notebook.cells, sample), "made_with": versions}
    return nbformat.writes(notebook) + "\n"


def plain(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return an output without metadata and count."""
    volatile = {"metadata": {}} if "metadata" in output else {}
    volatile |= {"execution_count": None} if "execution_count" in output else {}
    return nbformat.from_dict({**output, **volatile})


def seal(cells: Sequence[dict[str, Any]], sample: str) -> str:
    """Return the hash over sources, tags and outputs, and the data they were computed from."""
    parts = [[_text(c["source"]), c["metadata"].get("tags", []), _outputs(c)] for c in cells]
    return manifest.fingerprint([sample, *parts])


def _outputs(cell: dict[str, Any]) -> list[Any]:
    return json.loads(json.dumps([{k: _text(v) for k, v in output.items()} for output in cell.get("outputs", [])]))


def _text(value: Any) -> Any:
    """Return texts as one, whether the file has them as one or line by line."""
    if isinstance(value, dict):
        return {key: _text(part) for key, part in value.items()}
    return "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value


def fingerprint(root: Path) -> str:
    """Return the fingerprint of the sample company."""
    files = manifest.hashes(root / SAMPLE)
    return manifest.fingerprint((name, file) for name, file in files.items() if name.endswith((".csv", ".toml")))


def pictures(root: Path) -> None:
    """Write the exhibits that the README shows, as they stand in the committed notebooks."""
    (root / "docs" / "pictures").mkdir(parents=True, exist_ok=True)
    for name, exhibit in PICTURES.items():
        notebook = nbformat.read(next((root / "notebooks").glob(f"{exhibit[:2]}_*.ipynb")), as_version=4)
        shown = next(c for c in notebook.cells if re.search(rf'show\(\s*"{exhibit}"', c.source))
        image = next(output.data["image/png"] for output in shown.outputs if "image/png" in output.get("data", {}))
        (root / "docs" / "pictures" / f"{name}.png").write_bytes(base64.b64decode(image))


def main() -> None:
    """Refresh all notebooks of the project, cases too, or those whose numbers are given."""
    root = home()
    studies = {case.number: case for case in cases(root)}
    wanted = [number for number in sys.argv[1:] if number not in studies]
    notebooks = select(root, ",".join(wanted)) if wanted or len(sys.argv) == 1 else []
    chosen = [case for number, case in studies.items() if number in sys.argv[1:] or len(sys.argv) == 1]
    faults = refresh(root, [*notebooks, *chosen])
    if not faults:
        pictures(root)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
