"""The Excel template: what it says, and that the kit reads back what people write into it, in both languages."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest

import kamlib as kam
from kamlib import words
from kamlib.errors import InputError
from kamlib.exchange.template import EXAMPLES, ROWS, template
from kamlib.sources.check import check_folder
from kamlib.sources.mapping import import_data
from kamlib.sources.three_tables import BASIC, EVALUATED, SCORED
from kamlib.tables import TABLES

DAY = dt.date(2025, 6, 30)
GOLDEN = (("ABC公司", 90, 80, 75, 85, 95), ("XYZ公司", 80, 75, 80, 90, 80))


@pytest.fixture(scope="module", params=words.LANGUAGES)
def lang(request):
    return request.param


@pytest.fixture(scope="module")
def blank(lang, tmp_path_factory) -> Path:
    return template(tmp_path_factory.mktemp("blank") / "book.xlsx", lang, DAY)


@pytest.fixture
def book(blank, tmp_path):
    """The template opened as a user does, and where to save it."""
    return openpyxl.load_workbook(blank), tmp_path / "filled.xlsx"


def fill(book, lang: str, table: str, *rows: dict) -> None:
    """Write rows into the sheet of a table, each value below the header of its column."""
    sheet = book[words.word(table, lang)]
    header = [cell.value.rstrip(" *") for cell in sheet[1]]
    for number, row in enumerate(rows, 2):
        for name, value in row.items():
            column = TABLES[table].column(name)
            sheet.cell(number, header.index(words.say(lang, column.en, column.zh)) + 1, value)


def score(book, lang: str, *rows: tuple, basic: tuple = ()) -> None:
    """Write customers into the basic information table and their scores into the indicator score table."""
    for number, row in enumerate(basic, 2):
        for place, value in enumerate(row, 1):
            book[words.word("sheet.basic", lang)].cell(number, place, value)
    for number, row in enumerate(rows, 5):
        for place, value in enumerate(row, 1):
            book[words.word("sheet.scores", lang)].cell(number, place, value)


def said(value, name: str, table: str, lang: str):
    """A value as people pick it from the drop-down of the language."""
    column = TABLES[table].column(name)
    if isinstance(value, list):
        return words.say(lang, *value)
    if isinstance(value, bool):
        return words.word(f"flag.{str(value).lower()}", lang)
    if column.type == "time":
        return dt.datetime.fromisoformat(value)
    return words.code(name, value, lang) if column.values else value


# --- the empty workbook -----------------------------------------------------------------------------------------------


def test_the_three_tables_have_exactly_their_columns(book, lang):
    book, _ = book
    for key, columns, row in (("basic", BASIC, 1), ("scores", SCORED, 4), ("evaluation", EVALUATED, 7)):
        sheet = book[words.word(f"sheet.{key}", lang)]
        assert [cell.value for cell in sheet[row]] == [words.word(name, lang) for name in columns]
    chinese = [words.word(name, "zh") for columns in (BASIC, SCORED, EVALUATED) for name in columns]
    assert chinese == [
        "客户名称", "客户编号", "所在地区", "所属行业", "客户名称", "购买力评分", "交易频次评分", "合作历史评分", "市场影响力评分", "客户忠诚度评分",
        "客户名称", "综合得分", "客户级别", "建议措施",
    ]  # fmt: skip
    scores = book[words.word("sheet.scores", lang)]
    assert [cell.value for cell in scores[1]][1:] == [40, 20, 20, 10, 10]


def test_every_sheet_explains_every_column(book, lang):
    book, _ = book
    for name, examples in EXAMPLES.items():
        sheet, table = book[words.word(name, lang)], TABLES[name]
        assert list(examples) == table.names
        assert sheet.freeze_panes == "B2"
        for cell, column in zip(sheet[1], table.columns, strict=True):
            assert cell.value.endswith(" *") == column.required
            assert f"[{column.name}]" in cell.comment.text
            assert words.word("note.example", lang) in cell.comment.text
        assert sheet.column_dimensions["A"].number_format == ("@" if table.columns[0].type == "text" else "yyyy-mm-dd")


def test_every_coded_column_has_a_drop_down_in_the_language(book, lang):
    book, _ = book
    for name in EXAMPLES:
        lists = {
            str(rule.sqref): rule.formula1 for rule in book[words.word(name, lang)].data_validations.dataValidation
        }
        for place, column in enumerate(TABLES[name].columns):
            where = f"{openpyxl.utils.get_column_letter(place + 1)}2:{openpyxl.utils.get_column_letter(place + 1)}{ROWS + 1}"
            if column.values:
                assert lists[where] == '"' + ",".join(words.code(column.name, v, lang) for v in column.values) + '"'
            elif column.type != "text" or column.ref in EXAMPLES:
                assert where in lists, (name, column.name)


def test_customers_are_chosen_from_the_sheet_that_holds_them(book, lang):
    rules = {
        str(rule.sqref): rule.formula1 for rule in book[0][words.word("orders", lang)].data_validations.dataValidation
    }
    formula = next(formula for place, formula in rules.items() if place.startswith("B2"))
    accounts, basic = f"'{words.word('accounts', lang)}'", f"'{words.word('sheet.basic', lang)}'"
    assert formula.replace("'", "") == (
        f"IF(COUNTA({accounts}!$A$2:$A${ROWS + 1})>0,{accounts}!$A$2:$A${ROWS + 1},IF(COUNTA({basic}!$B$2:$B$201)>0,"
        f"{basic}!$B$2:$B$201,{basic}!$A$2:$A$201))"
    ).replace("'", "")
    assert len(formula) <= 255, "the longest that Excel takes"


def test_an_empty_template_delivers_no_table(blank):
    report = check_folder(blank)
    assert not report.ledger.entries
    assert [fault.split(" holds no table ")[1].split(":")[0] for fault in report.faults] == [
        "accounts",
        "orders or deals",
    ]


def test_a_wrong_name_or_language_is_told(tmp_path):
    with pytest.raises(InputError, match=r"ends in \.xlsx"):
        template(tmp_path / "book.csv")
    with pytest.raises(InputError, match="en or zh"):
        template(tmp_path / "book.xlsx", "de")
    with pytest.raises(InputError, match="cannot be written"):
        template(tmp_path / "nowhere" / "book.xlsx")
    assert not list(tmp_path.iterdir())


# --- what people write ------------------------------------------------------------------------------------------------


def test_every_table_reads_back_as_it_was_filled_in(book, lang):
    """One row on every sheet: the example of its comments, picked from the drop-downs."""
    book, path = book
    ids = {"parent_account_id": "A001", "reports_to": "C001"}
    for name, examples in EXAMPLES.items():
        row = {column: said(ids.get(column, value), column, name, lang) for column, value in examples.items()}
        fill(book, lang, name, row | ({"account_id": "A001"} if "account_id" in row else {}))
    book.save(path)
    data = kam.load(path, as_of="2025-12-31")
    assert data.measured == frozenset(EXAMPLES)
    assert not [fault for fault in data.ledger.faults if fault.action != "told"]
    for name, examples in EXAMPLES.items():
        (row,) = data.frame(name).to_dict("records")
        for column, value in examples.items():
            value = ids.get(column, "A001" if column == "account_id" else value)
            kind = TABLES[name].column(column).type
            if kind in ("date", "time"):
                assert row[column].isoformat(" ").startswith(str(value)), (name, column)
            elif column == "stage":
                assert row[column] == "proposal"
            else:
                assert row[column] == (words.say(lang, *value) if isinstance(value, list) else value), (name, column)
    assert data.frame("accounts").account_no[0] == "001"


def test_the_three_tables_become_accounts_and_scores(book, lang):
    book, path = book
    score(book, lang, *GOLDEN, basic=(("ABC公司", "001", "华东", "机械"), ("XYZ公司", "002", None, "电子")))
    fill(book, lang, "orders", {"order_id": "1", "account_id": "001", "order_date": DAY, "amount": 5})
    book.save(path)
    data = kam.load(path)
    assert data.measured == {"accounts", "orders", "score_snapshots"}
    accounts = data.frame("accounts")
    assert accounts.account_id.tolist() == accounts.account_no.tolist() == ["001", "002"]
    assert accounts.account_name.tolist() == ["ABC公司", "XYZ公司"]
    scores = data.frame("score_snapshots")
    assert scores[["account_id", "composite", "tier"]].to_numpy().tolist() == [["001", 85.0, "A"], ["002", 80.0, "B"]]
    assert scores.scored_at.dt.date.tolist() == [DAY, DAY]
    assert scores.loyalty.tolist() == [95, 80]
    assert {path.name for path in data.files} == {"filled.xlsx"}


def test_weights_and_cuts_of_the_workbook_count_and_gaps_are_not_zeros(book, lang):
    book, path = book
    book[words.word("sheet.scores", lang)]["B1"] = 0
    book[words.word("sheet.evaluation", lang)]["B2"] = 90
    score(book, lang, ("ABC公司", 90, 80, 75, None, None), basic=(("ABC公司",),))
    fill(book, lang, "orders", {"order_id": "1", "account_id": "ABC公司", "order_date": DAY, "amount": 5})
    book.save(path)
    (row,) = kam.load(path).frame("score_snapshots").to_dict("records")
    assert (row["account_id"], row["composite"], row["tier"]) == ("ABC公司", 77.5, "B")
    assert row["influence"] != row["influence"]


def test_scores_find_customers_of_the_sheet_accounts_and_tell_who_is_unknown(book, lang):
    book, path = book
    fill(book, lang, "accounts", {"account_id": "7", "account_name": "ABC公司"})
    fill(book, lang, "orders", {"order_id": "1", "account_id": "7", "order_date": DAY, "amount": 5})
    score(book, lang, *GOLDEN)
    book.save(path)
    report = check_folder(path)
    assert report.usable
    (fault,) = [fault for fault in report.ledger.faults if fault.action == "set_aside"]
    assert (fault.kind, fault.file) == ("orphan", f"filled.xlsx, sheet {words.word('sheet.scores', lang)}")
    assert fault.examples == ((6, "XYZ公司"),)
    assert kam.load(path).frame("score_snapshots").account_id.tolist() == ["7"]


def test_cells_in_error_in_the_three_tables_are_told_and_what_was_never_computed_is_not_missed(book, lang):
    book, path = book
    score(book, lang, ("ABC公司", 90, "#REF!", 75, 85, 95), basic=(("ABC公司", "001", "#N/A"),))
    fill(book, lang, "orders", {"order_id": "1", "account_id": "001", "order_date": DAY, "amount": 5})
    book.save(path)
    report = check_folder(path)
    assert report.usable
    assert [(f.table, f.file.split("sheet ")[-1], f.column, f.kind, f.examples) for f in report.ledger.faults] == [
        ("accounts", words.word("sheet.basic", lang), words.word("region", lang), "excel_error", ((2, "#N/A"),)),
        (
            "score_snapshots",
            words.word("sheet.scores", lang),
            words.word(SCORED[2], lang),
            "excel_error",
            ((5, "#REF!"),),
        ),
    ]


def test_what_cannot_be_told_apart_is_refused_with_its_rows(book, lang):
    book, path = book
    fill(book, lang, "accounts", {"account_id": "7", "account_name": "ABC公司"})
    fill(book, lang, "orders", {"order_id": "1", "account_id": "7", "order_date": DAY, "amount": 5})
    score(book, lang, ("ABC公司", 1), ("ABC公司", 2), (None, 3), basic=(("ABC公司", "7"),))
    book[words.word("sheet.scores", lang)]["B2"] = None
    book.save(path)
    faults = "\n".join(check_folder(path).faults)
    assert "'ABC公司' stands in rows 5 and 6" in faults
    assert "row 7 has no customer name" in faults
    assert "date of scoring is missing" in faults
    assert "both claim to be the table accounts" in faults


def test_a_number_typed_where_text_belongs_and_a_wrong_code_are_told_with_their_place(book, lang):
    book, path = book
    fill(book, lang, "accounts", {"account_id": "007", "account_name": "ABC", "employees": "many"})
    fill(
        book,
        lang,
        "orders",
        {"order_id": "1", "account_id": "007", "order_date": DAY, "channel": "pigeon", "amount": 5},
    )
    book.save(path)
    told = {(fault.table, fault.column, fault.examples[0]) for fault in check_folder(path).ledger.faults}
    assert told == {("accounts", "employees", (2, "many")), ("orders", "channel", (2, "pigeon"))}


def test_an_import_of_the_template_makes_a_snapshot(book, lang, tmp_path):
    book, path = book
    score(book, lang, *GOLDEN, basic=(("ABC公司", "001"), ("XYZ公司", "002")))
    fill(book, lang, "orders", {"order_id": "1", "account_id": "001", "order_date": DAY, "amount": 5})
    book.save(path)
    done = import_data("auto", path, tmp_path / "workspace", "2025-12-31")
    assert done.snapshot.folder.name == "2025-12-31"
    assert import_data("auto", path.parent, tmp_path / "workspace", "2025-12-31").snapshot is None
    data = kam.load(tmp_path / "workspace")
    assert data.measured >= {"accounts", "orders", "score_snapshots"}
    assert "contacts" not in data.measured
    book[words.word("sheet.scores", lang)]["B2"] = None
    book.save(path)
    with pytest.raises(InputError, match="date of scoring is missing"):
        import_data("auto", path, tmp_path / "workspace", "2026-01-31")


def test_the_template_completes_what_a_crm_exports(book, lang, tmp_path):
    book, path = book
    fill(
        book,
        lang,
        "losses",
        {"account_id": "5216480650000000007", "lost_at": DAY, "reason": words.code("reason", "price", lang)},
    )
    book.save(path)
    owner = "Record Id,Account Name,Account Owner\nzcrm_5216480650000000007,ABC公司,Li Na\n"
    (tmp_path / "Accounts_2025_12_31.csv").write_text(owner, encoding="utf-8")
    order = "SO Number,Account Name.id,Account Name,Grand Total,Created Time\nO1,zcrm_5216480650000000007,ABC公司,9.50,2025-03-01 09:00\n"
    (tmp_path / "Sales_Orders_2025_12_31.csv").write_text(order, encoding="utf-8")
    import_data("auto", tmp_path, tmp_path / "workspace")
    data = kam.load(tmp_path / "workspace")
    assert data.measured - {"score_snapshots"} == {"accounts", "orders", "losses"}
    assert data.frame("losses")[["account_id", "reason"]].to_numpy().tolist() == [["5216480650000000007", "price"]]


# --- in a spreadsheet -------------------------------------------------------------------------------------------------


def test_a_spreadsheet_computes_the_worked_example_and_the_evaluation(book, lang, tmp_path):
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice is not here; install libreoffice-calc to see the formulas compute")
    book, path = book
    score(book, lang, *GOLDEN, basic=(("ABC公司", "001"), ("XYZ公司", "002")))
    fill(book, lang, "orders", {"order_id": "1", "account_id": "001", "order_date": DAY, "amount": 5})
    book.save(path)
    (tmp_path / "out").mkdir()
    subprocess.run(
        [soffice, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx", "--outdir", tmp_path / "out", path],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    done = openpyxl.load_workbook(tmp_path / "out" / path.name, data_only=True)
    expected = [
        ["ABC公司", 85, words.word("A", lang), words.word("action_A", lang)],
        ["XYZ公司", 80, words.word("B", lang), words.word("action_B", lang)],
    ]
    evaluation = [[cell.value for cell in row] for row in done[words.word("sheet.evaluation", lang)]["A8:D10"]]
    assert evaluation[:2] == expected
    assert all(not cell for cell in evaluation[2])
    example = [[cell.value for cell in row][:4] for row in done[words.word("sheet.instructions", lang)].iter_rows()]
    assert [row for row in example if row in expected] == expected
    assert not [v for sheet in done for row in sheet.values for v in row if str(v).startswith(("#", "Err:"))]
    scores = kam.load(tmp_path / "out" / path.name).frame("score_snapshots")
    assert scores[["composite", "tier"]].to_numpy().tolist() == [[85.0, "A"], [80.0, "B"]]


def test_the_workbook_names_nobody(blank):
    with zipfile.ZipFile(blank) as packed:
        core = packed.read("docProps/core.xml").decode()
    assert "<dc:creator></dc:creator>" in core
