"""The committed notebooks: their form, cell by cell, and that they run with other parameters than their own."""

import ast
import json
import re
import statistics
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
import pytest

from kamlib import words
from kamlib.batch import refresh, warm
from kamlib.batch.plan import EXHIBIT, declared, select
from kamlib.batch.run import Call, modules, run

ROOT = Path(__file__).parent.parent
NOTEBOOKS = select(ROOT)
SECTIONS = ["Question", "Data", "Method", "Findings", "In depth", "Action", "Practice"]
ABSOLUTE = re.compile(r"(?<![\w.:/~])/(?:home|root|tmp|work|Users|mnt|opt|usr|var)/|\b[A-Z]:\\\\?\w")
NOT_A_NUMBER = re.compile(r"\b(nan|NaN|NaT|None|inf)\b")
each = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.path.stem)


@each
def test_every_parameter_has_its_meaning_in_both_languages(notebook):
    """The comment behind it is the English; the Chinese stands in `words/params.yml`."""
    for name, parameter in notebook.parameters.items():
        assert words.LABELS.get(parameter.meaning, [""])[0] == parameter.meaning, (name, parameter.meaning)
        assert re.search("[\u4e00-\u9fff]", words.word(parameter.meaning, "zh")), (name, parameter.meaning)


def at(notebook, index):
    """Name a cell in a message: file, number and first line."""
    first = (notebook.cells[index]["source"].splitlines() or ["(empty)"])[0]
    return f"{notebook.path.name}, cell {index + 1}: {first}"


def cells(notebook, kind, tag=""):
    return [
        (index, cell)
        for index, cell in enumerate(notebook.cells)
        if cell["cell_type"] == kind and (not tag or tag in cell["metadata"].get("tags", []))
    ]


def prose_headings(notebook, level):
    marks = "#" * level + " "
    return [
        line.removeprefix(marks).strip()
        for _, cell in cells(notebook, "markdown")
        for line in cell["source"].splitlines()
        if line.startswith(marks)
    ]


def test_there_are_seven():
    assert [notebook.path.stem for notebook in NOTEBOOKS][:7] == [
        "01_segmentation", "02_relationships", "03_funnel", "04_lifecycle", "05_finance", "06_satisfaction", "07_churn",
    ]  # fmt: skip


@each
def test_one_question_one_notebook_one_module_one_name(notebook):
    for path in (f"kamlib/{notebook.name}", f"tests/test_{notebook.name}", f"kamlib/practice/{notebook.name}"):
        module = ROOT / f"{path}.py"
        assert module.is_file() or (ROOT / path / "__init__.py").is_file(), f"{notebook.path.name} needs {module}"
    (title,) = prose_headings(notebook, 1)
    assert title == words.word(f"notebook.{notebook.number}.title", "en"), (
        "the report has the title in words/report.yml"
    )


@each
def test_sections_stand_in_their_order(notebook):
    found = prose_headings(notebook, 2)
    assert found == [section for section in SECTIONS if section in found or section != "In depth"]
    kind = notebook.cells[0]["cell_type"]
    assert kind == "markdown", f"{at(notebook, 0)}: begin with the question"


@each
def test_parameters_are_typed_literals_with_a_comment_and_checked(notebook):
    ((index, cell),) = cells(notebook, "code", "parameters")
    code = [i for i, _ in cells(notebook, "code")]
    assert index == code[0], f"{at(notebook, index)}: put it first"
    for node in ast.parse(cell["source"]).body:
        assert isinstance(node, ast.AnnAssign), (
            f"{at(notebook, index)}: '{ast.unparse(node)}' is not `name: type = literal`"
        )
        ast.literal_eval(node.value)
    for parameter in declared(cell["source"]):
        assert parameter.meaning, f"{at(notebook, index)}: say in a comment what {parameter.name} means"
    check = notebook.cells[code[1]]["source"]
    (call,) = [
        n for n in ast.walk(ast.parse(check)) if isinstance(n, ast.Call) and "check_params" in ast.unparse(n.func)
    ]
    assert [k.arg for k in call.keywords] == list(notebook.parameters), f"{at(notebook, code[1])}: check all parameters"


@each
def test_code_cells_are_short_and_explained(notebook):
    code = cells(notebook, "code")
    lengths = {index: len(cell["source"].splitlines()) for index, cell in code}
    long = [f"{at(notebook, index)} ({lines} lines)" for index, lines in lengths.items() if lines > 15]
    assert not long, "at most 15 lines"
    assert statistics.median(lengths.values()) <= 5
    assert len(cells(notebook, "markdown")) >= 0.8 * len(code)


@each
def test_code_cells_leave_out_what_breaks_elsewhere(notebook):
    for index, cell in cells(notebook, "code"):
        assert not cell["source"].rstrip().endswith(";"), (
            f"{at(notebook, index)}: no ';' at the end, nbval prints anyway"
        )
        assert "plt.show" not in cell["source"], at(notebook, index)
    for index, cell in enumerate(notebook.cells):
        text = cell["source"] + json.dumps(
            [
                {k: v for k, v in output.get("data", output).items() if k != "image/png"}
                for output in cell.get("outputs", [])
            ]
        )
        path = ABSOLUTE.search(text)
        assert not path, f"{at(notebook, index)}: a path of somebody's machine: {path[0]}"


