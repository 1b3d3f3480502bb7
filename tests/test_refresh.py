"""`make notebooks`: the same files on every run, and nothing else than clean outputs from the sample."""

import json

import nbformat
import pytest
import tiny_project

from kamlib.batch import refresh
from kamlib.batch.plan import Notebook, select


@pytest.fixture
def project(tmp_path, monkeypatch):
    def make(**moods):
        root = tiny_project.make(tmp_path, **moods)
        monkeypatch.chdir(root)
        return root

    return make


def change(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_two_runs_write_the_same_sealed_files(project, capsys):
    root = project()
    alpha, beta = select(root, "1,2")
    assert refresh.refresh(root, [alpha, beta]) == {}
    first = [notebook.path.read_bytes() for notebook in (alpha, beta)]
    assert refresh.refresh(root, select(root, "1,2")) == {}
    assert [notebook.path.read_bytes() for notebook in (alpha, beta)] == first
    alpha = Notebook(alpha.path)
    made = nbformat.read(alpha.path, as_version=4)
    nbformat.validate(made)
    assert "image/png" in str(made.cells)
    assert "papermill" not in str(made)
    assert [cell.outputs for cell in made.cells if "explore" in cell.metadata.get("tags", [])] == [[]]
    assert made.metadata.kamlib.seal == refresh.seal(alpha.cells, refresh.fingerprint(root))

    change(alpha.path, "What of alpha?", "What about alpha?")
    assert refresh.seal(Notebook(alpha.path).cells, refresh.fingerprint(root)) != made.metadata.kamlib.seal
    assert "01 alpha  done" in capsys.readouterr().out


def test_what_is_not_clean_is_not_written(project, monkeypatch):
    root = project(alpha="fail")
    beta, gamma = root / "notebooks/02_beta.ipynb", root / "notebooks/03_gamma.ipynb"
    change(beta, "import os, time", "import os, time, warnings\\nwarnings.warn('stale')")
    change(gamma, 'data_dir: str = \\"data/sample\\"', 'data_dir: str = \\"data/sample/../sample\\"')
    before = [path.read_bytes() for path in sorted((root / "notebooks").iterdir())]
    faults = refresh.refresh(root, select(root, "1,2,3"))
    assert faults["01"] == "Moods: ValueError: the numbers do not add up"
    assert "UserWarning: stale" in faults["02"]
    assert faults["03"] == "its data_dir is not data/sample"
    assert [path.read_bytes() for path in sorted((root / "notebooks").iterdir())] == before
    monkeypatch.setattr("sys.argv", ["refresh", "2", "3"])
    monkeypatch.setattr(refresh, "refresh", lambda _, notebooks: {n.number: "faulty" for n in notebooks})
    with pytest.raises(SystemExit, match="1"):
        refresh.main()


def test_what_is_too_large_is_not_written(project, monkeypatch):
    root = project()
    monkeypatch.setattr(refresh, "LARGEST", 5000)
    faults = refresh.refresh(root, select(root, "1"))
    assert "bytes are more than 5,000" in faults["01"]


def test_the_seal_does_not_depend_on_how_a_file_breaks_lines():
    cell = {"source": "a\nb", "metadata": {}, "outputs": [{"data": {"text/plain": "1\n2"}, "output_type": "x"}]}
    split = {
        "source": ["a\n", "b"],
        "metadata": {},
        "outputs": [{"data": {"text/plain": ["1\n", "2"]}, "output_type": "x"}],
    }
    assert refresh.seal([cell], "s") == refresh.seal([split], "s")
    assert refresh.seal([json.loads(json.dumps(cell)) | {"source": "a"}], "s") != refresh.seal([cell], "s")
    assert refresh.seal([cell], "t") != refresh.seal([cell], "s")
