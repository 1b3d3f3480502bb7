"""What a shared run must not carry along."""

import json
import sys
from pathlib import Path

import nbformat
import pytest

from kamlib.privacy import strip


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/opt/kit/main.py:3: UserWarning", "main.py:3: UserWarning"),
        (f"{sys.prefix}/lib/python3/x.py", "lib/python3/x.py"),
        (f"{Path.home()}/notes.txt", "notes.txt"),
        ('File "/srv/大客户/a.py", line 1', 'File "a.py", line 1'),
        (r"C:\Users\mallory\x.csv", "x.csv"),
        ("n/a, and/or, 3/4, 2025/12/31", "n/a, and/or, 3/4, 2025/12/31"),
        ("</div><br/>", "</div><br/>"),
    ],
)
def test_absolute_paths_become_names(text, left):
    assert strip.of_places(text) == left


def test_places_user_and_machine_are_not_named(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "vogel-laptop")
    monkeypatch.setenv("LOGNAME", "mallory")
    text = strip.of_places(
        "/data/my folder/x.csv of mallory on vogel-laptop, not marmallory", [Path("/data/my folder")]
    )
    assert text == "x.csv of … on …, not marmallory"


def test_a_notebook_keeps_its_cells_and_its_exhibits_only():
    code = nbformat.v4.new_code_cell
    output = nbformat.v4.new_output
    book = nbformat.v4.new_notebook(
        metadata={"papermill": {"input_path": "/secret/in.ipynb"}, "kernelspec": {"name": "python3", "display_name": "P"}},
        cells=[
            nbformat.v4.new_markdown_cell("# Question", metadata={"papermill": {"duration": 1}, "tags": ["x"]}),
            code("data_dir = '/secret/data'", metadata={"tags": ["injected-parameters"]}),
            code("frame", outputs=[output("execute_result", {"text/plain": "Acme 1", "text/html": "<b>Acme</b>"})]),
            code("print(1)", outputs=[output("stream", text="/secret/log")]),
            code("show()", outputs=[output("execute_result", {"text/plain": "05.1  Claim\nn = 3", "image/png": "aGk="})]),
            code("1/0", outputs=[output("error", ename="ValueError", evalue="no /secret/x.csv", traceback=["/secret"])]),
        ],
    )  # fmt: skip
    text = strip.notebook(nbformat.writes(book), ["05.1"])
    assert "secret" not in text
    assert "Acme" not in text
    said = json.loads(text)
    assert said["metadata"] == {
        "kernelspec": {"display_name": "P", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert said["cells"][0]["metadata"] == {"tags": ["x"]}
    assert [len(cell.get("outputs", [])) for cell in said["cells"]] == [0, 0, 0, 1, 1]
    assert said["cells"][3]["outputs"][0]["data"]["image/png"].strip() == "aGk="
    assert said["cells"][4]["outputs"][0]["evalue"] == "no x.csv"