@each
def test_exhibits_are_shown_once_and_have_their_question(notebook):
    shown = [id for source in notebook.code() for id in EXHIBIT.findall(source)]
    assert len(shown) >= 4
    assert len(shown) == len(set(shown)), f"shown twice: {shown}"
    for id in shown:
        assert id.startswith(f"{notebook.number}."), id
        assert id in words.LABELS, f"{id} has no question in kamlib/words/{notebook.name}.yml"
    headings = [h for h in prose_headings(notebook, 3) if re.match(r"\d\d\.\d+ ", h)]
    assert all(any(h.startswith(f"{id} ") for id in shown) for h in headings), headings


@each
def test_there_is_something_to_explore_to_compare_and_to_answer(notebook):
    assert cells(notebook, "code", "explore")
    assert 2 <= len(cells(notebook, "code", "nbval-check-output")) <= 4
    questions = {id for source in notebook.code() for id in re.findall(r'check\("(\d\d\.p\d+)", None\)', source)}
    assert len(questions) >= 3


@each
def test_it_is_committed_as_make_notebooks_wrote_it(notebook):
    assert notebook.path.stat().st_size <= refresh.LARGEST
    metadata = json.loads(notebook.path.read_text(encoding="utf-8"))["metadata"].get("kamlib", {})
    assert metadata.get("sample") == refresh.fingerprint(ROOT), "outputs are not from this sample: run `make notebooks`"
    assert metadata.get("seal") == refresh.seal(notebook.cells, metadata["sample"]), (
        "changed since: run `make notebooks`"
    )
    for index, cell in cells(notebook, "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error", f"{at(notebook, index)}: an error"
            assert output.get("name") != "stderr", f"{at(notebook, index)}: a warning"


@pytest.fixture(scope="module")
def default_run(tmp_path_factory):
    """Run all notebooks on the sample, as `kam run` does when it is told nothing."""
    return run_into(tmp_path_factory.mktemp("defaults"))


@pytest.fixture(scope="module")
def other_run(tmp_path_factory):
    """Run all notebooks half a year earlier, in Chinese."""
    return run_into(tmp_path_factory.mktemp("other"), as_of="2025-06-30", lang="zh")


def run_into(out, **options):
    assert run(Call(data=ROOT / refresh.SAMPLE, out=out, **options)) == 0, f"see {out}/*/manifest.json"
    (folder,) = out.iterdir()
    return folder


@pytest.mark.parametrize("made", ["default_run", "other_run"])
def test_every_exhibit_is_delivered_and_says_something(made, request):
    folder = request.getfixturevalue(made)
    shown = [id for notebook in NOTEBOOKS for id in notebook.exhibits]
    exhibits = [json.loads((folder / f"exhibits/{id}.json").read_text(encoding="utf-8")) for id in shown]
    # one account may have nothing of a kind, and says so in its own words
    absent = {
        e["id"]
        for e in exhibits
        if e["id"].startswith("10.") and f"{e['id']}.empty" in words.LABELS and e["status"] != "ok"
    }
    exhibits = [e for e in exhibits if e["id"] not in absent]
    assert len(absent) <= 2
    assert {e["id"]: e["status"] for e in exhibits if e["status"] != "ok"} == {}
    for exhibit in exhibits:
        for lang, claim in exhibit["claim"].items():
            assert claim.strip(), f"{exhibit['id']} {lang}"
            assert not NOT_A_NUMBER.search(claim), f"{exhibit['id']} {lang}: {claim}"
            assert lang == "en" or re.search(r"[\u4e00-\u9fff]", claim), f"{exhibit['id']} is not Chinese: {claim}"
        assert (folder / f"exhibits/{exhibit['id']}.svg").is_file()
    for page in ("report.html", "evidence.html"):
        assert not (folder / page).is_file() or (folder / page).stat().st_size < 3_000_000, page


def test_parameters_change_what_is_shown(default_run, other_run):
    for notebook in NOTEBOOKS:
        tables = [
            (f / f"exhibits/{notebook.exhibits[0]}.csv").read_text(encoding="utf-8") for f in (default_run, other_run)
        ]
        assert tables[0] != tables[1], notebook.path.name


def test_runs_give_the_same_outputs_as_the_committed_ones(default_run):
    for notebook in NOTEBOOKS:
        committed = nbformat.read(notebook.path, as_version=4)
        made_with = committed.metadata.get("kamlib", {}).get("made_with", {})
        if any(version(name) != number for name, number in made_with.items()):
            pytest.skip(f"outputs were made with {made_with}")
        again = nbformat.read(default_run / "notebooks" / notebook.path.name, as_version=4)
        again = {cell.id: cell for cell in again.cells}
        for index, cell in enumerate(committed.cells):
            if cell.cell_type == "code":
                assert told(again[cell.id]) == told(cell), at(notebook, index)


def told(cell):
    """Return a cell's outputs without its pictures: where a chart's margins end depends on whether it is saved too."""
    outputs = [refresh.plain(output) for output in cell.outputs]
    return [output | {"data": output.get("data", {}) | {"image/png": ""}} for output in outputs]


def test_a_misspelt_parameter_is_one_line_under_bare_papermill(tmp_path):
    with warm.kernels(modules(NOTEBOOKS)):
        for notebook in NOTEBOOKS:
            output = tmp_path / notebook.path.name
            with pytest.raises(papermill.PapermillExecutionError) as failed:
                papermill.execute_notebook(notebook.path, output, {"as_off": "2025-06-30"}, progress_bar=False)
            assert failed.value.ename == "InputError"
            assert failed.value.evalue.startswith("'as_off' is not a parameter of this notebook. Did you mean 'as_of'?")
            assert "\n" not in "".join(failed.value.traceback).strip()
