"""The report page: complete, offline, safe, readable by machines that read to people."""

import base64
import csv
import io
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest
import tiny_project

import kamlib as kam
from kamlib import style, words
from kamlib.batch import manifest as record
from kamlib.batch.manifest import entry
from kamlib.batch.plan import Notebook, select
from kamlib.batch.run import begin
from kamlib.exhibit import chart
from kamlib.report.html import ROWS_SHOWN, write_report
from kamlib.report.svg import Shared, inline

VOID = {"meta", "link", "br", "img", "input"}
OPTIONAL_END = {"td", "th", "tr", "thead", "tbody", "li", "p"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "{{ 7 * 7 }}",
    "\u202eevil",
]


class Page(HTMLParser):
    """Collects what the tests ask about: elements with their attributes, ids, headings, text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.headings, self.texts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@chart("bar", x="amount", y="account_name")
def plot(table, ax=None):
    ax = ax or style.new_axes()
    ax.barh(table.account_name, table.amount, hatch="//")
    ax.plot([0, 1], [0, 1], "o--", label="<b>")
    ax.imshow([[0, 1], [1, 0]], extent=(0, 1, 0, 1), aspect="auto")
    ax.legend()
    return ax


def claim(table, lang="en"):
    return f"{table.account_name[0]} & others" if lang == "en" else f"{table.account_name[0]} 等"


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    """A run folder without any run: three notebooks, hostile names, a failure, an exhibit without data, a long one."""
    root = tiny_project.make(tmp_path)
    monkeypatch.chdir(root)
    data = kam.load("data/sample")
    folder = tmp_path / "run"
    folder.mkdir()
    notebooks = select(root, "1,2,3")
    manifest = begin(folder, data, "en", notebooks, {n.number: {} for n in notebooks})
    table = pd.DataFrame({
        "account_name": HOSTILE, "amount": [1234567.891, -2.5, 0.0, None, 3e9], "margin_share": [0.1234, 1, 0, None, -0.5],
        "n_orders": [1, 2, 3, 4, 5], "is_key_account": [True, False, True, False, True], "stage": list("ABCDA"),
        "order_date": pd.to_datetime(["2025-01-31"] * 5), "gap_days": [1.0, 2, 3, 4, 5.5], "score": [99.5, 1, 2, 3, 4],
    })  # fmt: skip
    long = pd.DataFrame({"account_id": [f"A{i}" for i in range(5000)], "amount": [i / 7 for i in range(5000)]})
    for number in ("01", "02"):
        show = kam.Exhibits(data, number, run_dir=folder)
        show(f"{number}.1", table, plot, claim, needs=("orders",), n=5)
        show(f"{number}.2", table, plot, claim, needs=("invoices",))
    kam.Exhibits(data, "03", run_dir=folder)(
        "03.1", long, plot_nothing, lambda table, lang: "长" if lang == "zh" else "Long"
    )
    manifest.set("01", status=record.DONE, exhibits=["01.1", "01.2"], **{"parameters": parameters(notebooks[0])})
    manifest.set("02", status=record.DONE, exhibits=["02.1", "02.2"])
    error = {"heading": "Findings", "cell": 7, "reason": "ValueError: <script>alert(2)</script>"}
    manifest.set("03", status=record.FAILED, exhibits=["03.1"], error=error)
    return folder


@chart("table")
def plot_nothing(table, ax=None):
    return ax or style.new_axes()


def parameters(notebook):
    return entry(notebook, {"top_n": 9})["parameters"]


def read(run_dir):
    text = write_report(run_dir).read_text(encoding="utf-8")
    return text, Page(text)


def test_nothing_comes_from_outside_and_nothing_runs(run_dir):
    text, page = read(run_dir)
    assert not page.open, f"not closed: {page.open}"
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "foreignObject"} & {
        t for t, _ in page.elements
    }
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("href", "src", "xlink:href", "action"):
                assert value.startswith(("#", "data:text/csv", "data:image/png;base64,")), (
                    f"<{tag} {name}={value[:60]}>"
                )
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    policy = next(a for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")


def test_hostile_names_stay_text(run_dir):
    _, page = read(run_dir)
    told = "".join(page.texts)
    for name in (*HOSTILE, "ValueError: <script>alert(2)</script>", "Tiny & Söhne <b>"):
        assert name in told
    assert all("src" not in attributes for attributes in page.all("img"))


def test_ids_are_unique_and_all_links_lead_somewhere(run_dir):
    text, page = read(run_dir)
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [id for id, n in ids.items() if n > 1] == []
    wanted = {a[k][1:] for _, a in page.elements for k in ("href",) if a.get(k, "").startswith("#")}
    wanted |= {id for _, a in page.elements for id in a.get("aria-labelledby", "").split()}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert wanted - set(ids) == set()


def test_a_reader_who_does_not_see_finds_the_way(run_dir):
    _, page = read(run_dir)
    assert page.all("html")[0]["lang"] == "en"
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    charts = [a for a in page.all("svg") if a.get("class") == "chart"]
    assert len(charts) == 3
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))


def test_first_come_findings_gaps_ledger_and_parameters(run_dir):
    text, page = read(run_dir)
    order = [a["id"] for t, a in page.elements if t in ("section", "header") and "id" in a]
    assert order == ["top", "quality", "findings", "gaps", "data", "parameters", "n01", "n02", "n03"]
    quality = text[text.index('<section id="quality"') : text.index('<section id="findings"')]
    assert re.search(r'<th scope="row">Orders</th><td class="gate \w+">[✓▲✗] (pass|warn|stop)</td>', quality)
    gates, joins = quality.split("How far the tables find each other")
    assert len(re.findall(r'<td class="gate', gates)) == len(re.findall(r'<th scope="row">', gates))
    assert re.search(r'<th scope="row">Orders</th><td>Accounts</td><td class="n">36</td><td class="n">0</td>', joins)
    findings = text[text.index('<section id="findings"') : text.index('<section id="gaps"')]
    assert re.findall(r'<li><a href="#(\S+)">', findings) == ["x01-1", "x02-1", "x03-1"]
    gaps = text[text.index('<section id="gaps"') : text.index('<section id="data"')]
    assert "Stopped at “Findings”: ValueError" in gaps
    assert "Missing: 03.2." in gaps
    assert gaps.count("Not measured: this needs the table Invoices (invoices).") == 1
    assert re.findall(r'<a href="#(x\S+)"', gaps) == ["x01-2", "x02-2"]
    ledger = text[text.index('<section id="data"') : text.index('<section id="parameters"')]
    assert re.search(
        r'<th scope="row">Orders</th><td class="file">orders\.csv</td><td class="n">36</td><td class="n">36</td>',
        ledger,
    )
    changed = text[text.index('<section id="parameters"') : text.index('<section class="notebook"')]
    assert re.search(r"<code>top_n</code></th><td><strong>9</strong></td><td>2</td><td>01</td>", changed)
    assert re.search(r"<code>top_n</code></th><td>2</td><td>2</td><td>02 03</td>", changed)
    assert "data_dir" not in changed


def test_numbers_are_written_for_readers(run_dir):
    text, _ = read(run_dir)
    article = text[text.index('id="x01-1"') : text.index('id="x01-2"')]
    rows = re.findall(r"<tr>(.*)", article)
    cells = [re.split(r"<t[dh][^>]*>", row)[1:] for row in rows]
    assert cells[0][1:4] == [f"{words.word('amount', 'en')} (CNY)", "margin_share", words.word("n_orders", "en")]
    assert cells[1][1:] == ["1,234,568", "12.3 %", "1", "yes", "A", "2025-01-31", "1.00", "99.5"]
    assert cells[2][1:4] == ["−2", "100.0 %", "2"]
    assert cells[4][1:3] == ["–", "–"]


def test_the_numbers_can_be_taken_along(run_dir):
    text, page = read(run_dir)
    links = {a["download"]: a["href"] for a in page.all("a") if "download" in a}
    assert set(links) == {"01.1.csv", "02.1.csv", "03.1.csv"}
    for name, link in links.items():
        head, data = link.split(",", 1)
        content = base64.b64decode(data).decode() if "base64" in head else unquote(data)
        rows = list(csv.reader(io.StringIO(content.removeprefix("\ufeff"))))
        saved = list(csv.reader(io.StringIO((run_dir / "exhibits" / name).read_text(encoding="utf-8"))))
        assert content.startswith("\ufeff")
        assert rows == [["'" + c if c.startswith("=cmd") else c for c in row] for row in saved]
    assert f"the first {ROWS_SHOWN} of 5,000 rows" in text
    long = text[text.index('id="x03-1"') :]
    assert len(re.findall(r"<tr><th", long)) == ROWS_SHOWN + 1


def test_a_table_too_long_for_a_page_stays_in_the_run_folder(run_dir):
    path = run_dir / "exhibits/03.1.csv"
    path.write_text(path.read_text(encoding="utf-8") + "A,1.0\n" * 50_000, encoding="utf-8")
    text, page = read(run_dir)
    assert "03.1.csv" not in {a.get("download") for a in page.all("a")}
    assert "exhibits/03.1.csv in the run folder" in text


def test_it_speaks_chinese(run_dir):
    content = json.loads((run_dir / record.FILE).read_text(encoding="utf-8")) | {"lang": "zh"}
    (run_dir / record.FILE).write_text(json.dumps(content), encoding="utf-8")
    text, page = read(run_dir)
    assert page.all("html")[0]["lang"] == "zh-CN"
    for expected in (
        "主要发现",
        "未测量：需要数据表 发票 (invoices)。",
        "在“Findings”处中断",
        "截止 <strong>2025-12-15",
        "客户细分",
    ):
        assert expected in text, expected
    for english in ("Findings</h2>", "Rows read", "The numbers", "As of"):
        assert english not in text, english


def test_without_a_company_the_page_is_called_what_it_is(run_dir):
    path = run_dir / record.FILE
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"company": ""}), encoding="utf-8")
    text, _ = read(run_dir)
    assert text.count("<h1>Key account report</h1>") == 1
    assert text.count("<title>Key account report · 2025-12-15</title>") == 1
    assert '<p class="eyebrow">Key account report</p>' not in text
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"company": "Acme"}), encoding="utf-8")
    text, _ = read(run_dir)
    assert "<h1>Acme</h1>" in text
    assert '<p class="eyebrow">Key account report</p>' in text


def test_what_goes_in_depth_has_a_page_of_its_own(run_dir):
    path = run_dir / record.FILE
    content = json.loads(path.read_text(encoding="utf-8"))
    content["notebooks"]["01"]["depth"] = ["01.2"]
    content["notebooks"]["02"]["depth"] = ["02.1"]
    path.write_text(json.dumps(content), encoding="utf-8")
    text, report = read(run_dir)
    evidence = Page((run_dir / "evidence.html").read_text(encoding="utf-8"))
    shown = [[a["id"] for a in page.all("article")] for page in (report, evidence)]
    assert shown == [["x01-1", "x02-2", "x03-1"], ["x01-2", "x02-1"]]
    ids = {a["id"] for page in (report, evidence) for _, a in page.elements if "id" in a}
    links = [(name, a["href"]) for name, page in (("r", report), ("e", evidence)) for a in page.all("a")]
    there, back = (
        [h for at, h in links if at == here and h.startswith(other)] for here, other in (("r", "ev"), ("e", "re"))
    )
    assert there == ["evidence.html", "evidence.html#n01", "evidence.html#n02"]
    assert back == ["report.html", "report.html#n01", "report.html#n02"]
    assert {h.partition("#")[2] for _, h in links if "#" in h} <= ids
    assert "In depth: 1 exhibit behind these findings" in text


def test_the_ids_under_in_depth_are_read_off_the_notebook(tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["## Findings\n", "### 01.1 What?"]},
        {"cell_type": "code", "metadata": {}, "source": ['show("01.1", table)']},
        {"cell_type": "markdown", "metadata": {}, "source": ["## In depth\n", "\n", "### 01.2 How sure?"]},
        {"cell_type": "code", "metadata": {}, "source": ['show(\n    "01.2", table)']},
        {"cell_type": "markdown", "metadata": {}, "source": ["## Action"]},
        {"cell_type": "code", "metadata": {}, "source": ['show("01.3", table)']},
    ]
    path = tmp_path / "01_alpha.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert (Notebook(path).exhibits, Notebook(path).depth) == (["01.1", "01.2", "01.3"], ["01.2"])


def test_without_any_exhibit_it_still_tells_what_happened(run_dir):
    shutil.rmtree(run_dir / "exhibits")
    text, _ = read(run_dir)
    assert "No exhibit was delivered." in text


def test_it_is_the_same_for_the_same_files(run_dir):
    assert read(run_dir)[0] == read(run_dir)[0]


def test_a_foreign_drawing_cannot_bring_anything_in():
    drawing = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9"
      onload="alert(1)"><script>alert(1)</script><a xlink:href="javascript:alert(1)"><rect width="1" height="1"/></a>
      <image xlink:href="http://far.away/x.png"/><foreignObject/><style>*{}</style>
      <path d="M 0 0 L 1.234 1 A 1 1 0 0 0 2 2" onclick="x" style="fill: url(http://far.away/#a)"/>
      <path d="M 1.26 2 L 3 4 z M 1 1 L 2 2" style="fill: #abc; stroke: none}*{display:none"/></svg>"""
    shared = Shared()
    text = inline(drawing, 'a "claim"', shared)
    assert text == (
        '<svg class="chart" role="img" aria-label="a &quot;claim&quot;" viewBox="0 0 9 9" preserveAspectRatio="xMinYMid">'
        '<path d="M 0 0 L 1.234 1 A 1 1 0 0 0 2 2"/><path d="m1.3 2l1.7 2zm-.3-1l1 1"/></svg>'
    )
    assert shared.css() == ""


def test_letters_are_kept_once_for_all_charts():
    def drawing(text):
        ax = style.new_axes((2, 1))
        ax.set_xlabel(text)
        from kamlib.exhibit import svg

        return svg(ax.figure)

    words.speak("en")
    style.apply()
    shared = Shared()
    inline(drawing("aab"), "one", shared)
    letters, texts = len(shared.letters), len(shared.texts)
    inline(drawing("bab"), "two", shared)
    assert len(shared.letters) == letters
    assert len(shared.texts) == texts + 1
