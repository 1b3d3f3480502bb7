"""The mapping file: any files become canonical tables, nothing else can be reached, every row is accounted for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner
from workbook import xlsx

import kamlib as kam
from kamlib.cli import app
from kamlib.errors import InputError
from kamlib.settings import Settings
from kamlib.sources import toml
from kamlib.sources.mapping import import_data
from kamlib.sources.mapping_file import read_mapping
from kamlib.sources.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
SALES = (
    "Nr;Kunde;Land;Datum;Betrag;Art\n"
    "1;Alpha;DE;31.01.2025;100.10;sale\n"
    "2;Beta;FR;01.02.2025;50.05;sale\n"
    "3;;FR;02.02.2025;7;sale\n"
    "4;Alpha;DE;03.02.2025;-20.10;refund\n"
    "5;Test;DE;03.02.2025;1;sale\n"
    "6;Alpha;DE;04.02.2025;3;gift\n"
    "6;Alpha;DE;04.02.2025;3;gift\n"
)
DAY = "strptime(Datum, '%d.%m.%Y')"


def mapping(**changes: object) -> dict:
    """A small mapping of `SALES`; keys like `files.sales.path` replace an entry, None removes it."""
    said: dict = {
        "settings": {"currency": "EUR", "as_of": "2025-02-28"},
        "files": {
            "sales": {
                "path": "sales.csv",
                "money": "Betrag::DOUBLE",
                "set_aside": {"no customer": "Kunde IS NULL", "test": "Kunde = 'Test'"},
                "told": {"gift": "Art = 'gift'"},
            }
        },
        "tables": {
            "accounts": {"sql": "SELECT Kunde AS account_id, Kunde AS account_name, min(Land) AS country FROM sales GROUP BY Kunde"},
            "orders": {
                "from": "sales",
                "where": "Art = 'sale'",
                "columns": {"order_id": "Nr", "account_id": "Kunde", "order_date": {"sql": DAY}, "amount": "betrag"},
            },
            "returns": {
                "from": "sales",
                "where": "Art = 'refund'",
                "columns": {"return_id": "Nr", "account_id": "Kunde", "return_date": {"sql": DAY}, "amount": {"sql": "-Betrag::DOUBLE"}},
            },
        },
    }  # fmt: skip
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = said
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return said


@pytest.fixture
def bring(tmp_path):
    """Import `SALES`, or other files, by a mapping with changes; returns the ledger."""

    def bring(changes: dict | None = None, files: dict[str, str] | None = None, text: str = ""):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, content in (files or {"sales.csv": SALES}).items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(content, encoding="utf-8")
        path = tmp_path / "map.yml"
        path.write_text(
            text or yaml.safe_dump(mapping(**(changes or {})), allow_unicode=True, sort_keys=False), "utf-8"
        )
        return import_data(path, source, tmp_path / "into").ledger

    return bring


def loaded(tmp_path) -> kam.workspace.Data:
    return kam.load(tmp_path / "into")


# --- what an import does -----------------------------------------------------------------------------------------


def test_rows_become_tables_and_none_is_lost(tmp_path, bring):
    ledger = bring()
    data = loaded(tmp_path)
    assert data.frame("orders").amount.tolist() == [100.1, 50.05]
    assert data.frame("orders").order_date.tolist() == [pd.Timestamp("2025-01-31"), pd.Timestamp("2025-02-01")]
    assert data.frame("returns").amount.tolist() == [20.1]
    assert data.frame("accounts").account_id.tolist() == ["Alpha", "Beta"]
    (sales,) = ledger.files
    assert (sales.read, sales.kept, sales.set_aside) == (7, 5, 2)
    assert (sales.money_kept, sales.money_set_aside) == (136.05, 8)
    assert data.ledger == ledger


def test_each_rule_says_how_many_rows_and_how_much_money(bring):
    faults = {(f.action, f.detail): (f.n, f.money, [row for row, _ in f.examples]) for f in bring().faults}
    assert faults == {
        ("set_aside", "no customer"): (1, 7, [4]),
        ("set_aside", "test"): (1, 1, [6]),
        ("told", "gift"): (2, 6, [7, 8]),
        ("told", "used in sums only"): (2, 6, [7, 8]),
    }


def test_a_row_that_no_table_takes_is_set_aside_where_no_sum_uses_it(tmp_path, bring):
    files = {"sales.csv": SALES, "customers.csv": "name\nAlpha\nBeta\nTest\n"}
    accounts = {"from": "customers", "columns": {"account_id": "name", "account_name": "name"}}
    ledger = bring({"files.customers": "customers.csv", "tables.accounts": accounts}, files)
    sales = ledger.files[0]
    assert (sales.read, sales.kept, sales.set_aside) == (7, 3, 4)
    assert ("set_aside", "taken by no table", 2) in [(f.action, f.detail, f.n) for f in ledger.faults]
    aside = loaded(tmp_path).ledger.set_aside("source_sales")
    assert aside.set_aside_reason.tolist() == ["no customer", "test", "taken by no table", "taken by no table"]
    assert aside.Nr.tolist() == ["3", "5", "6", "6"], "as delivered"


def test_the_checks_of_the_tables_name_the_source_file_and_row(bring):
    ledger = bring({"files.sales.set_aside": {}})
    empty = next(f for f in ledger.faults if f.kind == "empty" and f.table == "orders")
    assert (empty.file, empty.column, empty.examples) == ("sales.csv", "account_id", ((4, ""),))
    orders = next(entry for entry in ledger.entries if entry.table == "orders")
    assert (orders.read, orders.kept, orders.set_aside, orders.money_set_aside) == (4, 3, 1, 7)


def test_values_are_renamed_and_counted(tmp_path, bring):
    files = {"sales.csv": SALES}
    change = {
        "tables.orders.columns.channel": {"column": "Art", "values": {"sale": "online"}},
        "tables.orders.where": "Art <> 'refund'",
    }
    ledger = bring(change | {"tables.orders.columns.order_id": {"sql": "__row"}}, files)
    renamed = next(f for f in ledger.faults if f.kind == "renamed")
    assert (renamed.n, renamed.examples) == (2, ((None, "sale → online (2)"),))
    wrong = next(f for f in ledger.faults if f.kind == "not_allowed")
    assert (wrong.n, wrong.action) == (2, "blanked"), "what is not renamed must be right as it is"
    assert loaded(tmp_path).frame("orders").channel.dropna().tolist() == ["online", "online"]


def test_several_files_of_one_kind_and_lines_that_cannot_be_read(tmp_path, bring):
    head = SALES.splitlines()[0]
    files = {
        "2024/sales.csv": f"{head}\n11;Alpha;DE;31.01.2024;1;sale\nbroken\n12;Alpha;DE;31.02.2024;1;sale\n",
        "2025/sales.csv": "Art;Betrag;Datum;Kunde;Nr;New\nsale;2;31.01.2025;Beta;13;x\n",
    }
    change = {
        "files.sales.path": "20*/sales.csv",
        "tables.accounts.sql": "SELECT Kunde AS account_id, Kunde AS account_name FROM sales GROUP BY ALL",
    }
    change["tables.orders.columns.order_date"] = {"sql": "try_strptime(Datum, '%d.%m.%Y')"}
    ledger = bring(change, files)
    (sales,) = ledger.files
    assert (sales.read, sales.kept, sales.set_aside) == (4, 3, 1)
    unreadable = next(f for f in ledger.faults if f.kind == "unreadable")
    assert unreadable.examples == ((3, "broken"),)
    empty = next(f for f in ledger.faults if f.kind == "empty")
    assert (empty.file, empty.examples) == ("2024/sales.csv", ((4, ""),)), "the row as the user sees it"
    assert loaded(tmp_path).frame("orders").order_id.tolist() == ["11", "13"]


def test_the_settings_become_kam_toml_and_the_call_decides_the_date(tmp_path, bring):
    bring(
        {
            "settings.company": 'A "quoted" 公司',
            "settings.stages": [{"name": "A b", "probability": 0.1}],
            "settings.rates": {"USD": 0.9},
        }
    )
    said = tomllib.loads((tmp_path / "into" / "kam.toml").read_text(encoding="utf-8"))
    assert said["company"] == 'A "quoted" 公司'
    assert said["stages"] == [{"name": "A b", "probability": 0.1}]
    assert "as_of" not in said, "a workspace's date is that of its newest snapshot"
    assert str(loaded(tmp_path).as_of) == "2025-02-28"
    assert loaded(tmp_path).settings.rates == {"USD": 0.9}
    import_data(tmp_path / "map.yml", tmp_path / "source", tmp_path / "other", as_of="2025-01-31")
    assert str(kam.load(tmp_path / "other").as_of) == "2025-01-31"
    assert len(kam.load(tmp_path / "other").frame("orders")) == 1


def test_a_failed_import_leaves_what_stood_there(tmp_path, bring):
    bring()
    with pytest.raises(InputError):
        bring({"tables.orders.columns.amount": "Preis"})
    assert len(loaded(tmp_path).frame("orders")) == 2
    bring()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match="holds something else"):
        import_data(tmp_path / "map.yml", tmp_path / "source", tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"
    assert not list(tmp_path.glob("*.part"))


def test_parquet_and_excel_are_sources_too(tmp_path, bring):
    (tmp_path / "source").mkdir()
    frame = pd.DataFrame(
        {
            "Nr": [1, 2],
            "Kunde": ["Alpha", None],
            "Land": "DE",
            "Datum": "31.01.2025",
            "Betrag": [1.5, 2.5],
            "Art": "sale",
        }
    )
    frame.to_parquet(tmp_path / "source" / "sales.parquet")
    ledger = bring({"files.sales.path": "sales.parquet"})
    assert (ledger.files[0].kept, ledger.files[0].money_set_aside) == (1, 2.5)


def test_the_command_prints_the_ledger(tmp_path, bring):
    bring()
    call = ["import", str(tmp_path / "source"), "--from", str(tmp_path / "map.yml"), "--into", str(tmp_path / "ws")]
    outcome = CliRunner().invoke(app, [*call, "--as-of", "2025-01-31"])
    assert outcome.exit_code == 0, outcome.output
    assert "no customer" in outcome.output
    assert "Rows set aside" in outcome.output
    assert str(kam.load(tmp_path / "ws").as_of) == "2025-01-31"


# --- what is wrong with a mapping --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fils": {}}, "'fils' is not an entry. Did you mean 'files'?"),
        ({"files.sales.pth": "x"}, "'files.sales.pth' is not an entry. Did you mean 'path'?"),
        ({"files.sales.path": None}, "'files.sales.path' is missing"),
        ({"files.sales.path": "../secret.csv"}, "must lie in the source folder"),
        ({"files.sales.path": "/etc/passwd"}, "must lie in the source folder"),
        ({"files": {"../../x": "sales.csv"}}, "'../../x' is no name for a file here"),
        ({"files.sales.path": "*.parquet"}, "no file is called '*.parquet'"),
        ({"settings.curency": "EUR"}, "'settings.curency' is not an entry. Did you mean 'currency'?"),
        ({"settings.as_of": "31.01.2025"}, "settings.as_of = '31.01.2025'"),
        ({"tables.order": {"sql": "SELECT 1"}}, "tables.order is no canonical table. Did you mean 'orders'?"),
        ({"tables.accounts": None}, "tables.accounts is missing"),
        ({"tables.orders.from": "sale"}, "'sale' is not among the files. Did you mean 'sales'?"),
        ({"tables.orders.sql": "SELECT 1"}, "give either 'sql', or 'from'"),
        ({"tables.orders.columns.ammount": "Betrag"}, "'ammount' is no column of orders. Did you mean 'amount'?"),
        ({"tables.orders.columns.order_date": None}, "tables.orders.columns: 'order_date' is needed"),
        ({"tables.orders.columns.amount": "Betrg"}, "sales.csv has no column 'Betrg'. Did you mean 'Betrag'? Columns: Nr, Kunde"),
        ({"tables.orders.columns.amount": {"sql": "Preis * 2"}}, "there is no column 'Preis'"),
        ({"tables.orders.columns.amount": {"sql": "Betrag +"}}, "tables.orders.columns.amount: not readable as SQL"),
        ({"tables.orders.columns.amount": {"sql": "1", "column": "Nr"}}, "give either 'column' or 'sql'"),
        ({"tables.orders.columns.amount": {"sql": "Kunde::DOUBLE"}}, "Could not convert string 'Alpha' to DOUBLE"),
        ({"files.sales.set_aside": {"x": "Kund IS NULL"}}, "there is no column 'Kund'. Did you mean 'Kunde'?"),
        ({"files.sales.money": "Land::DOUBLE"}, "files.sales: Conversion Error"),
        ({"tables.accounts.sql": "SELECT Kunde AS account_id FROM sales"}, "select a column 'account_name'"),
        ({"tables.accounts.sql": "SELECT Kunde AS account_id, 1 AS account_name, 2 AS regoin FROM sales"}, "Did you mean 'region'?"),
        ({"tables.accounts.sql": "SELECT * FROM sale"}, "Table with name sale does not exist"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_said_in_one_line(tmp_path, bring, changes, said):
    with pytest.raises(InputError) as error:
        bring(changes)
    assert said in str(error.value)
    assert "map.yml" in str(error.value)
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files: [", "line 1: not readable as YAML"),
        ("- a\n- b\n", "is no mapping file"),
        ("", "is no mapping file"),
        ("files: {a: x.csv}\nfiles: {b: y.csv}\ntables: {}\n", "line 2: not readable as YAML ('files' stands twice)"),
        ("!!python/object/apply:os.system ['true']", "not readable as YAML"),
        (
            "files: {a: x.csv}\ntables: {accounts: {from: a, columns: {account_id: {column: x, values: {yes: 1}}}}}",
            "Write the key in quotes",
        ),
    ],
)
def test_a_file_that_is_no_mapping(bring, text, said):
    with pytest.raises(InputError) as error:
        bring(text=text or "\n")
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) <= 2


def test_all_wrong_entries_at_once(bring):
    with pytest.raises(InputError) as error:
        bring(
            {"tables.orders.columns.ammount": "Betrag", "tables.order": {"sql": "SELECT 1"}, "tables.returns.from": "x"}
        )
    assert len(str(error.value).splitlines()) == 3


def test_no_mapping_and_no_source(tmp_path, bring):
    with pytest.raises(InputError, match="cannot be read"):
        import_data(tmp_path / "none.yml", tmp_path, tmp_path / "into")
    bring()
    with pytest.raises(InputError, match="is not a folder"):
        import_data(tmp_path / "map.yml", tmp_path / "nowhere", tmp_path / "into")


# --- a mapping reaches the declared files and nothing else -------------------------------------------------------

ATTACKS = [
    "SELECT content AS account_id, '' AS account_name FROM read_text('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT file AS account_id, '' AS account_name FROM glob('{folder}/*')",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "ATTACH '{folder}/x.db' AS x",
    "INSTALL httpfs",
    "SET enable_external_access = true",
    "SELECT 1; DROP TABLE sales",
    "PRAGMA database_list",
    "CREATE TABLE x AS SELECT 1",
    "EXPORT DATABASE '{folder}/out'",
    "SELECT * FROM a_python_variable",
    "CALL pragma_version()",
    "UPDATE sales SET Nr = 1",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_sql_cannot_leave_the_sandbox(tmp_path, bring, attack):
    secret = tmp_path / "secret.csv"
    secret.write_text("account_id,account_name\nstolen,stolen\n")
    a_python_variable = pd.DataFrame({"account_id": ["stolen"], "account_name": ["stolen"]})
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError) as error:
        bring({"tables.accounts.sql": attack.format(secret=secret, folder=tmp_path)})
    assert len(str(error.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "map.yml", "source"])
    assert len(a_python_variable) == 1


@pytest.mark.parametrize(
    "attack",
    [
        "1) AS amount FROM read_text('{secret}') --",
        "(SELECT content FROM read_text('{secret}'))",
        "1; SELECT 2",
        "1) , (2",
        "Betrag -- comment",
        "Betrag /*",
    ],
)
def test_an_expression_is_one_expression(tmp_path, bring, attack):
    (tmp_path / "secret.csv").write_text("stolen")
    change = {"tables.orders.columns.amount": {"sql": attack.format(secret=tmp_path / "secret.csv")}}
    if attack == "Betrag -- comment":
        assert bring(change).entries
    else:
        with pytest.raises(InputError, match=r"map.yml: tables.orders"):
            bring(change)


def test_the_locked_engine_cannot_be_unlocked(tmp_path):
    box = Sandbox(tmp_path, tmp_path / "map.yml")
    box.lock()
    for statement in (
        "SET lock_configuration = false",
        "SET allowed_directories = ['/']",
        "RESET enable_external_access",
        "LOAD httpfs",
    ):
        with pytest.raises(duckdb.Error):
            box.con.execute(statement)


# --- small parts -------------------------------------------------------------------------------------------------


def test_toml_is_read_back_as_it_was_written():
    said = {
        "text": 'quo"te \\ 大客户\n\t\x7f', "number": 1.5, "whole": -3, "yes": True, "list": [1, "a"], "empty": {},
        "nested": {"a key": {"b": [0.1, 2]}, "x": "y"}, "many": [{"n": "ä"}, {"n": "b", "d": {"e": 1}}],
    }  # fmt: skip
    assert tomllib.loads(toml.document(said)) == said


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yml")), ids=lambda path: path.stem)
def test_the_shipped_mappings_are_valid(path):
    declared, settings = read_mapping(path)
    assert settings.as_of
    assert {"accounts", "orders"} <= declared.tables.keys()


def test_the_example_in_the_manual_works(tmp_path):
    manual = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    *_, example = re.findall(r"```yaml\n(.+?)```", manual, re.S)
    (tmp_path / "map.yml").write_text(example, encoding="utf-8")
    said = [Settings.model_validate(tomllib.loads(text)) for text in re.findall(r"```toml\n(.+?)```", manual, re.S)]
    assert said[0].rates == {"USD": 7.2}
    assert said[1].merged == {"A0007": "A0001"}
    source = tmp_path / "exports"
    source.mkdir()
    xlsx(
        source / "Kunden.xlsx", Kunden=[["KundenNr", "Firma", "Gebiet", "UmsatzTsd"], ["7", "Sieben GmbH", "Nord", 1.5]]
    )
    head = "Nummer;Zeile;Datum;KundenNr;Art;Status;Artikel;Menge;Betrag\n"
    rows = "r1;1;31.01.2025;7;Rechnung;;p;1,5;1.234,50\nr2;1;31.01.2025;7;Rechnung;storniert;p;1;1\nr3;1;31.01.2025;;Rechnung;;p;1;1\n"
    (source / "Rechnungen_01.csv").write_text(head + rows, encoding="utf-8")
    ledger = import_data(tmp_path / "map.yml", source, tmp_path / "into", as_of="2025-12-31").ledger
    data = kam.load(tmp_path / "into")
    assert data.frame("accounts").region.tolist() == ["North"]
    assert data.frame("orders").amount.tolist() == data.frame("order_lines").amount.tolist() == [1234.5]
    assert [(f.detail, f.n) for f in ledger.faults if f.kind == "rule"] == [("cancelled", 1), ("no customer", 1)]


# --- one file, and links -----------------------------------------------------------------------------------------


def test_a_file_given_alone_is_imported_without_its_neighbours(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    head = ["order_id", "account_id", "order_date", "amount"]
    sheets = {
        "accounts": [["account_id", "account_name"], ["a", "Alpha"]],
        "orders": [head, ["o1", "a", "2025-01-01", 100]],
    }
    book = xlsx(source / "book.xlsx", **sheets)
    (source / "broken.xlsx").write_text("no workbook")
    rules = {
        "settings": {"currency": "EUR"},
        "files": {name: {"path": "*.xlsx", "sheet": name} for name in sheets},
        "tables": {name: {"from": name, "columns": {cell: cell for cell in rows[0]}} for name, rows in sheets.items()},
    }
    (tmp_path / "map.yml").write_text(yaml.safe_dump(rules))
    imported = import_data(tmp_path / "map.yml", book, tmp_path / "into", "2025-12-31")
    assert {entry.file for entry in imported.ledger.files} == {"book.xlsx, sheet accounts", "book.xlsx, sheet orders"}
    assert loaded(tmp_path).frame("orders").amount.tolist() == [100]
    assert import_data(tmp_path / "map.yml", book, tmp_path / "into", "2025-12-31").snapshot is None


def test_a_file_alone_of_no_crm_says_so_and_is_named_where_it_lies(tmp_path):
    (tmp_path / "menu.csv").write_text("dish,price\nsoup,4\n")
    (tmp_path / "Accounts.csv").write_text("Record Id,Account Name\nzcrm_1,Alpha\n")
    with pytest.raises(InputError, match="none of its files is an export of a CRM that kam knows") as raised:
        import_data("auto", tmp_path / "menu.csv", tmp_path / "into", "2025-12-31")
    assert str(raised.value).startswith(str(tmp_path))


def test_links_to_folders_are_told_and_not_followed(tmp_path, bring):
    (tmp_path / "source" / "sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "sales.csv").write_text(SALES.replace("Alpha", "Secret"))
    (tmp_path / "source" / "sub" / "june").symlink_to(tmp_path / "elsewhere")
    ledger = bring({"files.sales.path": "**/*.csv"})
    assert [fault.file for fault in ledger.faults if fault.kind == "linked_folder"] == ["sub/june"]
    assert set(loaded(tmp_path).frame("accounts").account_name) == {"Alpha", "Beta"}
    with pytest.raises(InputError, match="is a link out of"):
        bring({"files.sales.path": "sub/june/*.csv"})
