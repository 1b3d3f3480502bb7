"""Parameters: every bad value is one line that says what to do; a typo is refused under bare papermill too."""

import nbformat
import papermill
import pytest

import kamlib as kam
from kamlib import params


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (kam.Int(1, 60), [1, 12, 60], [0, 61, 1.5, "12", True, None]),
        (kam.Number(0, 1), [0, 0.5, 1], [-0.1, 1.1, "0.5", False, None]),
        (kam.Date(), ["", "2025-12-31"], ["2025-02-30", "31/12/2025", 20251231, None]),
        (kam.Text(), ["", "north"], [1, None]),
        (kam.Choice(("en", "zh")), ["en", "zh"], ["fr", "", None, "en,zh"]),
        (kam.Choice(("a", "b"), several=True), ["a", "a,b", "b, a"], ["c", "a,c", ""]),
    ],
)
def test_each_kind_accepts_and_refuses(kind, good, bad):
    for value in good:
        kam.check_params({"x": value}, x=kind)
    for value in bad:
        with pytest.raises(kam.InputError) as error:
            kam.check_params({"x": value}, x=kind)
        assert f"x = {value!r}" in str(error.value)
        assert "Give" in str(error.value) or "Choose" in str(error.value)


def test_all_faults_come_at_once():
    with pytest.raises(kam.InputError) as error:
        kam.check_params({"a": 99, "b": "no date"}, a=kam.Int(1, 10), b=kam.Date)
    assert len(str(error.value).splitlines()) == 2


def test_a_folder_is_sought_from_the_project_root(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks")
    kam.check_params({"data_dir": "data/mine"}, data_dir=kam.Folder)
    assert params.resolve("data/mine") == tmp_path / "data" / "mine"
    with pytest.raises(kam.InputError, match="There is no such folder"):
        kam.check_params({"data_dir": "data/yours"}, data_dir=kam.Folder)


def test_papermill_refuses_a_misspelt_parameter_in_one_line(tmp_path):
    cells = [
        nbformat.v4.new_code_cell("months: int = 12  # window", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("import kamlib as kam\n\nkam.check_params(globals(), months=kam.Int(1, 60))"),
    ]
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(papermill.PapermillExecutionError) as error:
        papermill.execute_notebook(
            path, tmp_path / "out.ipynb", {"month": 24}, kernel_name="python3", language="python", progress_bar=False
        )
    assert "InputError: 'month' is not a parameter of this notebook. Did you mean 'months'?" in str(error.value)
    assert "Traceback" not in str(error.value)
    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", {"months": 24}, kernel_name="python3", language="python", progress_bar=False
    )
